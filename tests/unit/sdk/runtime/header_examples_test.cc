// The examples that the public headers show, so that they go on compiling and meaning what they say.
#include "perdure/nlohmann_json.h"
#include "perdure/task_context.h"
#include "tests/unit/sdk/runtime/scenario.h"

namespace example {

// json.h
struct Item {
  std::string sku;
  int quantity = 1;
};
PERDURE_JSON(Item, sku, quantity)

enum class Priority { kLow, kHigh };
PERDURE_JSON_ENUM(Priority, kLow, kHigh)

struct Payment {
  std::string card;
};
PERDURE_JSON(Payment, card)

struct Order {
  std::string id;
  std::vector<Item> items;
  std::optional<std::string> note;
  Priority priority{};
  Payment payment;
};
PERDURE_JSON(Order, id, items, note, priority, payment)

struct Refund {
  std::string order;
  int cents = 0;
  std::optional<std::string> note;
};
PERDURE_JSON_STRICT(Refund, order, cents, note)

// payload.h
struct Point {
  int x = 0, y = 0;
};
PERDURE_JSON(Point, x, y)

struct Receipt {
  std::string id;
};
PERDURE_JSON(Receipt, id)
struct Stock {
  int reserved = 0;
};
PERDURE_JSON(Stock, reserved)
struct Fulfilment {
  std::string id;
  Stock stock;
  Receipt receipt;
  std::string status;
};
PERDURE_JSON(Fulfilment, id, stock, receipt, status)
struct Trip {
  std::string hotel, flight;
};
PERDURE_JSON(Trip, hotel, flight)

// task.h, workflow.h
inline constexpr perdure::Task<Receipt(Payment)> ProcessPayment{"process_payment"};
inline constexpr perdure::Task<Order(Order)> ValidateOrder{"validate_order"};
inline constexpr perdure::Task<Stock(std::vector<Item>)> CheckInventory{"check_inventory"};
inline constexpr perdure::Task<void(Stock)> Release{"release"};
inline constexpr perdure::Task<void(std::string, int)> Notify{"notify"};
inline constexpr perdure::Task<std::string(std::string)> BookHotel{"book_hotel"};
inline constexpr perdure::Task<std::string(std::string)> BookFlight{"book_flight"};
inline constexpr perdure::Task<void(std::string)> CancelHotel{"cancel_hotel"};
inline constexpr perdure::Task<void(std::string)> CancelFlight{"cancel_flight"};
inline constexpr perdure::Task<void(std::vector<std::string>)> CopyFiles{"copy_files"};
inline constexpr perdure::Workflow<Fulfilment(Order)> OrderFulfillment{"order_fulfillment"};
inline constexpr perdure::Workflow<Fulfilment(Order)> CarefulFulfillment{"careful_fulfillment"};
inline constexpr perdure::Workflow<Trip(std::string)> BookTrip{"book_trip"};
inline constexpr perdure::Workflow<nlohmann::json(nlohmann::json)> Webhook{"webhook"};
inline constexpr perdure::Signal<bool> Approve{"approve"};

// co.h
perdure::Co<Receipt> Charge(perdure::Context& ctx, Payment payment) {
  co_return co_await ctx.Run(ProcessPayment, payment);
}

// context.h
perdure::Co<Fulfilment> Fulfil(perdure::Context& ctx, Order order) {
  Order valid = co_await ctx.Run(ValidateOrder, order);
  auto [stock, receipt] =
      co_await perdure::All(ctx.Run(CheckInventory, valid.items), ctx.Run(ProcessPayment, valid.payment));
  co_await ctx.Sleep(std::chrono::hours(24));
  co_return Fulfilment{valid.id, stock, receipt, "fulfilled"};
}

// options.h, errors.h, result.h, combine.h, log.h
perdure::Co<Fulfilment> FulfilCarefully(perdure::Context& ctx, Order order) {
  Stock stock = co_await ctx.Run(CheckInventory, order.items);
  auto options = perdure::TaskOptions()
                     .StartToClose(std::chrono::seconds(30))
                     .Retry(perdure::RetryPolicy().MaxAttempts(5).NonRetryable("CardDeclined"));
  perdure::Result<Receipt> paid = co_await perdure::Try(ctx.Run(ProcessPayment, options, order.payment));
  if (!paid) {
    ctx.Log().Warn("payment failed", "order", order.id, "why", paid.error().Describe());
    co_await ctx.Run(Release, stock);
    co_return Fulfilment{order.id, {}, {}, "rejected: " + paid.error().Root().message};
  }
  auto answer = co_await perdure::Try(perdure::WithTimeout(ctx.WaitSignal(Approve), std::chrono::hours(24)));
  if (!answer) co_return Fulfilment{order.id, stock, *paid, "not approved in time"};
  co_return Fulfilment{order.id, stock, *paid, "approved"};
}

// saga.h
perdure::Co<Trip> Book(perdure::Context& ctx, std::string request) {
  perdure::Saga saga;
  auto booked = co_await perdure::Try([&]() -> perdure::Co<Trip> {
    std::string hotel = co_await ctx.Run(BookHotel, request);
    saga.Add([&ctx, hotel] { return ctx.Run(CancelHotel, hotel); });
    std::string flight = co_await ctx.Run(BookFlight, request);
    saga.Add([&ctx, flight] { return ctx.Run(CancelFlight, flight); });
    co_return Trip{hotel, flight};
  });
  if (!booked) {
    co_await saga.Compensate();  // the flight first, then the hotel; not stopped by cancellation
    booked.Rethrow();
  }
  co_return *booked;
}

// nlohmann_json.h
perdure::Co<nlohmann::json> HandleEvent(perdure::Context& ctx, nlohmann::json event) {
  if (event.value("type", "") == "user.created") {
    co_return nlohmann::json{{"created", event.at("data").at("name")}, {"at", ctx.Info().workflow_id}};
  }
  co_return nullptr;
}

}  // namespace example

