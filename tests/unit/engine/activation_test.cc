// Activations: what they deliver, what their answers may be, and what becomes of those that fail.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/harness.h"

namespace perdure::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ActivationTest : public ::testing::Test {
 protected:
  void SetUp() override { h.Start(); }
  std::string reason() const {
    return h.last().activation_failure ? h.last().activation_failure->message() : "";
  }
  EngineHarness h;
};

// ---- delivery ----

TEST_F(ActivationTest, RecordsWhoAnsweredAndWhatTheySaw) {
  h.Wait(5);
  h.AnswerActivation({Timer(10)});
  const v1::Advanced& advanced = h.last_event().advanced();
  EXPECT_EQ(advanced.consumed_through(), 1);
  EXPECT_EQ(advanced.activation_time_unix_ms(), kStartTimeMs)
      << "the workflow's clock, not the answer's time";
  EXPECT_EQ(h.last_event().time_unix_ms(), kStartTimeMs + 5);
  EXPECT_EQ(advanced.activation_id(), h.activation().activation_id());
  EXPECT_EQ(advanced.identity(), "worker-11");
  EXPECT_EQ(advanced.build_id(), "build-1");
}

TEST_F(ActivationTest, DeliversWhatArrivedWhileAnotherWasOut) {
  h.AnswerActivation({Schedule("a"), Schedule("b")});
  h.CompleteTask(1, "1");
  h.TakeActivation();
  h.CompleteTask(2, "2");
  h.Signal("go");
  const uint64_t first = h.activation().activation_id();
  h.AnswerActivation({});
  const v1::Activation& a = h.activation();
  EXPECT_EQ(a.previous_activation_id(), first);
  EXPECT_EQ(a.history_through(), h.state().last_advanced_id);
  ASSERT_EQ(a.events_size(), 2);
  EXPECT_EQ(a.events(0).task_completed().seq(), 2);
  EXPECT_EQ(a.events(1).signal_received().name(), "go");
  EXPECT_LT(a.events(1).event_id(), a.history_through())
      << "stimuli may lie before the advance that missed them";
}

TEST_F(ActivationTest, GoesToTheSessionThatHoldsTheCoroutine) {
  h.TakeActivation(kOtherSession);
  h.AnswerActivation({});
  h.Signal("go");
  ASSERT_THAT(Works(h.last()), ElementsAre("activation 1"));
  EXPECT_EQ(h.last().work[0].session, kOtherSession);
}

TEST_F(ActivationTest, GoesToAnySessionOnceTheCoroutineIsGone) {
  h.AnswerActivation({});
  h.LoseCoroutine(kOtherSession);
  EXPECT_EQ(h.state().affinity, kSession) << "another session's loss is none of its business";
  h.LoseCoroutine(kSession);
  h.Signal("go");
  EXPECT_EQ(h.last().work[0].session, 0U);
}

TEST_F(ActivationTest, DeliversALimitedNumberOfEvents) {
  h.limits.activation_events_max = 2;
  for (int i = 0; i < 4; ++i) h.Signal("go");
  h.AnswerActivation({});
  EXPECT_EQ(h.activation().events_size(), 2);
  EXPECT_EQ(h.activation().deliver_through(), 3);
  h.AnswerActivation({});
  EXPECT_EQ(h.activation().events_size(), 2);
  EXPECT_EQ(h.activation().deliver_through(), 5);
  h.AnswerActivation({});
  EXPECT_THAT(Works(h.last()), IsEmpty());
}

