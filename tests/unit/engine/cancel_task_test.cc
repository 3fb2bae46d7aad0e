// CancelTask: TRY and WAIT, in each phase that a task can be in.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/harness.h"

namespace perdure::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Task 1 is scheduled; Wake makes an activation whose answer can cancel it.
class CancelTaskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    h.Start();
    h.AnswerActivation({Schedule("charge")});
  }
  void Wake() { h.Signal("wake"); }
  EngineHarness h;
};

// ---- TRY ----

TEST_F(CancelTaskTest, TryForgetsAQueuedTask) {
  Wake();
  h.AnswerActivation({CancelTask(1)});
  EXPECT_THAT(Events(h.last()), ElementsAre("advanced")) << "no event answers it";
  EXPECT_THAT(Works(h.last()), ElementsAre("withdraw task 1"));
  EXPECT_TRUE(h.state().tasks.empty());
}

TEST_F(CancelTaskTest, TryForgetsARunningTaskAndTellsItsWorker) {
  h.TakeTask(1);
  Wake();
  h.AnswerActivation({CancelTask(1)});
  EXPECT_THAT(Works(h.last()), ElementsAre("cancel task 1"));
  EXPECT_EQ(h.last().work[0].session, kSession);
  EXPECT_EQ(h.last().work[0].reason, "the workflow cancelled it");
  EXPECT_TRUE(h.CompleteTask(1, "1").stale);
}

