// Workers that were there before the server was: what they have in hand goes on.
#include "tests/unit/dispatch/harness.h"

namespace perdure::dispatch {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class TakeoverTest : public DispatchTest {
 protected:
  std::vector<uint32_t> HeardSessionsBack() const {
    std::vector<uint32_t> partitions;
    for (const auto& [partition, report] : upstream.posted) {
      if (std::holds_alternative<SessionsBack>(report.what)) partitions.push_back(partition);
    }
    return partitions;
  }
};

TEST_F(TakeoverTest, TasksInHandOfAnUnknownSessionAreTakenOver) {
  TestWorker worker =
      Connect(MakeHello("w").Tasks({"charge"}, 2).TaskInHand(Task("charge", 5).Partition(1).Token(), 1'234));
  EXPECT_FALSE(worker.welcome.resumed());
  EXPECT_THAT(worker.welcome.stale_tokens(), IsEmpty());
  ASSERT_THAT(upstream.Of<TakenOver>(), ElementsAre(About(5)));
  EXPECT_EQ(upstream.Of<TakenOver>()[0].running_ms, 1'234);
  for (const auto& [partition, report] : upstream.posted) {
    if (std::holds_alternative<TakenOver>(report.what)) {
      EXPECT_EQ(partition, 1u);
    }
  }
}

TEST_F(TakeoverTest, TasksTakenOverUseCredits) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 2).TaskInHand(Task("charge", 5).Token()));
  Offer(Task("charge", 6));
  Offer(Task("charge", 7));
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(6));
  ASSERT_TRUE(worker.Answer(Task("charge", 5).Token(), 1).ok());
  EXPECT_THAT(upstream.Of<v1::TaskAnswer>(), SizeIs(1));
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(7));
}

TEST_F(TakeoverTest, MoreTasksInHandThanCreditsAreTakenOverAllTheSame) {
  TestWorker worker = Connect(MakeHello("w")
                                  .Tasks({"charge"}, 1)
                                  .TaskInHand(Task("charge", 5).Token())
                                  .TaskInHand(Task("charge", 6).Token()));
  EXPECT_EQ(SessionNamed("w").tasks_out(), 2);
  Offer(Task("charge", 7));
  ASSERT_TRUE(worker.Answer(Task("charge", 5).Token(), 1).ok());
  EXPECT_THAT(worker.Receive().tasks, IsEmpty());
  ASSERT_TRUE(worker.Answer(Task("charge", 6).Token(), 2).ok());
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(7));
}

TEST_F(TakeoverTest, ATaskThatNobodyWaitsForIsCancelled) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1).TaskInHand(Task("charge", 5).Token()));
  CancelTask(Task("charge", 5).Token(), "the server does not wait for this task any more");
  EXPECT_THAT(worker.Receive().cancels, SizeIs(1));
}

TEST_F(TakeoverTest, ATaskNamedTwiceIsTakenOverOnce) {
  TestWorker worker = Connect(MakeHello("w")
                                  .Tasks({"charge"}, 2)
                                  .TaskInHand(Task("charge", 5).Token())
                                  .TaskInHand(Task("charge", 5).Token()));
  EXPECT_THAT(upstream.Of<TakenOver>(), SizeIs(1));
  EXPECT_EQ(SessionNamed("w").tasks_out(), 1);
}

TEST_F(TakeoverTest, TokensThatCannotBeOursAreNamedStale) {
  TestWorker worker = Connect(MakeHello("w")
                                  .Tasks({"charge"}, 2)
                                  .TaskInHand(Task("charge", 5).Partition(9).Token())
                                  .TaskInHand(Activation("order", 6).Token())
                                  .ActivationInHand(Activation("order", 7).Token()));
  EXPECT_THAT(worker.welcome.stale_tokens(), ElementsAre(Delivery(5), Delivery(6), Delivery(7)));
  EXPECT_THAT(upstream.Of<TakenOver>(), IsEmpty());
  EXPECT_EQ(SessionNamed("w").tasks_out(), 0);
}

