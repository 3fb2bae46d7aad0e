// The four timeouts of a task, and what a worker's life and death mean for it.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/harness.h"

namespace perdure::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TaskTimeoutTest : public ::testing::Test {
 protected:
  void SetUp() override { h.Start(); }
  const v1::Failure& failure() const { return h.last_event().task_failed().failure(); }
  EngineHarness h;
};

TEST_F(TaskTimeoutTest, ScheduleToStartEndsATaskThatNobodyTakes) {
  h.AnswerActivation({Schedule("charge").ScheduleToStart(1'000)});
  h.Advance(999);
  EXPECT_EQ(h.phase(1), TaskPhase::kQueued);
  h.Advance(1);
  EXPECT_THAT(Events(h.last()), ElementsAre("task_failed"));
  EXPECT_THAT(Works(h.last()), ElementsAre("withdraw task 1", "activation 1"));
  EXPECT_EQ(failure().kind(), v1::Failure::KIND_TIMEOUT);
  EXPECT_EQ(failure().timeout(), v1::Failure::TIMEOUT_SCHEDULE_TO_START);
  EXPECT_EQ(failure().message(), "no worker took it within schedule_to_start (1000 ms)");
  EXPECT_EQ(failure().source(), "task charge (seq 1, attempt 1)");
}

TEST_F(TaskTimeoutTest, ScheduleToStartEndsATaskThatWaitsOnDisk) {
  h.AnswerActivation({Schedule("charge").ScheduleToStart(1'000)});
  h.Spill(h.task(1).token());
  h.Advance(1'000);
  EXPECT_THAT(Events(h.last()), ElementsAre("task_failed"));
}

TEST_F(TaskTimeoutTest, ScheduleToStartIsOverOnceAWorkerTookIt) {
  h.AnswerActivation({Schedule("charge").ScheduleToStart(1'000)});
  h.Wait(900);
  h.TakeTask(1);
  h.Advance(10'000);
  EXPECT_EQ(h.phase(1), TaskPhase::kRunning);
}

TEST_F(TaskTimeoutTest, ScheduleToStartIsForTheFirstAttemptOnly) {
  h.AnswerActivation({Schedule("charge").ScheduleToStart(1'000)});
  h.FailTask(1, Error("Flaky"));
  h.Advance(10'000);
  EXPECT_EQ(h.phase(1), TaskPhase::kQueued);
  EXPECT_EQ(h.task(1).attempt(), 2);
}

TEST_F(TaskTimeoutTest, ScheduleToStartDoesNotEndATaskThatAWorkerMayHaveAfterARestart) {
  h.AnswerActivation({Schedule("charge").ScheduleToStart(1'000)});
  h.TakeTask(1);
  const v1::WorkToken token = h.task(1).token();
  h.Advance(5'000);
  h.Restart(/*hold_tasks=*/true);
  EXPECT_EQ(h.phase(1), TaskPhase::kHeld);
  h.Advance(2'000);
  EXPECT_FALSE(h.TakeOver(token, 7'000).stale);
  EXPECT_THAT(Events(h.CompleteTask(1, "1")), ElementsAre("task_completed"));
}

TEST_F(TaskTimeoutTest, ScheduleToStartBeginsAnewWhenAHoldEnds) {
  h.AnswerActivation({Schedule("charge").ScheduleToStart(1'000)});
  h.TakeTask(1);
  h.Advance(5'000);
  h.Restart(/*hold_tasks=*/true);
  h.ReleaseHeld();
  EXPECT_THAT(Works(h.last()), ElementsAre("task 1 attempt 1"));
  h.Advance(999);
  EXPECT_EQ(h.phase(1), TaskPhase::kQueued);
  h.Advance(1);
  EXPECT_THAT(Events(h.last()), ElementsAre("task_failed"));
}

TEST_F(TaskTimeoutTest, StartToCloseEndsAnAttempt) {
  h.AnswerActivation({Schedule("charge").StartToClose(1'000).Retry(Policy().MaxAttempts(2))});
  h.Wait(5'000);
  h.TakeTask(1);
  const v1::WorkToken first = h.task(1).token();
  h.Advance(1'000);
  EXPECT_THAT(Events(h.last()), IsEmpty());
  EXPECT_THAT(Works(h.last()), ElementsAre("cancel task 1")) << "its worker is told to stop";
  EXPECT_EQ(h.phase(1), TaskPhase::kBackingOff);
  h.Advance(200);
  EXPECT_EQ(h.task(1).last_failure().timeout(), v1::Failure::TIMEOUT_START_TO_CLOSE);
  v1::TaskAnswer late;
  *late.mutable_token() = first;
  *late.mutable_result() = Json("1");
  EXPECT_TRUE(h.SendTaskAnswer(late).stale) << "the first attempt's answer came too late";
  h.TakeTask(1);
  h.Advance(1'000);
  EXPECT_THAT(Events(h.last()), ElementsAre("task_failed"));
  EXPECT_EQ(failure().message(), "the attempt ran longer than start_to_close (1000 ms)");
}

TEST_F(TaskTimeoutTest, ScheduleToCloseEndsATaskInWhateverPhase) {
  h.AnswerActivation({Schedule("queued").ScheduleToClose(1'000), Schedule("running").ScheduleToClose(1'000),
                      Schedule("waiting").ScheduleToClose(1'000).Retry(Policy().Initial(900)),
                      Schedule("spilled").ScheduleToClose(1'000)});
  h.TakeTask(2);
  h.FailTask(3, Error("Flaky", "the reason"));
  h.Spill(h.task(4).token());
  h.Advance(899);
  EXPECT_EQ(h.state().tasks.size(), 4U);
  h.Wait(101);
  h.Tick();
  EXPECT_THAT(Events(h.last()), ElementsAre("task_failed", "task_failed", "task_failed", "task_failed"));
  EXPECT_THAT(Works(h.last()), ElementsAre("withdraw task 1", "cancel task 2", "activation 1"));
  for (const EventPtr& event : h.last().events) {
    EXPECT_EQ(event->task_failed().failure().timeout(), v1::Failure::TIMEOUT_SCHEDULE_TO_CLOSE);
  }
}

TEST_F(TaskTimeoutTest, ScheduleToCloseNamesTheLastFailureAsItsCause) {
  h.AnswerActivation({Schedule("charge").ScheduleToClose(1'000)});
  h.FailTask(1, Error("Flaky", "the reason"));
  h.Advance(1'000);
  EXPECT_EQ(failure().message(), "not done within schedule_to_close (1000 ms), in 2 attempts");
  EXPECT_EQ(failure().cause().message(), "the reason");
}

TEST_F(TaskTimeoutTest, ScheduleToCloseGoesOnThroughARestart) {
  h.AnswerActivation({Schedule("charge").ScheduleToClose(1'000)});
  h.TakeTask(1);
  h.Advance(600);
  h.Restart(/*hold_tasks=*/true);
  h.Advance(400);
  EXPECT_THAT(Events(h.last()), ElementsAre("task_failed"));
}

TEST_F(TaskTimeoutTest, HeartbeatEndsASilentAttempt) {
  h.AnswerActivation({Schedule("import").HeartbeatEvery(500)});
  h.TakeTask(1);
  for (int i = 0; i < 5; ++i) {
    h.Advance(400);
    h.Heartbeat(1);
  }
  EXPECT_EQ(h.phase(1), TaskPhase::kRunning);
  h.Advance(499);
  EXPECT_EQ(h.phase(1), TaskPhase::kRunning);
  h.Advance(1);
  EXPECT_EQ(h.phase(1), TaskPhase::kBackingOff);
  EXPECT_THAT(Works(h.last()), ElementsAre("cancel task 1"));
  h.Advance(200);
  EXPECT_EQ(h.task(1).last_failure().timeout(), v1::Failure::TIMEOUT_HEARTBEAT);
  EXPECT_EQ(h.task(1).last_failure().message(),
            "no heartbeat for longer than the heartbeat timeout (500 ms)");
}

TEST_F(TaskTimeoutTest, HeartbeatIsNotAskedOfATaskThatWaits) {
  h.AnswerActivation({Schedule("import").HeartbeatEvery(500)});
  h.Advance(10'000);
  EXPECT_EQ(h.phase(1), TaskPhase::kQueued);
}

TEST_F(TaskTimeoutTest, NoneIsDueForTheLongestTimeoutsThereAre) {
  constexpr int64_t kForEver = std::numeric_limits<int64_t>::max();
  h.AnswerActivation({Schedule("charge")
                          .ScheduleToStart(kForEver)
                          .StartToClose(kForEver)
                          .ScheduleToClose(kForEver)
                          .HeartbeatEvery(kForEver)
                          .Retry(Policy().MaxInterval(kForEver))});
  h.Tick();
  EXPECT_EQ(h.phase(1), TaskPhase::kQueued);
  h.TakeTask(1);
  h.Tick();
  EXPECT_EQ(h.phase(1), TaskPhase::kRunning);
  h.FailTask(1, Error("Flaky"));
  h.Advance(200);
  EXPECT_THAT(Works(h.last()), ElementsAre("task 1 attempt 2"));
}

TEST_F(TaskTimeoutTest, OfSeveralTheEarliestCounts) {
  h.AnswerActivation({Schedule("import").StartToClose(300).HeartbeatEvery(500).ScheduleToClose(400)});
  h.Wait(50);
  h.TakeTask(1);
  EXPECT_EQ(h.state().next_deadline_ms(), kStartTimeMs + 350);
  h.Wait(200);
  h.Heartbeat(1);
  EXPECT_EQ(h.state().next_deadline_ms(), kStartTimeMs + 350);
}

// ---- workers ----

TEST_F(TaskTimeoutTest, ALostWorkerCountsAsAFailedAttempt) {
  h.AnswerActivation({Schedule("charge").Retry(Policy().MaxAttempts(2))});
  h.TakeTask(1);
  h.ReturnTask(1, /*begun=*/true);
  EXPECT_THAT(Works(h.last()), IsEmpty());
  h.Advance(200);
  EXPECT_EQ(h.task(1).attempt(), 2);
  EXPECT_EQ(h.task(1).last_failure().kind(), v1::Failure::KIND_WORKER_LOST);
  EXPECT_THAT(h.task(1).last_failure().message(), HasSubstr("worker-11"));
  h.TakeTask(1);
  h.ReturnTask(1, /*begun=*/true);
  EXPECT_THAT(Events(h.last()), ElementsAre("task_failed")) << "a task that kills its workers must end";
}

TEST_F(TaskTimeoutTest, WorkThatNeverArrivedIsHandedOutAgainAtOnce) {
  h.AnswerActivation({Schedule("charge").Retry(Policy().MaxAttempts(1))});
  h.TakeTask(1);
  const uint64_t first = h.task(1).token().delivery();
  h.ReturnTask(1, /*begun=*/false);
  EXPECT_THAT(Works(h.last()), ElementsAre("task 1 attempt 1"));
  EXPECT_NE(h.task(1).token().delivery(), first);
}

TEST_F(TaskTimeoutTest, AnAnswerWithoutAnOutcomeIsAFailedAttempt) {
  h.AnswerActivation({Schedule("charge")});
  v1::TaskAnswer answer;
  *answer.mutable_token() = h.task(1).token();
  h.SendTaskAnswer(answer);
  EXPECT_THAT(Events(h.last()), IsEmpty());
  h.Advance(200);
  EXPECT_EQ(h.task(1).last_failure().kind(), v1::Failure::KIND_WORKER_ERROR);
}

TEST_F(TaskTimeoutTest, AnOversizedResultFailsTheTaskForGood) {
  h.limits.payload_bytes_max = 100;
  h.AnswerActivation({Schedule("charge")});
  h.CompleteTask(1, std::string(101, 'x'));
  ASSERT_THAT(Events(h.last()), ElementsAre("task_failed"));
  EXPECT_EQ(failure().kind(), v1::Failure::KIND_LIMIT);
  EXPECT_THAT(failure().message(), HasSubstr("has 101 bytes, the limit payload_bytes_max is 100"));
}

TEST_F(TaskTimeoutTest, OversizedHeartbeatDetailsAreASignOfLifeOnly) {
  h.limits.payload_bytes_max = 100;
  h.AnswerActivation({Schedule("import").HeartbeatEvery(500)});
  h.TakeTask(1);
  h.Heartbeat(1, "\"kept\"");
  h.Advance(400);
  h.Heartbeat(1, std::string(101, 'x'));
  h.Advance(400);
  EXPECT_EQ(h.phase(1), TaskPhase::kRunning);
  EXPECT_EQ(h.state().tasks.at(1).note->heartbeat_details().data(), "\"kept\"");
}

}  // namespace
}  // namespace perdure::engine::testing
