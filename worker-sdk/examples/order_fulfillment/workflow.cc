#include "workflow.h"

#include <perdure/combine.h>

#include <chrono>
#include <string>

namespace orders {
namespace {

using namespace std::chrono_literals;

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
  return text;
}

perdure::TaskOptions Patient() {
  return perdure::TaskOptions().StartToClose(30s).Retry(
      perdure::RetryPolicy().InitialInterval(100ms).MaxInterval(5s));
}

// Undoes the half that worked. In parallel, and not stopped when the run is cancelled meanwhile.
perdure::Co<void> Undo(perdure::Context& ctx, perdure::Result<Reservation> stock,
                       perdure::Result<Receipt> receipt) {
  std::vector<perdure::Pending<void>> undos;
  if (stock) undos.push_back(ctx.Run(ReleaseInventory, Patient(), *stock));
  if (receipt) undos.push_back(ctx.Run(RefundPayment, Patient(), *receipt));
  co_await perdure::All(std::move(undos));
}

}  // namespace

perdure::Co<Fulfilment> Fulfil(perdure::Context& ctx, Order order) {
  Fulfilment done;
  done.order_id = order.id;

  ValidatedOrder valid = co_await ctx.Run(ValidateOrder, Patient(), order);
  if (!valid.problems.empty()) {
    done.status = "rejected";
    done.reason = Joined(valid.problems);
    co_return done;
  }

  const StockRequest wanted{valid.order.id, valid.order.items};
  const Charge charge{valid.order.id, valid.order.payment};
  auto [stock, receipt] = co_await perdure::AllSettled(ctx.Run(ReserveInventory, Patient(), wanted),
                                                       ctx.Run(ProcessPayment, Patient(), charge));
  if (!stock || !receipt) {
    co_await ctx.Shield(Undo(ctx, stock, receipt));
  }
  if (!stock) {
    if (!stock.HasType("OutOfStock")) stock.Rethrow();
    done.status = "unavailable";
    done.reason = stock.error().Root().message;
    co_return done;
  }
  if (!receipt) {
    if (!receipt.HasType("CardDeclined")) receipt.Rethrow();
    done.status = "declined";
    done.reason = receipt.error().Root().message;
    co_return done;
  }

  const Shipment shipment{valid.order.id, valid.order.customer, valid.order.shipping, *stock, *receipt};
  done.tracking_id = co_await ctx.Run(FinalizeOrder, Patient(), shipment);
  done.transaction_id = receipt->transaction_id;
  done.reservation_id = stock->id;
  done.status = "fulfilled";
  co_return done;
}

}  // namespace orders