TEST_F(ActivationTest, DeliversALimitedNumberOfBytesButAlwaysOneEvent) {
  h.limits.activation_bytes_max = 300;
  h.Signal("large", "", std::string(1'000, 'x'));
  h.Signal("small");
  h.AnswerActivation({});
  EXPECT_EQ(h.activation().events_size(), 1);
  h.AnswerActivation({});
  EXPECT_EQ(h.activation().events_size(), 1);
  EXPECT_EQ(h.activation().events(0).signal_received().name(), "small");
}

// ---- stale answers ----

TEST_F(ActivationTest, DropsASecondAnswer) {
  const v1::ActivationAnswer answer = h.MakeAnswer({Schedule("charge")});
  h.TakeActivation();
  h.SendActivationAnswer(answer);
  EXPECT_TRUE(h.SendActivationAnswer(answer).stale);
  h.Signal("go");
  EXPECT_TRUE(h.SendActivationAnswer(answer).stale) << "the token is an earlier activation's";
}

TEST_F(ActivationTest, DropsTheAnswerOfASessionThatWasGivenUp) {
  h.TakeActivation();
  const v1::ActivationAnswer answer = h.MakeAnswer({Complete()});
  h.ReturnActivation();
  EXPECT_THAT(Works(h.last()), ElementsAre("activation 1")) << "another session gets it";
  EXPECT_NE(h.activation().token().delivery(), answer.token().delivery());
  EXPECT_TRUE(h.SendActivationAnswer(answer).stale);
  EXPECT_TRUE(h.state().open());
}

TEST_F(ActivationTest, DropsTheAnswerOfAnEarlierServerProcess) {
  h.TakeActivation();
  const v1::ActivationAnswer answer = h.MakeAnswer({Complete()});
  h.Restart();
  EXPECT_THAT(Works(h.last()), ElementsAre("activation 1"));
  EXPECT_TRUE(h.SendActivationAnswer(answer).stale);
}

// ---- failures ----

TEST_F(ActivationTest, BacksOffAfterAFailureMoreEachTime) {
  v1::Failure failure = Error("NonDeterminism");
  failure.set_kind(v1::Failure::KIND_NON_DETERMINISM);
  int64_t wait = 1'000;
  for (int32_t attempt = 1; attempt <= 8; ++attempt) {
    EXPECT_EQ(h.activation().attempt(), attempt);
    h.FailActivation(failure);
    EXPECT_THAT(Events(h.last()), IsEmpty()) << "failed activations are not history";
    EXPECT_THAT(Works(h.last()), IsEmpty());
    ASSERT_TRUE(h.last().activation_failure.has_value());
    h.Advance(wait - 1);
    EXPECT_EQ(h.state().activation.phase, ActivationPhase::kBackingOff);
    h.Advance(1);
    EXPECT_EQ(h.state().activation.phase, ActivationPhase::kQueued);
    wait = std::min<int64_t>(2 * wait, 60'000);
  }
  EXPECT_TRUE(h.state().open()) << "the run waits for a fixed worker";
}

TEST_F(ActivationTest, StartsAfreshAfterAnAdvance) {
  h.FailActivation(Error("Flaky"));
  h.Advance(1'000);
  h.FailActivation(Error("Flaky"));
  h.Advance(2'000);
  h.AnswerActivation({});
  EXPECT_FALSE(h.stored().has_note(0));
  h.Signal("go");
  EXPECT_EQ(h.activation().attempt(), 1);
  h.FailActivation(Error("Flaky"));
  h.Advance(1'000);
  EXPECT_EQ(h.activation().attempt(), 2);
}

TEST_F(ActivationTest, WaitsOutItsBackoffWhateverArrives) {
  h.AnswerActivation({Schedule("charge")});
  h.Signal("go");
  h.FailActivation(Error("Flaky"));
  h.CompleteTask(1, "1");
  EXPECT_THAT(Works(h.last()), IsEmpty());
  h.Restart();
  EXPECT_THAT(Works(h.last()), IsEmpty()) << "a restart does not cut it short";
  h.Advance(1'000);
  EXPECT_THAT(Works(h.last()), ElementsAre("activation 2"));
  EXPECT_EQ(h.activation().events_size(), 2);
}

TEST_F(ActivationTest, ForgetsTheCoroutineOfAFailedActivation) {
  h.AnswerActivation({});
  h.Signal("go");
  h.FailActivation(Error("Flaky"));
  h.Advance(1'000);
  EXPECT_EQ(h.last().work[0].session, 0U);
}

// ---- answers that are wrong ----

TEST_F(ActivationTest, RefusesAnAnswerThatHoldsNothing) {
  v1::ActivationAnswer answer;
  *answer.mutable_token() = h.activation().token();
  h.SendActivationAnswer(answer);
  EXPECT_EQ(reason(), "the worker's answer to the activation holds neither an advance nor a failure");
  EXPECT_EQ(h.last().activation_failure->kind(), v1::Failure::KIND_WORKER_ERROR);
  EXPECT_EQ(h.state().activation.phase, ActivationPhase::kBackingOff);
}

TEST_F(ActivationTest, RefusesToHaveConsumedWhatWasNotDelivered) {
  v1::ActivationAnswer answer = h.MakeAnswer({});
  h.Signal("go");
  answer.mutable_advance()->set_consumed_through(2);
  h.SendActivationAnswer(answer);
  EXPECT_EQ(reason(), "the worker says it consumed events through 2, but the activation delivered 1");
}

TEST_F(ActivationTest, RefusesAWrongSeq) {
  h.AnswerActivation({Schedule("charge").Seq(2)});
  EXPECT_EQ(reason(), "command 1 of the advance cannot be accepted: its seq is 2 but 1 is next");
  h.Advance(1'000);
  h.AnswerActivation({Timer(1), Schedule("charge").Seq(1)});
  EXPECT_EQ(reason(), "command 2 of the advance cannot be accepted: its seq is 1 but 2 is next");
  EXPECT_EQ(h.state().last_seq, 0) << "nothing of a refused advance may stay";
}

TEST_F(ActivationTest, RefusesCommandsAfterTheLast) {
  for (const v1::Command& end : {Complete(), FailWith(Error("Flaky")), CancelledRun()}) {
    h.AnswerActivation({end, Timer(1)});
    EXPECT_EQ(reason(),
              "command 1 of the advance cannot be accepted: it is not the last command of its advance");
    EXPECT_TRUE(h.state().open());
    h.Advance(60'000);
  }
}

TEST_F(ActivationTest, RefusesAnUnknownCommand) {
  h.AnswerActivation({v1::Command()});
  EXPECT_THAT(reason(),
              HasSubstr("command 1 of the advance cannot be accepted: the server does not know its kind"));
}

TEST_F(ActivationTest, RefusesCancellingWhatWasNotIssued) {
  h.AnswerActivation({CancelTask(1)});
  EXPECT_THAT(reason(), HasSubstr("it names a seq that was not issued yet"));
  h.Advance(1'000);
  h.AnswerActivation({CancelTimer(1), Timer(1)});
  EXPECT_THAT(reason(), HasSubstr("it names a seq that was not issued yet"));
}

TEST_F(ActivationTest, RefusesWrongTasks) {
  const std::pair<v1::Command, const char*> wrong[] = {
      {Schedule(""), "task_type is empty"},
      {Schedule(std::string(257, 'x')), "task_type has 257 bytes, the limit name_bytes_max is 256"},
      {Schedule("a\nb"), "task_type has a control character (byte 10)"},
      {Schedule("a").Queue(std::string(257, 'x')), "task_queue has 257 bytes"},
      {Schedule("a").StartToClose(-1), "a timeout is negative"},
      {Schedule("a").HeartbeatEvery(-1), "a timeout is negative"},
      {Schedule("a").Retry(Policy().MaxAttempts(-1)), "max_attempts is -1"},
      {Timer(-1), "delay_ms is negative"},
      {Timer(1, std::string(257, 'x')), "name has 257 bytes"},
      {Step(""), "name is empty"},
  };
  for (const auto& [command, why] : wrong) {
    h.AnswerActivation({command});
    EXPECT_THAT(reason(), HasSubstr(why));
    h.Advance(60'000);
  }
}

TEST_F(ActivationTest, RefusesOversizedPayloads) {
  h.limits.payload_bytes_max = 100;
  const std::string large(101, 'x');
  h.AnswerActivation({Schedule("a").Input(large)});
  EXPECT_THAT(reason(), HasSubstr("input has 101 bytes, the limit payload_bytes_max is 100"));
  h.Advance(60'000);
  h.AnswerActivation({Complete(large)});
  EXPECT_THAT(reason(), HasSubstr("result has 101 bytes, the limit payload_bytes_max is 100"));
  h.Advance(60'000);
  h.AnswerActivation({CancelledRun(large)});
  EXPECT_THAT(reason(), HasSubstr("details has 101 bytes, the limit payload_bytes_max is 100"));
  h.Advance(60'000);
  h.AnswerActivation({Step("a")}, {StepResult(1, large)});
  EXPECT_THAT(reason(), HasSubstr("the result of a step has 101 bytes, the limit payload_bytes_max is 100"));
}

TEST_F(ActivationTest, CutsTheFailureOfARunToTheLimit) {
  h.limits.payload_bytes_max = 1'000;
  h.AnswerActivation({FailWith(Error("Huge", std::string(5'000, 'm')))});
  ASSERT_EQ(h.state().status, v1::RUN_STATUS_FAILED) << "an error message must not keep a run from ending";
  EXPECT_LT(h.last_event().ByteSizeLong(), 4'096U);
}

// ---- limits ----

TEST_F(ActivationTest, RefusesTooManyCommandsAtOnce) {
  h.limits.commands_per_advance_max = 2;
  h.AnswerActivation({Timer(1), Timer(1), Timer(1)});
  EXPECT_THAT(reason(), HasSubstr("the workflow issued 3 commands in one activation, the limit "
                                  "commands_per_advance_max is 2"));
}

TEST_F(ActivationTest, RefusesMorePendingItemsThanTheLimit) {
  h.limits.pending_items_per_run_max = 3;
  h.AnswerActivation({Timer(1'000'000), Schedule("a"), Step("s")});
  h.Signal("go");
  h.AnswerActivation({Timer(1)});
  EXPECT_THAT(reason(), HasSubstr("would have up to 4 pending tasks, timers and steps, the limit "
                                  "pending_items_per_run_max is 3"));
}

TEST_F(ActivationTest, LetsARunAtItsLimitsCancelAndEnd) {
  h.limits.pending_items_per_run_max = 3;
  h.limits.commands_per_advance_max = 2;
  h.AnswerActivation({Schedule("a"), Schedule("b")});
  h.Signal("go");
  h.AnswerActivation({Schedule("c")});
  h.Signal("go");
  h.AnswerActivation({CancelTask(1), CancelTask(2), CancelTask(3)});
  EXPECT_EQ(reason(), "");
  EXPECT_TRUE(h.state().tasks.empty());
  h.Signal("go");
  h.AnswerActivation({Schedule("d"), Schedule("e")});
  h.Signal("go");
  h.AnswerActivation({Schedule("f")});
  h.Signal("go");
  h.AnswerActivation({Complete()});
  EXPECT_EQ(h.state().status, v1::RUN_STATUS_COMPLETED);
}

TEST_F(ActivationTest, AbortsARunWhoseHistoryIsTooLong) {
  h.limits.history_events_max = 4;
  h.AnswerActivation({Schedule("charge")});
  h.TakeTask(1);
  h.Signal("go");
  EXPECT_TRUE(h.state().open());
  h.Signal("go");
  EXPECT_THAT(Events(h.last()), ElementsAre("signal_received", "run_aborted"));
  EXPECT_EQ(h.state().status, v1::RUN_STATUS_FAILED);
  const v1::Failure& failure = h.last_event().run_aborted().failure();
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_LIMIT);
  EXPECT_THAT(failure.message(), HasSubstr("reached 4 events, the limit history_events_max (4)"));
  EXPECT_THAT(Works(h.last()), ElementsAre("cancel task 1", "withdraw activation", "evict"));
}

TEST_F(ActivationTest, AbortsARunWhoseHistoryIsTooLarge) {
  h.limits.history_bytes_max = 2'000;
  h.AnswerActivation({});
  h.Signal("large", "", std::string(2'000, 'x'));
  EXPECT_THAT(Events(h.last()), ElementsAre("signal_received", "run_aborted"));
  EXPECT_THAT(h.last_event().run_aborted().failure().message(), HasSubstr("history_bytes_max (2000)"));
  EXPECT_THAT(Works(h.last()), ElementsAre("evict")) << "the coroutine is cached though nothing was out";
}

}  // namespace
}  // namespace perdure::engine::testing
