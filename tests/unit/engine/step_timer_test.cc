// Steps and timers.
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/harness.h"

namespace perdure::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StepTest : public ::testing::Test {
 protected:
  void SetUp() override { h.Start(); }
  EngineHarness h;
};

TEST_F(StepTest, ResultsRideWithTheAdvance) {
  h.AnswerActivation({Step("stamp"), Step("draw")}, {StepResult(1, "10"), StepResult(2, "20")});
  EXPECT_THAT(Events(h.last()), ElementsAre("advanced", "step_completed", "step_completed"));
  ASSERT_THAT(Works(h.last()), ElementsAre("activation 1")) << "durable before the coroutine sees them";
  EXPECT_EQ(h.activation().events(0).step_completed().result().data(), "10");
  EXPECT_EQ(h.activation().events(1).step_completed().result().data(), "20");
  EXPECT_EQ(h.activation().pending_steps_size(), 0);
}

TEST_F(StepTest, ResultsMayFollowLater) {
  h.AnswerActivation({Step("stamp"), Step("draw")}, {StepResult(2, "20")});
  h.AnswerActivation({});
  EXPECT_THAT(Works(h.last()), IsEmpty()) << "its worker runs the other one";
  h.AnswerStep(StepResult(1, "10"));
  EXPECT_THAT(Events(h.last()), ElementsAre("step_completed"));
  EXPECT_THAT(Works(h.last()), ElementsAre("activation 1"));
}

TEST_F(StepTest, ResultsOfEarlierStepsMayRideToo) {
  h.AnswerActivation({Step("stamp")});
  h.Signal("go");
  h.AnswerActivation({Timer(1)}, {StepResult(1, "10")});
  EXPECT_THAT(Events(h.last()), ElementsAre("advanced", "step_completed"));
}

TEST_F(StepTest, TheFirstResultCounts) {
  h.AnswerActivation({Step("stamp")}, {StepResult(1, "10"), StepResult(1, "11"), StepResult(5, "12")});
  EXPECT_THAT(Events(h.last()), ElementsAre("advanced", "step_completed"));
  EXPECT_EQ(h.last_event().step_completed().result().data(), "10");
  EXPECT_TRUE(h.AnswerStep(StepResult(1, "13")).stale);
  EXPECT_TRUE(h.AnswerStep(StepResult(2, "14")).stale) << "no such step";
}

TEST_F(StepTest, ResultsThatComeWhileAnActivationIsOutAreDeliveredNext) {
  h.AnswerActivation({Step("stamp")});
  h.Signal("go");
  h.TakeActivation();
  EXPECT_THAT(h.activation().pending_steps(), ElementsAre(1));
  h.AnswerStep(StepResult(1, "10"));
  EXPECT_THAT(Works(h.last()), IsEmpty());
  h.AnswerActivation({});
  EXPECT_EQ(h.activation().events(0).step_completed().seq(), 1);
}

TEST_F(StepTest, RunAgainElsewhereWhenTheirWorkerIsGone) {
  h.AnswerActivation({Step("stamp")});
  h.LoseCoroutine(kOtherSession);
  EXPECT_THAT(Works(h.last()), IsEmpty());
  h.LoseCoroutine(kSession);
  ASSERT_THAT(Works(h.last()), ElementsAre("activation 1"));
  EXPECT_EQ(h.activation().events_size(), 0);
  EXPECT_EQ(h.activation().deliver_through(), 1);
  EXPECT_THAT(h.activation().pending_steps(), ElementsAre(1));
  h.AnswerActivation({});
  EXPECT_THAT(Works(h.last()), IsEmpty());
  h.AnswerStep(StepResult(1, "10"));
  EXPECT_THAT(Works(h.last()), ElementsAre("activation 1"));
}

TEST_F(StepTest, RunAgainAfterARestart) {
  h.AnswerActivation({Step("stamp")});
  h.Restart();
  EXPECT_THAT(Works(h.last()), ElementsAre("activation 1"));
  EXPECT_THAT(h.activation().pending_steps(), ElementsAre(1));
}

