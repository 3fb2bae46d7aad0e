// Work that is not wanted any more, wherever it is.
#include "tests/unit/dispatch/harness.h"

namespace perdure::dispatch {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RecallTest : public DispatchTest {};

TEST_F(RecallTest, WithdrawnWorkLeavesItsQueueAtOnce) {
  for (uint64_t n = 1; n <= 3; ++n) Offer(Task("charge", n).Bytes(1'000));
  Withdraw(Task("charge", 2).Token());
  EXPECT_EQ(QueueOf("charge").depth(), 2);
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 5));
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(1, 3));
}

// Else what nobody wants would fill the window of a queue that nobody serves.
TEST_F(RecallTest, WithdrawnWorkGivesItsRoomBack) {
  options.queue_window_max = 2;
  Offer(Task("charge", 1));
  Offer(Task("charge", 2));
  Withdraw(Task("charge", 1).Token());
  Withdraw(Task("charge", 2).Token());
  Offer(Task("charge", 3));
  Offer(Task("charge", 4));
  EXPECT_THAT(upstream.Of<Spilled>(), IsEmpty());
  EXPECT_EQ(QueueOf("charge").depth(), 2);
}

TEST_F(RecallTest, AWorkerIsAskedToCancelATaskItHas) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 5));
  Offer(Task("charge", 1));
  ASSERT_THAT(worker.Receive().tasks, SizeIs(1));
  Withdraw(Task("charge", 1).Token(), "its run is closed");
  const Inbox in = worker.Receive();
  ASSERT_THAT(in.cancels, SizeIs(1));
  EXPECT_EQ(in.cancels[0].token().delivery(), 1u);
  EXPECT_EQ(in.cancels[0].reason(), "its run is closed");
  EXPECT_EQ(SessionNamed("w").tasks_out(), 1) << "it answers, and only that returns the credit";
}

TEST_F(RecallTest, CancelTaskReachesTheWorkerThatHasIt) {
  TestWorker a = Connect(MakeHello("a").Tasks({"charge"}, 5));
  TestWorker b = Connect(MakeHello("b").Tasks({"charge"}, 5));
  Offer(Task("charge", 1));
  Offer(Task("charge", 2));
  a.Receive();
  b.Receive();
  CancelTask(Task("charge", 2).Token(), "the workflow cancelled it");
  EXPECT_THAT(a.Receive().cancels, IsEmpty());
  EXPECT_THAT(b.Receive().cancels, SizeIs(1));
}

// A cancellation that overtook its task would be lost: the worker does not know the token yet.
TEST_F(RecallTest, WhatWasNotSentYetIsTakenBackInsteadOfCancelled) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  Offer(Task("charge", 1));
  Offer(Task("charge", 2));
  CancelTask(Task("charge", 1).Token(), "the workflow cancelled it");
  const Inbox in = worker.Receive();
  EXPECT_THAT(in.cancels, IsEmpty());
  EXPECT_THAT(Numbers(in.tasks), ElementsAre(2)) << "its credit went to the next one";
  EXPECT_THAT(upstream.Of<Returned>(), ElementsAre(ReturnedAs(1, false)));
}

TEST_F(RecallTest, ACancellationOutlivesTheStream) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  Offer(Task("charge", 1));
  ASSERT_THAT(worker.Receive().tasks, SizeIs(1));
  worker.Cut();
  CancelTask(Task("charge", 1).Token(), "the workflow cancelled it");
  worker.Reconnect(MakeHello("w").Tasks({"charge"}, 1).TaskInHand(Task("charge", 1).Token()));
  const Inbox in = worker.Receive();
  ASSERT_THAT(in.cancels, SizeIs(1));
  EXPECT_EQ(in.cancels[0].reason(), "the workflow cancelled it");
}

TEST_F(RecallTest, ACancellationThatMayHaveBeenLostWithTheStreamIsRepeated) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  Offer(Task("charge", 1));
  ASSERT_THAT(worker.Receive().tasks, SizeIs(1));
  CancelTask(Task("charge", 1).Token(), "the workflow cancelled it");
  ASSERT_THAT(worker.Receive().cancels, SizeIs(1));
  worker.Cut();
  worker.Reconnect(MakeHello("w").Tasks({"charge"}, 1).TaskInHand(Task("charge", 1).Token()));
  EXPECT_THAT(worker.Receive().cancels, SizeIs(1));
}

// A worker that is told that the run is gone has nothing to answer.
TEST_F(RecallTest, AnActivationInHandGivesItsCreditBack) {
  TestWorker worker = Connect(MakeHello("w").Workflows({"order"}, 1));
  Offer(Activation("order", 1));
  const Inbox in = worker.Receive();
  Offer(Activation("order", 2));
  Withdraw(Activation("order", 1).Token());
  EXPECT_THAT(Numbers(worker.Receive().activations), ElementsAre(2)) << "the credit went to the next one";
  ASSERT_TRUE(worker.Answer(in.activations[0], 7).ok());
  EXPECT_THAT(worker.Receive().acks, ElementsAre(7)) << "an answer all the same is stale";
  EXPECT_THAT(upstream.Of<v1::ActivationAnswer>(), IsEmpty());
  EXPECT_EQ(SessionNamed("w").activations_out(), 1);
}

TEST_F(RecallTest, WhatIsAnsweredOrUnknownIsNotRecalled) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  Offer(Task("charge", 1));
  ASSERT_TRUE(worker.Answer(worker.Receive().tasks[0], 1).ok());
  CancelTask(Task("charge", 1).Token(), "late");
  Withdraw(Task("charge", 1).Token());
  Withdraw(Task("charge", 44).Token());
  EXPECT_THAT(worker.Receive().cancels, IsEmpty());
}

TEST_F(RecallTest, EvictReachesTheSession) {
  TestWorker worker = Connect(MakeHello("w").Workflows({"order"}, 1));
  Work evict;
  evict.kind = Work::Kind::kEvict;
  evict.session = worker.session;
  evict.token = Activation("order", 0).Run(9).Token();
  Release(std::move(evict));
  const Inbox in = worker.Receive();
  ASSERT_THAT(in.evict, SizeIs(1));
  EXPECT_EQ(in.evict[0].run(), 9u);
}

TEST_F(RecallTest, EvictOfASessionThatIsGoneDoesNothing) {
  TestWorker worker = Connect(MakeHello("w").Workflows({"order"}, 1));
  worker.Cut();
  for (const SessionNumber session : {worker.session, SessionNumber{999}}) {
    Work evict;
    evict.kind = Work::Kind::kEvict;
    evict.session = session;
    Release(std::move(evict));
  }
  worker.Reconnect(MakeHello("w").Workflows({"order"}, 1));
  EXPECT_THAT(worker.Receive().evict, IsEmpty());
}

}  // namespace
}  // namespace perdure::dispatch
