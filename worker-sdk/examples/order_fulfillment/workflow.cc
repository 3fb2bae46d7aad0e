#include "workflow.h"

#include <perdure/combine.h>
#include <perdure/saga.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace orders {
namespace {

using namespace std::chrono_literals;

perdure::TaskOptions Patient() {
  return perdure::TaskOptions().StartToClose(30s).Retry(
      perdure::RetryPolicy().InitialInterval(100ms).MaxInterval(5s));
}

// For what moves goods or money. If the run is cancelled, the task is told and its end is awaited: an undo
// that overtakes the task it is to undo would find nothing to undo.
perdure::TaskOptions SeenThrough() { return Patient().OnCancel(perdure::OnCancel::kWait); }

Fulfilment NotFulfilled(const Order& order, std::string status, std::string reason) {
  Fulfilment end;
  end.order_id = order.id;
  end.status = std::move(status);
  end.reason = std::move(reason);
  return end;
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
  return text;
}

// Notes in `saga` how to undo each thing before it asks for it, not after: a task that was cancelled or timed
// out, or whose worker died, has no answer to tell of an effect that it had all the same.
perdure::Co<Fulfilment> Process(perdure::Context& ctx, Order placed, perdure::Saga& saga) {
  const ValidatedOrder valid = co_await ctx.Run(ValidateOrder, Patient(), placed);
  const Order& order = valid.order;
  if (!valid.problems.empty()) co_return NotFulfilled(placed, "rejected", Joined(valid.problems));

  const auto undo_with = [&ctx, &saga, id = order.id](const auto& task) {
    saga.Add([&ctx, id, &task] { return ctx.Run(task, Patient(), id); });
  };
  undo_with(ReleaseInventory);
  undo_with(RefundPayment);
  auto [stock, receipt] = co_await perdure::AllSettled(
      ctx.Run(ReserveInventory, SeenThrough(), StockRequest{order.id, order.items}),
      ctx.Run(ProcessPayment, SeenThrough(), Charge{order.id, order.payment}));
  if (stock.HasType("OutOfStock")) co_return NotFulfilled(order, "unavailable", stock.error().Root().message);
  if (receipt.HasType("CardDeclined"))
    co_return NotFulfilled(order, "declined", receipt.error().Root().message);

  // Either of these throws if that half failed in another way, or was cancelled.
  const Shipment shipment{order.id, order.customer, order.shipping, stock.value(), receipt.value()};
  ctx.ThrowIfCancelled();  // the last chance: nothing is asked of the carrier then
  undo_with(RecallParcel);
  const std::string tracking_id = co_await ctx.Run(FinalizeOrder, SeenThrough(), shipment);
  saga.Forget();
  co_return Fulfilment{order.id, "fulfilled", "", tracking_id, receipt->transaction_id, stock->id};
}

}  // namespace

perdure::Co<Fulfilment> Fulfil(perdure::Context& ctx, Order order) {
  perdure::Saga saga;
  auto end = co_await perdure::Try(Process(ctx, order, saga));
  for (const perdure::Failure& failure : co_await saga.Compensate()) {
    ctx.Log().Error("this has to be undone by hand", "order", order.id, "why", failure.Describe());
  }
  co_return end.value();
}

}  // namespace orders
