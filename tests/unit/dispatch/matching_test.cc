// Who gets what: order, turns, affinity.
#include "tests/unit/dispatch/harness.h"

namespace perdure::dispatch {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class MatchingTest : public DispatchTest {
 protected:
  int64_t QueuedInAll() {
    v1::GetServerInfoResponse info;
    dispatcher().FillInfo(info);
    int64_t depth = 0;
    for (const v1::QueueInfo& queue : info.queues()) depth += queue.depth();
    return depth;
  }
};

TEST_F(MatchingTest, WorkThatWaitsIsGivenOutInOrder) {
  for (uint64_t n = 1; n <= 4; ++n) Offer(Task("charge", n));
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 3));
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(1, 2, 3));
  EXPECT_EQ(QueueOf("charge").depth(), 1);
}

TEST_F(MatchingTest, NewWorkDoesNotOvertakeWhatWaits) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  for (uint64_t n = 1; n <= 3; ++n) Offer(Task("charge", n));
  std::vector<uint64_t> order;
  for (uint64_t n = 1; n <= 3; ++n) {
    const Inbox in = worker.Receive();
    order.push_back(in.tasks.at(0).delivery());
    Offer(Task("charge", 10 + n));
    ASSERT_TRUE(worker.Answer(in.tasks[0], n).ok());
  }
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST_F(MatchingTest, SessionsTakeTurns) {
  TestWorker a = Connect(MakeHello("a").Tasks({"charge"}, 10));
  TestWorker b = Connect(MakeHello("b").Tasks({"charge"}, 10));
  TestWorker c = Connect(MakeHello("c").Tasks({"charge"}, 10));
  for (uint64_t n = 1; n <= 6; ++n) Offer(Task("charge", n));
  EXPECT_THAT(Numbers(a.Receive().tasks), ElementsAre(1, 4));
  EXPECT_THAT(Numbers(b.Receive().tasks), ElementsAre(2, 5));
  EXPECT_THAT(Numbers(c.Receive().tasks), ElementsAre(3, 6));
}

TEST_F(MatchingTest, AFullSessionIsPassedOverAndComesBack) {
  TestWorker a = Connect(MakeHello("a").Tasks({"charge"}, 1));
  TestWorker b = Connect(MakeHello("b").Tasks({"charge"}, 10));
  for (uint64_t n = 1; n <= 4; ++n) Offer(Task("charge", n));
  const Inbox first = a.Receive();
  EXPECT_THAT(Numbers(first.tasks), ElementsAre(1));
  EXPECT_THAT(Numbers(b.Receive().tasks), ElementsAre(2, 3, 4));
  ASSERT_TRUE(a.Answer(first.tasks[0], 1).ok());
  Offer(Task("charge", 5));
  Offer(Task("charge", 6));
  EXPECT_THAT(a.Receive().tasks.size() + b.Receive().tasks.size(), 2u);
  EXPECT_EQ(SessionNamed("a").tasks_out(), 1);
}

TEST_F(MatchingTest, TheQueuesOfASessionTakeTurns) {
  for (uint64_t n = 1; n <= 4; ++n) Offer(Task("charge", n));
  for (uint64_t n = 11; n <= 14; ++n) Offer(Task("ship", n));
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge", "ship"}, 4));
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(1, 11, 2, 12));
}

TEST_F(MatchingTest, OnlySessionsThatHostTheTypeGetIt) {
  TestWorker other_type = Connect(MakeHello("a").Tasks({"ship"}, 5));
  TestWorker other_queue = Connect(MakeHello("b").Tasks({"charge"}, 5).TaskQueue("elsewhere"));
  v1::Hello hello = MakeHello("c").Tasks({"charge"}, 5);
  hello.set_namespace_("other");
  TestWorker other_namespace = Connect(hello);
  TestWorker other_kind = Connect(MakeHello("d").Workflows({"charge"}, 5));
  Offer(Task("charge", 1));
  EXPECT_THAT(other_type.Receive().tasks, IsEmpty());
  EXPECT_THAT(other_queue.Receive().tasks, IsEmpty());
  EXPECT_THAT(other_namespace.Receive().tasks, IsEmpty());
  EXPECT_EQ(other_kind.Receive().frames, 0);
  EXPECT_EQ(QueuedInAll(), 1);
}

TEST_F(MatchingTest, ATypeNamedTwiceIsHostedOnce) {
  TestWorker a = Connect(MakeHello("a").Tasks({"charge", "charge"}, 10));
  TestWorker b = Connect(MakeHello("b").Tasks({"charge"}, 10));
  for (uint64_t n = 1; n <= 4; ++n) Offer(Task("charge", n));
  EXPECT_THAT(Numbers(a.Receive().tasks), ElementsAre(1, 3));
  EXPECT_EQ(QueueOf("charge").sessions(), 2);
}

