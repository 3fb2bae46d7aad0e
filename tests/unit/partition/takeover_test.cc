// Tasks that workers run while the server restarts: they are held for them, and taken over.
#include "tests/unit/partition/fixture.h"

namespace perdure::partition::testing {
namespace {

class TakeoverTest : public PartitionTest {
 protected:
  v1::TaskDelivery RunTask(const std::string& id, v1::Command schedule = Schedule("charge")) {
    worker.StartAndPlay(StartOf(id), {std::move(schedule)});
    v1::TaskDelivery task = worker.TakeTask(id, 1);
    server.Settle();
    return task;
  }
  int64_t Grace() { return server.options().reconnect_grace_ms; }
};

TEST_F(TakeoverTest, ARunningTaskIsTakenOverAndItsResultCounts) {
  const v1::TaskDelivery task = RunTask("order-1");
  server.Restart(true);
  EXPECT_EQ(server.recovered()[0].held_tasks, 1);
  server.Settle();
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask));
  worker.TakenOver(task.token(), 5'000);
  server.Advance(10 * Grace());
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask));
  const uint64_t answer = worker.Complete(task, "42");
  server.Settle();
  EXPECT_TRUE(worker.Acked(answer));
  EXPECT_EQ(disk().History(1).back().task_completed().result().data(), "42");
  EXPECT_EQ(disk().History(1).back().task_completed().attempt(), 1);
}

TEST_F(TakeoverTest, AHeldTaskGoesToAnotherAfterTheGrace) {
  RunTask("order-1");
  server.Restart(true);
  server.Advance(Grace() - 1);
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask));
  server.Advance(1);
  EXPECT_EQ(worker.CountOffered(Work::Kind::kTask), 1u);
  server.Advance(10 * Grace());
  EXPECT_EQ(worker.CountOffered(Work::Kind::kTask), 1u);
}

TEST_F(TakeoverTest, AHoldEndsAtOnceWhenAllSessionsAreBack) {
  RunTask("order-1");
  const v1::TaskDelivery mine = RunTask("order-2");
  server.Restart(true);
  worker.TakenOver(mine.token());
  server.Put(ReleaseHeld{});
  server.Settle();
  EXPECT_TRUE(worker.Offered(Work::Kind::kTask, "order-1"));
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask, "order-2"));
}

TEST_F(TakeoverTest, WithoutSessionsToWaitForNothingIsHeld) {
  RunTask("order-1");
  server.Restart(false);
  server.Settle();
  EXPECT_TRUE(worker.Offered(Work::Kind::kTask, "order-1"));
}

TEST_F(TakeoverTest, ATokenThatNoServerGaveOutTakesNothingOver) {
  v1::WorkToken token = RunTask("order-1").token();
  server.Restart(true);
  token.set_delivery(token.delivery() << 8);
  worker.TakenOver(token);
  server.Advance(Grace());
  EXPECT_TRUE(worker.Offered(Work::Kind::kTask, "order-1"));
}

TEST_F(TakeoverTest, ActivationsAreNotHeld) {
  server.Start(StartOf("order-1"));
  server.Settle();
  server.Restart(true);
  server.Settle();
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "order-1"));
}

TEST_F(TakeoverTest, TheAnswerOfATaskThatWasGivenToAnotherIsStale) {
  const v1::TaskDelivery task = RunTask("order-1");
  server.Restart(false);
  server.Settle();
  const uint64_t answer = worker.Complete(task, "old");
  server.Settle();
  EXPECT_TRUE(worker.Acked(answer));
  EXPECT_THAT(Kinds("order-1"), ElementsAre("run_started", "advanced"));
}

