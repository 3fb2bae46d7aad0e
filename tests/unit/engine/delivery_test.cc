// What dispatch tells of a delivery: taken, returned, spilled, taken over; and tokens that are stale.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/harness.h"

namespace perdure::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DeliveryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    h.Start();
    h.AnswerActivation({Schedule("charge").Input("\"9\"").HeartbeatEvery(500).ScheduleToClose(60'000)});
  }
  // Whether every report and answer under this token is dropped.
  void ExpectStale(const v1::WorkToken& token) {
    EXPECT_TRUE(h.Apply(TakenInput{token, kOtherSession, nullptr}).stale);
    EXPECT_TRUE(h.Apply(ReturnedInput{token, true}).stale);
    EXPECT_TRUE(h.Apply(ReturnedInput{token, false}).stale);
    EXPECT_TRUE(h.Spill(token).stale);
    v1::TaskAnswer answer;
    *answer.mutable_token() = token;
    *answer.mutable_result() = Json("1");
    EXPECT_TRUE(h.SendTaskAnswer(answer).stale);
    HeartbeatInput heartbeat;
    *heartbeat.heartbeat.mutable_token() = token;
    EXPECT_TRUE(h.Apply(heartbeat).stale);
  }
  EngineHarness h;
};

TEST_F(DeliveryTest, ATaskCarriesAllThatItsWorkerNeeds) {
  const v1::TaskDelivery& task = h.task(1);
  EXPECT_EQ(task.token().partition(), kPartition);
  EXPECT_EQ(task.token().run(), kRun);
  EXPECT_EQ(task.token().seq(), 1);
  EXPECT_EQ(task.token().attempt(), 1);
  EXPECT_EQ(task.workflow_id(), "order-42");
  EXPECT_EQ(task.run_id(), "run-1");
  EXPECT_EQ(task.workflow_type(), "order_fulfillment");
  EXPECT_EQ(task.task_type(), "charge");
  EXPECT_EQ(task.task_queue(), "orders") << "the run's own queue, since the command names none";
  EXPECT_EQ(task.input().data(), "\"9\"");
  EXPECT_EQ(task.timeouts().heartbeat_ms(), 500);
  EXPECT_EQ(task.scheduled_unix_ms(), kStartTimeMs);
  EXPECT_EQ(task.deadline_unix_ms(), kStartTimeMs + 60'000);
  EXPECT_FALSE(task.has_last_failure());
}

TEST_F(DeliveryTest, ATaskGoesToTheQueueItNames) {
  h.Signal("go");
  h.AnswerActivation({Schedule("ship").Queue("warehouse")});
  EXPECT_EQ(h.last().work[0].queue, QueueKey("default", "warehouse", WorkKind::kTask, "ship"));
  EXPECT_EQ(h.task(2).task_queue(), "warehouse");
}

TEST_F(DeliveryTest, AnAnswerMayOvertakeTheReportThatItWasTaken) {
  v1::TaskAnswer answer;
  *answer.mutable_token() = h.task(1).token();
  *answer.mutable_result() = Json("1");
  h.Apply(TaskAnswerInput{answer, std::make_shared<const std::string>("worker-9")});
  ASSERT_THAT(Events(h.last()), ElementsAre("task_completed"));
  EXPECT_EQ(h.last_event().task_completed().identity(), "worker-9");
}

// ---- stale tokens ----

TEST_F(DeliveryTest, ATokenIsStaleOnceItsTaskIsDone) {
  h.CompleteTask(1, "1");
  ExpectStale(h.task(1).token());
}

TEST_F(DeliveryTest, ATokenIsStaleOnceItsAttemptHasFailed) {
  const v1::WorkToken first = h.task(1).token();
  h.FailTask(1, Error("Flaky"));
  ExpectStale(first);
  h.Advance(200);
  ExpectStale(first);
  EXPECT_FALSE(h.CompleteTask(1, "1").stale);
}

TEST_F(DeliveryTest, ATokenIsStaleOnceItsDeliveryWasReturned) {
  h.TakeTask(1);
  const v1::WorkToken first = h.task(1).token();
  h.ReturnTask(1, /*begun=*/false);
  ExpectStale(first);
  EXPECT_FALSE(h.CompleteTask(1, "1").stale);
}

TEST_F(DeliveryTest, ATokenThatWasTamperedWithIsStale) {
  h.TakeTask(1);
  v1::WorkToken token = h.task(1).token();
  token.set_delivery(token.delivery() + 1);
  ExpectStale(token);
  token = h.task(1).token();
  token.set_seq(7);
  ExpectStale(token);
  token.set_seq(0);
  ExpectStale(token);
  token.set_seq(-1);
  ExpectStale(token);
}

TEST_F(DeliveryTest, AnAnswerForAnotherAttemptIsStale) {
  v1::TaskAnswer answer;
  *answer.mutable_token() = h.task(1).token();
  answer.mutable_token()->set_attempt(2);
  *answer.mutable_result() = Json("1");
  EXPECT_TRUE(h.SendTaskAnswer(answer).stale);
}

// ---- spilling ----

TEST_F(DeliveryTest, ASpilledTaskIsHandedOutAgainWhenThereIsRoom) {
  const v1::WorkToken first = h.task(1).token();
  h.Spill(first);
  EXPECT_EQ(h.phase(1), TaskPhase::kSpilled);
  EXPECT_FALSE(h.state().hot()) << "a run whose work waits on disk may leave memory";
  ExpectStale(first);
  EXPECT_TRUE(h.Redispatch(0).stale);
  h.Redispatch(1);
  EXPECT_THAT(Works(h.last()), ElementsAre("task 1 attempt 1"));
  EXPECT_TRUE(h.Redispatch(1).stale);
}

TEST_F(DeliveryTest, ASpilledActivationIsMadeAnewWhenThereIsRoom) {
  h.CompleteTask(1, "1");
  h.Spill(h.activation().token());
  EXPECT_EQ(h.state().activation.phase, ActivationPhase::kSpilled);
  EXPECT_FALSE(h.state().hot());
  h.Signal("go");
  EXPECT_THAT(Works(h.last()), IsEmpty());
  h.Redispatch(0);
  ASSERT_THAT(Works(h.last()), ElementsAre("activation 1"));
  EXPECT_EQ(h.activation().events_size(), 2) << "with what has come since";
}

TEST_F(DeliveryTest, ALoadedRunHandsOutWhatHadSpilled) {
  h.Spill(h.task(1).token());
  h.EvictAndLoad();
  EXPECT_THAT(Works(h.last()), ElementsAre("task 1 attempt 1"));
  EXPECT_TRUE(h.Redispatch(1).stale) << "the row on disk comes too late";
}

// ---- restarts ----

TEST_F(DeliveryTest, ATaskInHandIsTakenOverAfterARestart) {
  h.TakeTask(1);
  const v1::WorkToken token = h.task(1).token();
  h.Advance(300);
  h.Restart(/*hold_tasks=*/true);
  EXPECT_THAT(Works(h.last()), IsEmpty()) << "it must not be started again";
  h.TakeOver(token, 300, kOtherSession);
  EXPECT_THAT(Works(h.last()), IsEmpty());
  EXPECT_EQ(h.phase(1), TaskPhase::kRunning);
  h.ReleaseHeld();
  EXPECT_THAT(Works(h.last()), IsEmpty());
  h.CompleteTask(1, "1");
  ASSERT_THAT(Events(h.last()), ElementsAre("task_completed"));
  EXPECT_EQ(h.last_event().task_completed().attempt(), 1);
  EXPECT_EQ(h.last_event().task_completed().started_unix_ms(), kStartTimeMs);
  EXPECT_EQ(h.last_event().task_completed().identity(), "worker-12");
}

TEST_F(DeliveryTest, ItsTimeoutsGoOnAfterATakeOver) {
  h.TakeTask(1);
  const v1::WorkToken token = h.task(1).token();
  h.Restart(/*hold_tasks=*/true);
  h.Advance(5'000);
  h.TakeOver(token, 5'000);
  EXPECT_EQ(h.state().next_deadline_ms(), h.now_ms() + 500) << "the next heartbeat";
}

TEST_F(DeliveryTest, ATaskHeldInVainIsHandedOutAgain) {
  h.TakeTask(1);
  const v1::WorkToken token = h.task(1).token();
  h.Restart(/*hold_tasks=*/true);
  h.ReleaseHeld();
  EXPECT_THAT(Works(h.last()), ElementsAre("task 1 attempt 1"));
  // Its worker comes back after all, before another took it: first come.
  h.TakeOver(token, 100);
  EXPECT_THAT(Works(h.last()), ElementsAre("withdraw task 1"));
  EXPECT_EQ(h.phase(1), TaskPhase::kRunning);
}

TEST_F(DeliveryTest, AWorkerThatComesBackTooLateIsToldSo) {
  h.TakeTask(1);
  const v1::WorkToken token = h.task(1).token();
  h.Restart(/*hold_tasks=*/true);
  h.ReleaseHeld();
  h.TakeTask(1, kOtherSession);
  EXPECT_TRUE(h.TakeOver(token, 100).stale);
  v1::WorkToken another = h.task(1).token();
  h.FailTask(1, Error("Flaky"));
  EXPECT_TRUE(h.TakeOver(another, 100).stale) << "that attempt is over";
}

TEST_F(DeliveryTest, ATakeOverClaimsNoTimeThatMakesNoSense) {
  h.TakeTask(1);
  const v1::WorkToken token = h.task(1).token();
  h.Restart(/*hold_tasks=*/true);
  h.TakeOver(token, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(h.state().tasks.at(1).started_ms, h.now_ms());
}

TEST_F(DeliveryTest, WithoutAHoldTasksStartAgainAtOnce) {
  h.TakeTask(1);
  h.Restart(/*hold_tasks=*/false);
  EXPECT_THAT(Works(h.last()), ElementsAre("task 1 attempt 1"));
}

}  // namespace
}  // namespace perdure::engine::testing