TEST_F(MatchingTest, TheHolderOfTheCoroutineGoesFirst) {
  TestWorker a = Connect(MakeHello("a").Workflows({"order"}, 10));
  TestWorker b = Connect(MakeHello("b").Workflows({"order"}, 10));
  for (uint64_t n = 1; n <= 3; ++n) Offer(Activation("order", n).Holder(b.session));
  EXPECT_THAT(a.Receive().activations, IsEmpty());
  EXPECT_THAT(Numbers(b.Receive().activations), ElementsAre(1, 2, 3));
}

TEST_F(MatchingTest, AFullHolderLosesTheRunToAnother) {
  TestWorker a = Connect(MakeHello("a").Workflows({"order"}, 10));
  TestWorker b = Connect(MakeHello("b").Workflows({"order"}, 1));
  for (uint64_t n = 1; n <= 2; ++n) Offer(Activation("order", n).Holder(b.session));
  EXPECT_THAT(Numbers(b.Receive().activations), ElementsAre(1));
  EXPECT_THAT(Numbers(a.Receive().activations), ElementsAre(2));
}

TEST_F(MatchingTest, ALostHolderLosesTheRunToAnother) {
  TestWorker a = Connect(MakeHello("a").Workflows({"order"}, 10));
  TestWorker b = Connect(MakeHello("b").Workflows({"order"}, 10));
  b.Cut();
  Offer(Activation("order", 1).Holder(b.session));
  Offer(Activation("order", 2).Holder(12345));
  EXPECT_THAT(Numbers(a.Receive().activations), ElementsAre(1, 2));
}

TEST_F(MatchingTest, ADrainingHolderLosesTheRunToAnother) {
  TestWorker a = Connect(MakeHello("a").Workflows({"order"}, 10));
  TestWorker b = Connect(MakeHello("b").Workflows({"order"}, 10));
  ASSERT_TRUE(b.Drain().ok());
  Offer(Activation("order", 1).Holder(b.session));
  EXPECT_THAT(Numbers(a.Receive().activations), ElementsAre(1));
  EXPECT_THAT(b.Receive().activations, IsEmpty());
}

TEST_F(MatchingTest, AHolderThatDoesNotHostTheTypeAnyMoreDoesNotGetIt) {
  TestWorker a = Connect(MakeHello("a").Workflows({"order"}, 10));
  TestWorker b = Connect(MakeHello("b").Workflows({"order"}, 10));
  b.Cut();
  b.Reconnect(MakeHello("b").Workflows({"invoice"}, 10));
  Offer(Activation("order", 1).Holder(b.session));
  EXPECT_THAT(Numbers(a.Receive().activations), ElementsAre(1));
}

TEST_F(MatchingTest, WorkWithoutAWorkerWaits) {
  Offer(Task("charge", 1));
  Advance(250);
  EXPECT_EQ(QueueOf("charge").depth(), 1);
  EXPECT_EQ(QueueOf("charge").age_ms(), 250);
  EXPECT_EQ(QueueOf("charge").kind(), "task");
  EXPECT_FALSE(dispatcher().Hosted("default", "main", WorkKind::kTask, "charge"));
}

TEST_F(MatchingTest, HostedFollowsTheStreams) {
  const auto hosted = [&] { return dispatcher().Hosted("default", "main", WorkKind::kTask, "charge"); };
  EXPECT_FALSE(hosted());
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  EXPECT_TRUE(hosted());
  EXPECT_FALSE(dispatcher().Hosted("default", "main", WorkKind::kActivation, "charge"));
  worker.Cut();
  EXPECT_FALSE(hosted());
  worker.Reconnect(MakeHello("w").Tasks({"charge"}, 1));
  EXPECT_TRUE(hosted());
  ASSERT_TRUE(worker.Drain().ok());
  EXPECT_FALSE(hosted()) << "a draining worker takes nothing any more";
}

TEST_F(MatchingTest, IdleQueuesDisappear) {
  {
    TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 5));
    Offer(Task("charge", 1));
    Offer(Task("refund", 2));
    ASSERT_TRUE(worker.Answer(worker.Receive().tasks[0], 1).ok());
    worker.Cut();
  }
  dispatcher().Tick();
  EXPECT_EQ(QueueOf("charge").type(), "");
  EXPECT_EQ(QueueOf("refund").depth(), 1) << "one with work stays";
  TestWorker again = Connect(MakeHello("w2").Tasks({"refund"}, 5));
  EXPECT_THAT(Numbers(again.Receive().tasks), ElementsAre(2));
}

TEST_F(MatchingTest, BothKindsGetTheirTurnAtAStreamThatIsSlow) {
  options.session_outgoing_bytes_max = 4'000;
  for (uint64_t n = 1; n <= 10; ++n) Offer(Activation("order", n).Bytes(1'000));
  for (uint64_t n = 11; n <= 20; ++n) Offer(Task("charge", n).Bytes(1'000));
  Connect(MakeHello("w").Tasks({"charge"}, 10).Workflows({"order"}, 10));
  EXPECT_GT(SessionNamed("w").activations_out(), 0);
  EXPECT_GT(SessionNamed("w").tasks_out(), 0);
  EXPECT_LT(SessionNamed("w").activations_out() + SessionNamed("w").tasks_out(), 6);
}

}  // namespace
}  // namespace perdure::dispatch
