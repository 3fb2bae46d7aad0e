// The order example, cancelled and failed at each of its points: an order is fulfilled, or all is undone.
#include "tests/unit/sdk/runtime/scenario.h"
#include "worker-sdk/examples/order_fulfillment/workflow.h"

namespace perdure::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

orders::ValidatedOrder Valid() {
  orders::ValidatedOrder valid;
  valid.order.id = "o-1";
  return valid;
}

class OrderExampleTest : public Scenario {
 protected:
  void SetUp() override {
    Host(orders::OrderFulfillment, orders::Fulfil);
    const auto undo = [this](const char* what) {
      return [this, what](const std::string& order_id) { undone_.push_back(what + (" " + order_id)); };
    };
    server().Host(orders::ReleaseInventory, undo("release"));
    server().Host(orders::RefundPayment, undo("refund"));
    server().Host(orders::RecallParcel, undo("recall"));
    server().Start(orders::OrderFulfillment, Valid().order);
    server().Settle();
  }

  // Each brings the run to the next of its points.
  void Validated() {
    server().Complete(orders::ValidateOrder, Valid());
    server().Settle();
  }
  void Reserved() {
    server().Complete(orders::ReserveInventory, {"RSV-1", "o-1", "Basel", 1});
    server().Settle();
  }
  void Paid() {
    server().Complete(orders::ProcessPayment, {"TXN-1", "o-1", "Visa", "1111", "CHF", 100});
    server().Settle();
  }
  void Cancel() {
    server().Cancel("changed my mind");
    server().Settle();
  }
  // Undos are carried out, too.
  std::string End() {
    server().RunToEnd();
    EXPECT_EQ(Trouble(), "");
    if (server().status() != "completed") return server().status();
    return server().ResultOf(orders::OrderFulfillment).status;
  }

  std::vector<std::string> undone_;
};
INSTANTIATE_TEST_SUITE_P(All, OrderExampleTest, ::testing::Values(Cache::kKeep, Cache::kDropAlways),
                         CacheName);

TEST_P(OrderExampleTest, AFulfilledOrderUndoesNothing) {
  Validated();
  Reserved();
  Paid();
  server().Complete(orders::FinalizeOrder, "CH-1");
  EXPECT_EQ(End(), "fulfilled");
  EXPECT_THAT(undone_, IsEmpty());
}

TEST_P(OrderExampleTest, CancelledWhileItIsValidatedNothingIsToBeUndone) {
  Cancel();
  EXPECT_EQ(End(), "cancelled");
  EXPECT_THAT(undone_, IsEmpty());
}

TEST_P(OrderExampleTest, CancelledInTheParallelPartItWaitsForBothHalvesAndUndoesThem) {
  Validated();
  Cancel();
  EXPECT_FALSE(server().closed());
  EXPECT_EQ(server().open_tasks(), 2u) << "the halves are not left behind";
  Paid();
  EXPECT_EQ(server().open_tasks(), 1u);
  Reserved();
  EXPECT_EQ(End(), "cancelled");
  EXPECT_THAT(undone_, ElementsAre("refund o-1", "release o-1"));
}

TEST_P(OrderExampleTest, AHalfThatSaysItWasCancelledMayHaveHadItsEffectInAnEarlierAttempt) {
  Validated();
  Reserved();
  Cancel();
  server().EndCancelled("process_payment");
  EXPECT_EQ(End(), "cancelled");
  EXPECT_THAT(undone_, ElementsAre("refund o-1", "release o-1"));
}

TEST_P(OrderExampleTest, CancelledBetweenTheHalvesAndTheParcelNoParcelIsSent) {
  Validated();
  Reserved();
  server().Cancel("changed my mind");
  Paid();
  EXPECT_EQ(End(), "cancelled");
  EXPECT_THAT(undone_, ElementsAre("refund o-1", "release o-1"));
  for (const std::string& command : server().CommandLog()) {
    EXPECT_EQ(command.find("finalize_order"), std::string::npos) << command;
  }
}

TEST_P(OrderExampleTest, CancelledTooLateTheOrderIsFulfilled) {
  Validated();
  Reserved();
  Paid();
  Cancel();
  EXPECT_FALSE(server().closed());
  server().Complete(orders::FinalizeOrder, "CH-1");
  EXPECT_EQ(End(), "fulfilled");
  EXPECT_THAT(undone_, IsEmpty());
}

TEST_P(OrderExampleTest, CancelledWhileTheParcelIsHandedOverAllIsUndone) {
  Validated();
  Reserved();
  Paid();
  Cancel();
  server().EndCancelled("finalize_order");
  EXPECT_EQ(End(), "cancelled");
  EXPECT_THAT(undone_, ElementsAre("recall o-1", "refund o-1", "release o-1"));
}

TEST_P(OrderExampleTest, CancelledWhileItUndoesItGoesOn) {
  Validated();
  Reserved();
  server().Fail("process_payment", AppFailure("CardDeclined", "no funds"));
  server().Settle();
  Cancel();
  EXPECT_EQ(End(), "declined");
  EXPECT_THAT(undone_, ElementsAre("refund o-1", "release o-1"));
}

TEST_P(OrderExampleTest, WithoutStockThePaymentIsUndone) {
  Validated();
  Paid();
  server().Fail("reserve_inventory", AppFailure("OutOfStock", "none left"));
  EXPECT_EQ(End(), "unavailable");
  EXPECT_THAT(undone_, ElementsAre("refund o-1", "release o-1"));
}

TEST_P(OrderExampleTest, WhatNobodyForesawFailsTheRunAfterAllIsUndone) {
  Validated();
  Reserved();
  Paid();
  server().Fail("finalize_order", AppFailure("NoSuchAddress", "the carrier cannot find it"));
  EXPECT_EQ(End(), "failed");
  EXPECT_TRUE(server().failure().HasType("NoSuchAddress"));
  EXPECT_THAT(undone_, ElementsAre("recall o-1", "refund o-1", "release o-1"));
}

}  // namespace
}  // namespace perdure::testing