TEST_F(TakeoverTest, WhatAnotherSessionHasIsNotTakenOver) {
  TestWorker a = Connect(MakeHello("a").Tasks({"charge"}, 2));
  Offer(Task("charge", 5));
  ASSERT_THAT(a.Receive().tasks, SizeIs(1));
  TestWorker b = Connect(MakeHello("b").Tasks({"charge"}, 2).TaskInHand(Task("charge", 5).Token()));
  EXPECT_THAT(b.welcome.stale_tokens(), ElementsAre(Delivery(5)));
  EXPECT_EQ(SessionNamed("a").tasks_out(), 1);
  EXPECT_EQ(SessionNamed("b").tasks_out(), 0);
}

TEST_F(TakeoverTest, ADeliveryNumberThatAWorkerMadeUpGivesWayToTheRealOne) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 2).TaskInHand(Task("ship", 5).Run(3).Token()));
  Offer(Task("charge", 5));
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(5));
  EXPECT_EQ(SessionNamed("w").tasks_out(), 1);
}

TEST_F(TakeoverTest, ASessionGivenUpComesBackAsAnUnknownOne) {
  const v1::Hello hello = MakeHello("w").Tasks({"charge"}, 2);
  TestWorker worker = Connect(hello);
  Offer(Task("charge", 5));
  const Inbox in = worker.Receive();
  worker.Cut();
  Advance(options.reconnect_grace_ms);
  dispatcher().Tick();
  const SessionNumber before = worker.session;
  worker.Reconnect(MakeHello("w").Tasks({"charge"}, 2).TaskInHand(in.tasks[0]));
  EXPECT_NE(worker.session, before);
  EXPECT_FALSE(worker.welcome.resumed());
  EXPECT_THAT(upstream.Of<TakenOver>(), ElementsAre(About(5)))
      << "the partition says whether it still waits for it";
  EXPECT_THAT(upstream.Of<SessionOpened>(), SizeIs(2));
}

TEST_F(TakeoverTest, ThePartitionsHearWhenAllExpectedSessionsAreBack) {
  Start({"a", "b"});
  Connect(MakeHello("a").Tasks({"charge"}, 1).TaskInHand(Task("charge", 5).Token()));
  Connect(MakeHello("c"));
  EXPECT_THAT(HeardSessionsBack(), IsEmpty());
  Connect(MakeHello("b").Tasks({"charge"}, 1).TaskInHand(Task("charge", 6).Token()));
  EXPECT_THAT(HeardSessionsBack(), UnorderedElementsAre(0, 1));
}

TEST_F(TakeoverTest, WhatIsInHandIsTakenOverBeforeSessionsBack) {
  Start({"a"});
  Connect(MakeHello("a").Tasks({"charge"}, 1).TaskInHand(Task("charge", 5).Token()));
  size_t taken_over = 0;
  size_t back = 0;
  for (size_t i = 0; i < upstream.posted.size(); ++i) {
    if (upstream.posted[i].first != 0) continue;
    if (std::holds_alternative<TakenOver>(upstream.posted[i].second.what)) taken_over = i;
    if (std::holds_alternative<SessionsBack>(upstream.posted[i].second.what)) back = i;
  }
  EXPECT_LT(taken_over, back);
}

TEST_F(TakeoverTest, WithNobodyExpectedNothingIsSaid) {
  Connect(MakeHello("a"));
  EXPECT_THAT(HeardSessionsBack(), IsEmpty());
}

// Else the record of a worker that is gone for good would be found by every restart to come.
TEST_F(TakeoverTest, AnExpectedSessionThatDoesNotComeBackIsForgotten) {
  Start({"a", "b"});
  Advance(options.reconnect_grace_ms);  // recovery takes its time
  dispatcher().Tick();
  Connect(MakeHello("a"));
  Advance(options.reconnect_grace_ms - 1);
  dispatcher().Tick();
  EXPECT_THAT(upstream.Of<SessionClosed>(), IsEmpty());
  Advance(1);
  dispatcher().Tick();
  ASSERT_THAT(upstream.Of<SessionClosed>(), SizeIs(1));
  EXPECT_EQ(upstream.Of<SessionClosed>()[0].session_id, "b");
  dispatcher().Tick();
  EXPECT_THAT(upstream.Of<SessionClosed>(), SizeIs(1));
}

}  // namespace
}  // namespace perdure::dispatch