TEST_F(CancelTaskTest, TryForgetsATaskThatBacksOffAndItsNote) {
  h.FailTask(1, Error("Flaky"));
  ASSERT_TRUE(h.stored().has_note(1));
  Wake();
  h.AnswerActivation({CancelTask(1)});
  EXPECT_THAT(Works(h.last()), IsEmpty());
  EXPECT_FALSE(h.stored().has_note(1));
  h.Advance(10'000);
  EXPECT_THAT(Works(h.last()), IsEmpty());
}

TEST_F(CancelTaskTest, TryForgetsASpilledTask) {
  h.Spill(h.task(1).token());
  Wake();
  h.AnswerActivation({CancelTask(1)});
  EXPECT_TRUE(h.Redispatch(1).stale);
}

TEST_F(CancelTaskTest, TryForgetsAHeldTask) {
  h.TakeTask(1);
  const v1::WorkToken token = h.task(1).token();
  h.Restart(/*hold_tasks=*/true);
  Wake();
  h.AnswerActivation({CancelTask(1)});
  EXPECT_TRUE(h.TakeOver(token).stale) << "its worker is told to stop when it comes back";
}

TEST_F(CancelTaskTest, TryIsTheMeaningOfNoMode) {
  Wake();
  h.AnswerActivation({CancelTask(1, v1::CancelTask::MODE_UNSPECIFIED)});
  EXPECT_TRUE(h.state().tasks.empty());
}

TEST_F(CancelTaskTest, TryTwiceIsTryOnce) {
  h.FailTask(1, Error("Flaky"));
  h.Advance(200);
  h.TakeTask(1);
  Wake();
  h.AnswerActivation({CancelTaskAndWait(1), CancelTask(1), CancelTask(1)});
  EXPECT_THAT(Works(h.last()), ElementsAre("cancel task 1"));
  EXPECT_EQ(h.state().note_rows, 0) << "the note was counted off more than once";
}

// ---- WAIT ----

TEST_F(CancelTaskTest, WaitEndsAQueuedTaskAtOnce) {
  Wake();
  h.AnswerActivation({CancelTaskAndWait(1)});
  EXPECT_THAT(Events(h.last()), ElementsAre("advanced", "task_cancelled"));
  EXPECT_THAT(Works(h.last()), ElementsAre("withdraw task 1", "activation 1"));
}

TEST_F(CancelTaskTest, WaitEndsATaskThatWaitsForItsNextAttemptAtOnce) {
  h.FailTask(1, Error("Flaky"));
  Wake();
  h.AnswerActivation({CancelTaskAndWait(1)});
  EXPECT_THAT(Events(h.last()), ElementsAre("advanced", "task_cancelled"));
  EXPECT_EQ(h.last_event().task_cancelled().attempt(), 2);
  EXPECT_FALSE(h.stored().has_note(1));
}

TEST_F(CancelTaskTest, WaitEndsASpilledTaskAtOnce) {
  h.Spill(h.task(1).token());
  Wake();
  h.AnswerActivation({CancelTaskAndWait(1)});
  EXPECT_THAT(Events(h.last()), ElementsAre("advanced", "task_cancelled"));
}

TEST_F(CancelTaskTest, WaitEndsATaskScheduledInTheSameBreath) {
  Wake();
  h.AnswerActivation({Schedule("ship"), CancelTaskAndWait(2), Schedule("mail"), CancelTask(3)});
  EXPECT_THAT(Events(h.last()), ElementsAre("advanced", "task_cancelled"));
  EXPECT_THAT(Works(h.last()), ElementsAre("activation 1")) << "neither is ever handed out";
}

class CancelRunningTaskTest : public CancelTaskTest {
 protected:
  void SetUp() override {
    CancelTaskTest::SetUp();
    h.TakeTask(1);
    Wake();
    h.AnswerActivation({CancelTaskAndWait(1)});
  }
};

TEST_F(CancelRunningTaskTest, WaitAsksItsWorkerAndKeepsItPending) {
  EXPECT_THAT(Events(h.last()), ElementsAre("advanced"));
  EXPECT_THAT(Works(h.last()), ElementsAre("cancel task 1"));
  h.AnswerCancelled(1, "\"half done\"");
  ASSERT_THAT(Events(h.last()), ElementsAre("task_cancelled"));
  EXPECT_EQ(h.last_event().task_cancelled().details().data(), "\"half done\"");
  EXPECT_EQ(h.last_event().task_cancelled().identity(), "worker-11");
}

TEST_F(CancelRunningTaskTest, WaitTakesTheResultOfATaskThatFinishedFirst) {
  h.CompleteTask(1, "1");
  EXPECT_THAT(Events(h.last()), ElementsAre("task_completed"));
}

TEST_F(CancelRunningTaskTest, WaitTakesItsErrorAndDoesNotRetry) {
  h.FailTask(1, Error("CleanUpFailed"));
  ASSERT_THAT(Events(h.last()), ElementsAre("task_failed"));
  EXPECT_EQ(h.last_event().task_failed().failure().type(), "CleanUpFailed");
}

TEST_F(CancelRunningTaskTest, WaitEndsWithAWorkerThatIsLost) {
  h.ReturnTask(1, /*begun=*/true);
  EXPECT_THAT(Events(h.last()), ElementsAre("task_cancelled"));
}

TEST_F(CancelRunningTaskTest, WaitEndsATaskThatNeverArrived) {
  h.ReturnTask(1, /*begun=*/false);
  EXPECT_THAT(Events(h.last()), ElementsAre("task_cancelled"));
  EXPECT_THAT(Works(h.last()), ElementsAre("activation 1")) << "it must not start again";
}

TEST_F(CancelRunningTaskTest, WaitReachesAWorkerThatComesBackAfterARestart) {
  const v1::WorkToken token = h.task(1).token();
  h.Restart(/*hold_tasks=*/true);
  h.TakeOver(token, 500, kOtherSession);
  EXPECT_THAT(Works(h.last()), ElementsAre("cancel task 1"));
  EXPECT_EQ(h.last().work[0].session, kOtherSession);
  EXPECT_THAT(Events(h.AnswerCancelled(1)), ElementsAre("task_cancelled"));
}

TEST_F(CancelRunningTaskTest, WaitEndsWhenNoWorkerComesBackAfterARestart) {
  h.Restart(/*hold_tasks=*/true);
  EXPECT_THAT(Events(h.last()), IsEmpty());
  h.ReleaseHeld();
  EXPECT_THAT(Events(h.last()), ElementsAre("task_cancelled"));
}

// The worker that has it is on its way back.
TEST_F(CancelTaskTest, WaitWaitsForAHeldTask) {
  h.TakeTask(1);
  const v1::WorkToken token = h.task(1).token();
  h.Restart(/*hold_tasks=*/true);
  Wake();
  EXPECT_THAT(Events(h.AnswerActivation({CancelTaskAndWait(1)})), ElementsAre("advanced"));
  h.TakeOver(token, 500, kOtherSession);
  EXPECT_THAT(Works(h.last()), ElementsAre("cancel task 1"));
}

TEST_F(CancelRunningTaskTest, WaitEndsByAnyTimeout) {
  EngineHarness timed;
  timed.Start();
  timed.AnswerActivation({Schedule("charge").StartToClose(1'000)});
  timed.TakeTask(1);
  timed.Signal("wake");
  timed.AnswerActivation({CancelTaskAndWait(1)});
  timed.Advance(1'000);
  EXPECT_THAT(Events(timed.last()), ElementsAre("task_cancelled"));
}

// ---- what is not there to be cancelled ----

TEST_F(CancelTaskTest, NothingHappensToATaskThatIsDone) {
  h.CompleteTask(1, "1");
  h.AnswerActivation({CancelTask(1), CancelTaskAndWait(1)});
  EXPECT_THAT(Events(h.last()), ElementsAre("advanced"));
  EXPECT_THAT(Works(h.last()), IsEmpty());
}

TEST_F(CancelTaskTest, NothingHappensToATimerUnderThatSeq) {
  Wake();
  h.AnswerActivation({Timer(1'000), CancelTask(2), CancelTimer(1)});
  EXPECT_EQ(h.state().timers.size(), 1U);
  EXPECT_EQ(h.state().tasks.size(), 1U);
}

TEST_F(CancelTaskTest, CancelledUnaskedIsAFailedAttempt) {
  h.AnswerCancelled(1);
  EXPECT_THAT(Events(h.last()), IsEmpty());
  EXPECT_EQ(h.phase(1), TaskPhase::kBackingOff);
  h.Advance(200);
  EXPECT_EQ(h.task(1).last_failure().kind(), v1::Failure::KIND_CANCELLED);
}

TEST_F(CancelTaskTest, AnAdvanceThatAlsoEndsTheRunRecallsATaskOnce) {
  h.TakeTask(1);
  Wake();
  h.AnswerActivation({CancelTask(1), Complete()});
  EXPECT_THAT(Works(h.last()), ElementsAre("cancel task 1"));
}

}  // namespace
}  // namespace perdure::engine::testing