TEST_F(StepTest, RunAgainAfterAFailedActivation) {
  h.AnswerActivation({Step("stamp")});
  h.Signal("go");
  h.FailActivation(Error("Flaky"));
  h.Advance(1'000);
  EXPECT_THAT(h.activation().pending_steps(), ElementsAre(1));
}

// The worker's advance went down with the server; the run went on elsewhere and came to another step.
TEST_F(StepTest, ResultsOfAnAdvanceThatWasLostAreStale) {
  v1::StepAnswer late;
  *late.mutable_token() = h.activation().token();
  *late.mutable_step() = StepResult(1, "10");
  h.Restart();
  h.AnswerActivation({Step("draw")});
  EXPECT_TRUE(h.SendStepAnswer(late).stale);
  EXPECT_EQ(h.state().steps.size(), 1U);
  h.Restart();
  EXPECT_TRUE(h.SendStepAnswer(late).stale) << "also when the state was read back";
  EXPECT_FALSE(h.AnswerStep(StepResult(1, "20")).stale);
}

TEST_F(StepTest, ARunElsewhereDoesNotMakeTheFirstOnesResultStale) {
  h.AnswerActivation({Step("stamp")});
  v1::StepAnswer first;
  *first.mutable_token() = h.activation().token();
  *first.mutable_step() = StepResult(1, "10");
  h.LoseCoroutine(kSession);
  h.AnswerActivation({});
  EXPECT_FALSE(h.SendStepAnswer(first).stale);
}

TEST_F(StepTest, AnOversizedResultThatFollowsFailsTheStep) {
  h.limits.payload_bytes_max = 100;
  h.AnswerActivation({Step("stamp")});
  h.AnswerStep(StepResult(1, std::string(101, 'x')));
  ASSERT_THAT(Events(h.last()), ElementsAre("step_completed"));
  EXPECT_EQ(h.last_event().step_completed().failure().kind(), v1::Failure::KIND_LIMIT);
}

TEST_F(StepTest, FailuresAreOutcomesToo) {
  h.AnswerActivation({Step("stamp")});
  v1::StepCompleted failed;
  failed.set_seq(1);
  *failed.mutable_failure() = Error("Flaky");
  h.AnswerStep(failed);
  EXPECT_EQ(h.activation().events(0).step_completed().failure().type(), "Flaky");
}

class TimerTest : public StepTest {};

TEST_F(TimerTest, FiresOnceWhenDue) {
  h.AnswerActivation({Timer(1'000, "nap")});
  EXPECT_EQ(h.state().next_deadline_ms(), kStartTimeMs + 1'000);
  h.Advance(999);
  EXPECT_EQ(h.state().timers.size(), 1U);
  h.Advance(1);
  EXPECT_THAT(Events(h.last()), ElementsAre("timer_fired"));
  EXPECT_EQ(h.state().next_deadline_ms(), 0);
  h.AnswerActivation({});
  h.Advance(10'000);
  EXPECT_THAT(Events(h.last()), IsEmpty());
}

TEST_F(TimerTest, CountsFromTheActivationsTime) {
  h.Wait(400);
  h.AnswerActivation({Timer(1'000)});
  EXPECT_EQ(h.state().next_deadline_ms(), kStartTimeMs + 1'000);
}

TEST_F(TimerTest, OfNoLengthFiresAtOnce) {
  h.AnswerActivation({Timer(0)});
  h.Tick();
  EXPECT_THAT(Events(h.last()), ElementsAre("timer_fired"));
}

TEST_F(TimerTest, FireInTheOrderInWhichTheyFallDue) {
  h.AnswerActivation({Timer(300), Timer(100), Timer(200), Timer(100)});
  h.Wait(1'000);
  h.Tick();
  std::vector<int64_t> fired;
  for (const EventPtr& event : h.last().events) fired.push_back(event->timer_fired().seq());
  EXPECT_THAT(fired, ElementsAre(2, 4, 3, 1));
  EXPECT_THAT(Works(h.last()), ElementsAre("activation 1")) << "one activation delivers them all";
}

TEST_F(TimerTest, CancelledFiresNeverAndNothingAnswersIt) {
  h.AnswerActivation({Timer(1'000), Timer(2'000)});
  h.Signal("go");
  h.AnswerActivation({CancelTimer(1)});
  EXPECT_THAT(Events(h.last()), ElementsAre("advanced"));
  h.Advance(5'000);
  EXPECT_THAT(h.state().unconsumed, ::testing::SizeIs(1));
  EXPECT_EQ(h.activation().events(0).timer_fired().seq(), 2);
  h.AnswerActivation({CancelTimer(1), CancelTimer(2)});
  EXPECT_FALSE(h.last().activation_failure.has_value()) << "cancelling one that has fired is no mistake";
}

TEST_F(TimerTest, GoesOnThroughARestart) {
  h.AnswerActivation({Timer(1'000)});
  h.Advance(600);
  h.EvictAndLoad();
  EXPECT_EQ(h.state().next_deadline_ms(), kStartTimeMs + 1'000);
  h.Wait(5'000);
  h.Restart();
  EXPECT_THAT(Events(h.last()), ElementsAre("timer_fired")) << "it fell due while the server was down";
}

TEST_F(TimerTest, OfTheLongestDelayThereIsDoesNotFire) {
  h.AnswerActivation({Timer(std::numeric_limits<int64_t>::max())});
  h.Tick();
  EXPECT_EQ(h.state().timers.size(), 1U);
}

}  // namespace
}  // namespace perdure::engine::testing