namespace perdure::testing {
namespace {

using namespace example;
using ::testing::ElementsAre;

PERDURE_SCENARIO(HeaderExamplesTest);

TEST(PayloadExampleTest, RoundTrips) {
  const Payload payload = ToPayload(Point{1, 2});
  EXPECT_EQ(payload.data, R"({"x":1,"y":2})");
  EXPECT_EQ(FromPayload<Point>(payload).y, 2);
}

TEST_P(HeaderExamplesTest, Fulfil) {
  Host(OrderFulfillment, Fulfil);
  server().Host(ValidateOrder, [](Order order) { return order; });
  server().Host(CheckInventory,
                [](const std::vector<Item>& items) { return Stock{static_cast<int>(items.size())}; });
  server().Host(ProcessPayment, [](Payment p) { return Receipt{"r-" + p.card}; });
  server().Start(OrderFulfillment, Order{"o-1", {{"apple", 2}}, "gift", Priority::kHigh, {"visa"}});
  server().RunToEnd();
  EXPECT_EQ(ToPayload(server().ResultOf(OrderFulfillment)).data,
            R"({"id":"o-1","stock":{"reserved":1},"receipt":{"id":"r-visa"},"status":"fulfilled"})");
}

TEST_P(HeaderExamplesTest, FulfilCarefully) {
  options_.log = nullptr;
  Host(CarefulFulfillment, FulfilCarefully);
  bool released = false;
  server().Host(CheckInventory, [](const std::vector<Item>&) { return Stock{1}; });
  server().Host(ProcessPayment, [](Payment) -> Receipt {
    throw ApplicationError("CardDeclined", "the bank said no").NonRetryable();
  });
  server().Host(Release, [&](Stock) { released = true; });
  server().Start(CarefulFulfillment, Order{"o-2", {}, std::nullopt, Priority::kLow, {"visa"}});
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(CarefulFulfillment).status, "rejected: the bank said no");
  EXPECT_TRUE(released);
}

TEST_P(HeaderExamplesTest, BookTrip) {
  Host(BookTrip, Book);
  std::vector<std::string> undone;
  server().Host(BookHotel, [](const std::string& request) { return "hotel in " + request; });
  server().Host(BookFlight,
                [](const std::string&) -> std::string { throw ApplicationError("SoldOut", "no seat"); });
  server().Host(CancelHotel, [&](const std::string& hotel) { undone.push_back(hotel); });
  server().Start(BookTrip, "Rome");
  server().RunToEnd();
  EXPECT_EQ(server().status(), "failed");
  EXPECT_TRUE(server().failure().HasType("SoldOut"));
  EXPECT_THAT(undone, ElementsAre("hotel in Rome"));
}

TEST_P(HeaderExamplesTest, Webhook) {
  Host(Webhook, HandleEvent);
  server().Start(Webhook, {{"type", "user.created"}, {"data", {{"name", "Ada"}}}});
  server().Settle();
  EXPECT_EQ(server().ResultOf(Webhook).at("created"), "Ada");
}

TEST_P(HeaderExamplesTest, NestedCallScopeAndShield) {
  static constexpr Workflow<std::string(Payment)> kScope{"scope"};
  Host(kScope, [](Context& ctx, Payment payment) -> Co<std::string> {
    Receipt receipt = co_await Charge(ctx, payment);
    CancelScope scope(ctx);
    auto search = scope.Run([&]() -> Co<int> {
      co_await ctx.Sleep(std::chrono::hours(1));
      co_return 1;
    });
    scope.Cancel("found elsewhere");
    const Result<int> found = co_await Try(std::move(search));
    co_await ctx.Shield([&]() -> Co<> { co_await ctx.Run(Notify, receipt.id, 1); });
    co_return receipt.id + (found ? "" : " " + found.error().message);
  });
  server().Host(ProcessPayment, [](Payment p) { return Receipt{p.card}; });
  server().Host(Notify, [](const std::string&, int) {});
  server().Start(kScope, Payment{"visa"});
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(kScope), "visa found elsewhere");
}

