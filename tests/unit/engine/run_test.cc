// A run's life from outside: start, signals, cancellation, termination, timeouts, retries of the run.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/harness.h"

namespace perdure::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RunTest : public ::testing::Test {
 protected:
  EngineHarness h;
};

// ---- start ----

TEST_F(RunTest, HandsOutAnActivationAtItsStart) {
  h.Start();
  EXPECT_THAT(Events(h.last()), ElementsAre("run_started"));
  ASSERT_THAT(Works(h.last()), ElementsAre("activation 1"));
  EXPECT_EQ(h.last().work[0].queue,
            QueueKey("default", "orders", WorkKind::kActivation, "order_fulfillment"));
  const v1::Activation& a = h.activation();
  EXPECT_EQ(a.history_through(), 0);
  EXPECT_EQ(a.previous_activation_id(), 0U);
  EXPECT_EQ(a.deliver_through(), 1);
  EXPECT_EQ(a.time_unix_ms(), kStartTimeMs);
  ASSERT_EQ(a.events_size(), 1);
  EXPECT_EQ(a.events(0).run_started().workflow_id(), "order-42");
}

TEST_F(RunTest, HoldsADelayedStartBack) {
  v1::RunStarted started = Started();
  started.set_not_before_unix_ms(kStartTimeMs + 1'000);
  h.Start(started);
  EXPECT_THAT(Works(h.last()), IsEmpty());
  h.Signal("hurry");
  EXPECT_THAT(Works(h.last()), IsEmpty()) << "a signal must not start it early";
  h.Restart();
  h.Advance(999);
  EXPECT_EQ(h.state().activation.phase, ActivationPhase::kDelayed);
  h.Advance(1);
  EXPECT_THAT(Works(h.last()), ElementsAre("activation 1"));
  EXPECT_EQ(h.activation().events_size(), 2) << "the start and the signal";
}

// ---- the end ----

TEST_F(RunTest, CompletesWithItsResult) {
  h.Start();
  h.AnswerActivation({Complete("42")});
  EXPECT_THAT(Events(h.last()), ElementsAre("advanced"));
  EXPECT_EQ(h.state().status, v1::RUN_STATUS_COMPLETED);
  EXPECT_THAT(Works(h.last()), IsEmpty()) << "the worker dropped the coroutine by itself";
}

TEST_F(RunTest, RecallsWhatIsOutWhenItsCodeEndsIt) {
  h.Start();
  h.AnswerActivation({Schedule("a"), Schedule("b"), Schedule("c"), Timer(50)});
  h.TakeTask(1);
  h.Spill(h.task(3).token());
  h.Signal("go");
  h.AnswerActivation({Complete()});
  EXPECT_THAT(Works(h.last()), ElementsAre("cancel task 1", "withdraw task 2"));
  EXPECT_EQ(h.last().work[0].session, kSession);
  EXPECT_EQ(h.last().work[1].queue, QueueKey("default", "orders", WorkKind::kTask, "b"));
  EXPECT_EQ(h.state().next_deadline_ms(), 0);
}

TEST_F(RunTest, DropsWhatComesAfterItsEnd) {
  h.Start();
  h.AnswerActivation({Schedule("charge")});
  h.TakeTask(1);
  h.Terminate();
  EXPECT_TRUE(h.CompleteTask(1, "1").stale);
  EXPECT_TRUE(h.Heartbeat(1, "2").stale);
  EXPECT_TRUE(h.ReturnTask(1, true).stale);
  EXPECT_TRUE(h.Redispatch(1).stale);
  EXPECT_TRUE(h.Redispatch(0).stale);
  EXPECT_TRUE(h.AnswerStep(StepResult(2, "3")).stale);
  h.Tick();
  EXPECT_THAT(Events(h.last()), IsEmpty());
}

// ---- termination ----

TEST_F(RunTest, IsTerminatedAtOnce) {
  h.Start();
  h.AnswerActivation({Schedule("charge")});
  h.TakeTask(1);
  h.Signal("go");
  h.TakeActivation(kOtherSession);
  h.Terminate("request-1", "no longer wanted");
  EXPECT_THAT(Events(h.last()), ElementsAre("run_terminated"));
  EXPECT_EQ(h.state().status, v1::RUN_STATUS_TERMINATED);
  // Both the session that runs the activation and the one that held the coroutine before may drop it.
  EXPECT_THAT(Works(h.last()), ElementsAre("cancel task 1", "withdraw activation", "evict", "evict"));
  EXPECT_EQ(h.last().work[2].session, kSession);
  EXPECT_EQ(h.last().work[3].session, kOtherSession);
  EXPECT_THAT(h.last().work[0].reason, HasSubstr("is closed: terminated"));
}

TEST_F(RunTest, RecallsAnActivationByItsOwnToken) {
  h.Start();
  h.FailActivation(Error("Flaky"));
  h.Advance(h.limits.activation_retry_initial_ms);
  h.TakeActivation();
  h.Terminate();
  ASSERT_THAT(Works(h.last()), ElementsAre("withdraw activation", "evict"));
  EXPECT_EQ(h.last().work[0].token.SerializeAsString(), h.activation().token().SerializeAsString());
}

TEST_F(RunTest, AnswersARepeatedTerminateAndRefusesAnother) {
  h.Start();
  h.Terminate("request-1");
  EXPECT_TRUE(h.Terminate("request-1").status.ok());
  EXPECT_THAT(Events(h.last()), IsEmpty());
  EXPECT_EQ(h.Terminate("request-2").status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(h.last().status.message()),
              HasSubstr("workflow 'order-42', run run-1, is closed: terminated"));
}

// ---- signals ----

TEST_F(RunTest, KeepsSignalsThatComeBeforeAnyActivationIsTaken) {
  h.Start();
  h.Signal("go", "r-1", "1");
  h.Signal("go", "r-2", "2");
  EXPECT_THAT(Works(h.last()), IsEmpty()) << "an activation is out already";
  h.AnswerActivation({});
  ASSERT_THAT(Works(h.last()), ElementsAre("activation 1"));
  ASSERT_EQ(h.activation().events_size(), 2);
  EXPECT_EQ(h.activation().events(0).signal_received().input().data(), "1");
  EXPECT_EQ(h.activation().events(1).signal_received().input().data(), "2");
}

TEST_F(RunTest, CarriesOutASignalOncePerRequestId) {
  h.Start();
  h.Signal("go", "r-1");
  EXPECT_TRUE(h.Signal("go", "r-1").status.ok());
  EXPECT_THAT(Events(h.last()), IsEmpty());
  h.Restart();
  EXPECT_THAT(Events(h.Signal("go", "r-1")), IsEmpty()) << "a restart must not forget";
  EXPECT_THAT(Events(h.Signal("go")), ElementsAre("signal_received"));
  EXPECT_THAT(Events(h.Signal("go")), ElementsAre("signal_received")) << "without an id each one counts";
}

TEST_F(RunTest, ForgetsTheOldestRequestIds) {
  h.limits.request_ids_per_run_max = 2;
  h.Start();
  h.Signal("go", "r-1");
  h.Signal("go", "r-2");
  h.Signal("go", "r-3");
  EXPECT_THAT(Events(h.Signal("go", "r-2")), IsEmpty());
  EXPECT_THAT(Events(h.Signal("go", "r-1")), ElementsAre("signal_received"));
}

TEST_F(RunTest, RefusesSignalsPastTheLimitUntilItsCodeHasSeenThem) {
  h.limits.pending_signals_per_run_max = 2;
  h.Start();
  h.Signal("go", "r-1");
  h.Signal("go", "r-2");
  EXPECT_EQ(h.Signal("go", "r-3").status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(h.last().status.message()), HasSubstr("pending_signals_per_run_max"));
  EXPECT_TRUE(h.Signal("go", "r-2").status.ok()) << "a repeated request is not another signal";
  h.AnswerActivation({});
  EXPECT_FALSE(h.Signal("go", "r-3").status.ok()) << "they are delivered, but not consumed";
  h.AnswerActivation({});
  EXPECT_THAT(Events(h.Signal("go", "r-3")), ElementsAre("signal_received"))
      << "a refused request may come again";
}

TEST_F(RunTest, RefusesSignalsOnceClosed) {
  h.Start();
  h.Signal("go", "r-1");
  h.AnswerActivation({Complete()});
  EXPECT_EQ(h.Signal("go", "r-2").status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(h.Signal("go", "r-1").status.ok()) << "it was carried out while the run was open";
}

// ---- cancellation ----

TEST_F(RunTest, DeliversACancellationOnceAndLetsItsCodeCleanUp) {
  h.Start();
  h.AnswerActivation({Schedule("charge")});
  h.RequestCancel("r-1", "customer left");
  EXPECT_THAT(Events(h.last()), ElementsAre("cancel_requested"));
  ASSERT_THAT(Works(h.last()), ElementsAre("activation 1"));
  EXPECT_EQ(h.activation().events(0).cancel_requested().reason(), "customer left");
  EXPECT_THAT(Events(h.RequestCancel("r-2")), IsEmpty());
  EXPECT_TRUE(h.state().open());
  h.AnswerActivation({CancelTask(1), Schedule("refund")});
  EXPECT_TRUE(h.state().open());
  h.CompleteTask(2, "1");
  h.AnswerActivation({CancelledRun("\"refunded\"")});
  EXPECT_EQ(h.state().status, v1::RUN_STATUS_CANCELLED);
}

TEST_F(RunTest, MayCompleteThoughItWasAskedToCancel) {
  h.Start();
  h.RequestCancel();
  h.AnswerActivation({Complete()});
  EXPECT_EQ(h.state().status, v1::RUN_STATUS_COMPLETED);
  EXPECT_EQ(h.RequestCancel("r-9").status.code(), absl::StatusCode::kFailedPrecondition);
}

// ---- timeouts of the run ----

TEST_F(RunTest, TimesOutAfterItsRunTimeout) {
  v1::RunStarted started = Started();
  started.set_run_timeout_ms(1'000);
  h.Start(started);
  h.AnswerActivation({Schedule("charge")});
  h.TakeTask(1);
  h.Advance(999);
  EXPECT_TRUE(h.state().open());
  h.Advance(1);
  EXPECT_THAT(Events(h.last()), ElementsAre("run_timed_out"));
  EXPECT_FALSE(h.last_event().run_timed_out().execution());
  EXPECT_THAT(Works(h.last()), ElementsAre("cancel task 1", "evict"));
}

TEST_F(RunTest, CountsTheRunTimeoutFromTheDelayedStart) {
  v1::RunStarted started = Started();
  started.set_run_timeout_ms(1'000);
  started.set_not_before_unix_ms(kStartTimeMs + 5'000);
  h.Start(started);
  h.Advance(5'999);
  EXPECT_TRUE(h.state().open());
  h.Advance(1);
  EXPECT_EQ(h.state().status, v1::RUN_STATUS_TIMED_OUT);
}

TEST_F(RunTest, TimesOutWithItsWholeChain) {
  v1::RunStarted started = Started();
  started.set_attempt(3);
  started.set_first_started_unix_ms(kStartTimeMs - 4'000);
  started.set_execution_timeout_ms(5'000);
  *started.mutable_retry_policy() = Policy();
  h.Start(started);
  h.Advance(1'000);
  EXPECT_THAT(Events(h.last()), ElementsAre("run_timed_out"));
  EXPECT_TRUE(h.last_event().run_timed_out().execution());
  EXPECT_FALSE(h.last().next_run.has_value());
}

TEST_F(RunTest, NeverTimesOutByTheLongestTimeoutThereIs) {
  v1::RunStarted started = Started();
  started.set_run_timeout_ms(std::numeric_limits<int64_t>::max());
  started.set_execution_timeout_ms(std::numeric_limits<int64_t>::max());
  h.Start(started);
  h.Tick();
  EXPECT_TRUE(h.state().open());
}

// ---- retries of the run ----

class RunRetryTest : public RunTest {
 protected:
  void StartWith(const v1::RetryPolicy& policy, int32_t attempt = 1) {
    v1::RunStarted started = Started();
    started.set_attempt(attempt);
    *started.mutable_retry_policy() = policy;
    h.Start(started);
  }
};

TEST_F(RunRetryTest, FollowsAFailedRunByAnother) {
  StartWith(Policy().Initial(700));
  h.Wait(50);
  h.AnswerActivation({FailWith(Error("Flaky"))});
  ASSERT_TRUE(h.last().next_run.has_value());
  const v1::RunStarted& next = *h.last().next_run;
  EXPECT_EQ(next.attempt(), 2);
  EXPECT_EQ(next.not_before_unix_ms(), h.now_ms() + 700);
  EXPECT_EQ(next.run_id(), "") << "for the caller to choose";
  EXPECT_EQ(next.first_run_id(), "run-1");
  EXPECT_EQ(next.first_started_unix_ms(), kStartTimeMs);
  EXPECT_EQ(next.input().data(), Started().input().data());
}

TEST_F(RunRetryTest, FollowsATimedOutRunByAnother) {
  v1::RunStarted started = Started();
  started.set_run_timeout_ms(100);
  *started.mutable_retry_policy() = Policy();
  h.Start(started);
  h.Advance(100);
  EXPECT_TRUE(h.last().next_run.has_value());
}

TEST_F(RunRetryTest, DoesNotRetryWithoutAPolicy) {
  h.Start();
  h.AnswerActivation({FailWith(Error("Flaky"))});
  EXPECT_EQ(h.state().status, v1::RUN_STATUS_FAILED);
  EXPECT_FALSE(h.last().next_run.has_value());
}

TEST_F(RunRetryTest, StopsAtTheLastAttempt) {
  StartWith(Policy().MaxAttempts(3), 3);
  h.AnswerActivation({FailWith(Error("Flaky"))});
  EXPECT_FALSE(h.last().next_run.has_value());
}

TEST_F(RunRetryTest, StopsAtNonRetryableType) {
  StartWith(Policy().NotRetrying("Fatal"));
  h.AnswerActivation({FailWith(Error("Fatal"))});
  EXPECT_FALSE(h.last().next_run.has_value());
}

TEST_F(RunRetryTest, StopsWhenTheChainWouldBeOutOfTime) {
  v1::RunStarted started = Started();
  started.set_execution_timeout_ms(1'000);
  *started.mutable_retry_policy() = Policy().Initial(600);
  h.Start(started);
  h.Wait(500);
  h.AnswerActivation({FailWith(Error("Flaky"))});
  EXPECT_FALSE(h.last().next_run.has_value());
}

TEST_F(RunRetryTest, RetriesNoRunThatEndedOtherwise) {
  StartWith(Policy());
  h.Terminate();
  EXPECT_FALSE(h.last().next_run.has_value());
}

TEST_F(RunRetryTest, RetriesNoRunThatWasAskedToCancel) {
  StartWith(Policy());
  h.RequestCancel();
  h.AnswerActivation({FailWith(Error("CleanUpFailed"))});
  EXPECT_EQ(h.state().status, v1::RUN_STATUS_FAILED);
  EXPECT_FALSE(h.last().next_run.has_value());
}

}  // namespace
}  // namespace perdure::engine::testing