TEST_F(TakeoverTest, AWorkerThatComesBackTooLateIsToldToStop) {
  const v1::TaskDelivery task = RunTask("order-1");
  server.Restart(true);
  server.Advance(Grace());
  worker.Complete(worker.TakeTask("order-1", 1), "by another");
  server.Settle();
  worker.TakenOver(task.token());
  v1::WorkToken unknown = task.token();
  unknown.set_run(4'711);
  worker.TakenOver(unknown);
  server.Settle();
  EXPECT_EQ(worker.CountOffered(Work::Kind::kCancelTask), 2u);
}

TEST_F(TakeoverTest, ATaskIsTakenOverThroughManyRestarts) {
  const v1::TaskDelivery task = RunTask("order-1");
  for (int i = 0; i < 5; ++i) {
    server.Restart(true);
    worker.TakenOver(task.token());
    server.Settle();
    // Checkpoints come and go; the task is in somebody's hands all the time.
    StartSleeper("sleeper-" + std::to_string(i), 3'600'000);
    server.Checkpoint();
    EXPECT_FALSE(worker.Offered(Work::Kind::kTask));
  }
  worker.Complete(task, "42");
  server.Settle();
  EXPECT_EQ(Kinds("order-1").back(), "task_completed");
}

// The attempt that runs is not the first: it began with no event of its own.
TEST_F(TakeoverTest, ARetriedAttemptIsTakenOverToo) {
  const v1::TaskDelivery first = RunTask("order-1", Schedule("charge").Retry(Policy().Initial(60'000)));
  worker.Fail(first, Error("Busy"));
  server.Checkpoint();
  EXPECT_THAT(disk().ReadJournal().dirty, IsEmpty());
  server.Advance(60'000);
  const v1::TaskDelivery second = worker.TakeTask("order-1", 1);
  EXPECT_EQ(second.attempt(), 2);
  server.Settle();
  server.Restart(true);
  server.Settle();
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask)) << "a task that is running was started again";
  worker.TakenOver(second.token());
  server.Advance(10 * Grace());
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask));
  worker.Complete(second, "42");
  server.Settle();
  EXPECT_EQ(Kinds("order-1").back(), "task_completed");
}

TEST_F(TakeoverTest, ARetriedAttemptThatWasLoadedFromDiskIsTakenOverToo) {
  const v1::TaskDelivery first = RunTask("order-1", Schedule("charge").Retry(Policy().Initial(60'000)));
  worker.Fail(first, Error("Busy"));
  server.Checkpoint();
  server.Restart();
  server.Advance(60'000);
  const v1::TaskDelivery second = worker.TakeTask("order-1", 1);
  server.Settle();
  server.Restart(true);
  server.Settle();
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask)) << "a task that is running was started again";
  worker.TakenOver(second.token());
  worker.Complete(second, "42");
  server.Settle();
  EXPECT_EQ(Kinds("order-1").back(), "task_completed");
}

TEST_F(TakeoverTest, HeartbeatDetailsSurviveARestart) {
  const v1::TaskDelivery task = RunTask("order-1", Schedule("charge").HeartbeatEvery(60'000));
  worker.Heartbeat(task.token(), "\"half\"");
  server.Settle();
  server.Restart(true);
  server.Advance(Grace());
  EXPECT_EQ(worker.GetTask("order-1", 1).heartbeat_details().data(), "\"half\"");
}

TEST_F(TakeoverTest, SessionsAreRecordedForTheNextStart) {
  server.Put(RecordSession{"session-1", "default", "orders", true});
  server.Put(RecordSession{"session-2", "default", "orders", true});
  server.Put(RecordSession{"session-1", "", "", false});
  server.Drain();
  EXPECT_FALSE(disk().Has(storage::SessionKey("session-2")));
  server.Commit();
  EXPECT_FALSE(disk().Has(storage::SessionKey("session-1")));
  EXPECT_TRUE(disk().Has(storage::SessionKey("session-2")));
}

TEST_F(TakeoverTest, ACoroutineThatIsGoneIsNotCountedOn) {
  worker.StartAndPlay(StartOf("order-1"), {});
  worker.StartAndPlay(StartOf("order-2"), {});
  server.Signal("order-1", "paid");
  server.Settle();
  EXPECT_EQ(server.outbox().work.back().session, 7u);
  server.Put(CoroutinesGone{7});
  server.Signal("order-2", "paid");
  server.Settle();
  EXPECT_EQ(server.outbox().work.back().activation->workflow_id(), "order-2");
  EXPECT_EQ(server.outbox().work.back().session, 0u);
}

// Other partitions recovered meanwhile, and no worker could come back.
TEST_F(TakeoverTest, TheGraceCountsFromWhenWorkersCanComeBack) {
  RunTask("order-1");
  server.Crash();
  server.Recover(true);
  FakeClock::Advance(2 * Grace());
  server.Put(BeginHold{});
  server.Settle();
  server.Advance(Grace() - 1);
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask));
  server.Advance(1);
  EXPECT_EQ(worker.CountOffered(Work::Kind::kTask), 1u);
}

}  // namespace
}  // namespace perdure::partition::testing