// task_context.h: a second attempt goes on where the first one was.
class SecondAttempt final : public detail::TaskContextImpl {
 public:
  SecondAttempt() {
    info_.run_id = "run-1";
    info_.seq = 4;
    info_.attempt = 2;
  }
  const TaskInfo& Info() const override { return info_; }
  const Logger& Log() const override { return log_; }
  void Heartbeat(std::optional<Payload> details) override {
    sent_.push_back(details.value_or(Payload()).data);
  }
  const std::optional<Payload>& LastHeartbeat() const override { return last_; }
  bool Cancelled() const override { return sent_.size() == 2; }
  std::string CancelReason() const override { return "enough"; }
  bool WaitCancelled(std::chrono::milliseconds) override { return Cancelled(); }

  TaskInfo info_;
  Logger log_{nullptr, {}};
  std::optional<Payload> last_ = ToPayload(std::size_t{1});
  std::vector<std::string> sent_;
};

TEST(TaskContextExampleTest, GoesOnFromTheLastHeartbeat) {
  std::vector<std::string> copied;
  const auto copy_files = detail::EraseTask(CopyFiles, [&](TaskContext& ctx, std::vector<std::string> files) {
    std::size_t next = ctx.LastHeartbeat<std::size_t>().value_or(0);  // where the previous attempt was
    for (; next < files.size(); ++next) {
      ctx.ThrowIfCancelled();
      copied.push_back(files[next] + " " + ctx.IdempotencyKey());
      ctx.Heartbeat(next + 1);
    }
  });
  SecondAttempt impl;
  TaskContext ctx(impl);
  const auto files = detail::EncodeArgs(std::vector<std::string>{"a", "b", "c", "d"});
  EXPECT_THROW(copy_files(ctx, files), Cancelled);
  EXPECT_THAT(copied, ElementsAre("b run-1/4", "c run-1/4"));
  EXPECT_THAT(impl.sent_, ElementsAre("2", "3"));
}

}  // namespace
}  // namespace perdure::testing
