// Snapshots and folding: a state read back is the state that was.
#include "server/engine/snapshot.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/describe.h"
#include "server/engine/evolve.h"
#include "tests/unit/engine/compare.h"
#include "tests/unit/engine/harness.h"

namespace perdure::engine::testing {
namespace {

using ::testing::HasSubstr;

// A run with some of everything pending.
void MakeBusy(EngineHarness& h) {
  v1::RunStarted started = Started();
  started.set_run_timeout_ms(100'000);
  started.set_execution_timeout_ms(200'000);
  *started.mutable_retry_policy() = Policy();
  (*started.mutable_memo())["team"] = Json("\"a\"");
  h.Start(started);
  h.AnswerActivation({Schedule("charge").StartToClose(5'000), Schedule("ship").Queue("warehouse"),
                      Timer(9'000, "nap"), Step("stamp"), Schedule("mail")});
  h.TakeTask(1);
  h.FailTask(2, Error("Flaky"));
  h.TakeTask(5);
  h.Signal("go", "r-1");
  h.RequestCancel("r-2");
  h.AnswerActivation({CancelTaskAndWait(5)});
  h.Signal("more", "r-3", "[1,2]");
}

TEST(SnapshotTest, GivesBackTheStateThatWas) {
  EngineHarness h;
  MakeBusy(h);
  RunState loaded;
  loaded.partition = kPartition;
  loaded.run = kRun;
  FromSnapshot(ToSnapshot(h.state()), h.limits, loaded);
  for (const auto& [seq, task] : h.state().tasks) {
    if (task.note) Evolve(loaded, task.note);
  }
  EXPECT_EQ(FoldedDifference(h.state(), loaded), "");
}

TEST(SnapshotTest, GoesOnFromThere) {
  EngineHarness h;
  MakeBusy(h);
  // The harness compares the state with the fold of the whole log after each input.
  h.EvictAndLoad();
  h.AnswerActivation({CancelTask(1), CancelTimer(3), Schedule("refund")});
  h.CompleteTask(6, "1");
  h.AnswerStep(StepResult(4, "2"));
  h.AnswerActivation({Complete()});
  EXPECT_EQ(h.state().status, v1::RUN_STATUS_COMPLETED);
}

TEST(SnapshotTest, IsFollowedByTheEventsAfterIt) {
  EngineHarness h;
  MakeBusy(h);
  h.EvictAndLoad();
  h.Signal("after the head", "r-4");
  h.AnswerActivation({Timer(50)});
  h.Restart();
  EXPECT_EQ(h.state().last_seq, 6);
}

TEST(SnapshotTest, IsNotMadeOfARunWithTooMuchPending) {
  EngineHarness h;
  h.Start();
  std::vector<v1::Command> commands;
  for (size_t i = 0; i < kSnapshotItemsMax; ++i) commands.push_back(Timer(1'000));
  h.AnswerActivation(commands);
  EXPECT_EQ(ToSnapshot(h.state()).through(), h.state().last_event_id);
  h.Signal("one too many");
  EXPECT_EQ(ToSnapshot(h.state()).through(), 0);
}

TEST(FoldTest, SaysWhatDoesNotFit) {
  EngineHarness h;
  v1::Event event;
  event.set_event_id(1);
  event.mutable_timer_fired();
  EXPECT_EQ(WhyNotFoldable(h.state(), event), "event 1 is no start of the run");
  h.Start();
  event.set_event_id(3);
  EXPECT_EQ(WhyNotFoldable(h.state(), event), "event 3 follows event 1");
  event.set_event_id(2);
  EXPECT_EQ(WhyNotFoldable(h.state(), event), "");
  event.mutable_run_started();
  EXPECT_EQ(WhyNotFoldable(h.state(), event), "event 2 is a start of the run");
  event.clear_body();
  EXPECT_EQ(WhyNotFoldable(h.state(), event), "event 2 has a kind that this version does not know");
  h.Terminate();
  event.set_event_id(3);
  event.mutable_timer_fired();
  EXPECT_EQ(WhyNotFoldable(h.state(), event), "event 3 comes after the run closed");
}

// What parses, and yet was never written by Decide: a damaged disk.
TEST(FoldTest, RefusesAdvancesThatNeverWere) {
  EngineHarness h;
  h.Start();
  v1::Event event;
  event.set_event_id(2);
  v1::Advanced& advanced = *event.mutable_advanced();
  advanced.set_consumed_through(2);
  EXPECT_EQ(WhyNotFoldable(h.state(), event), "event 2: it consumed events through 2 of 1");
  advanced.set_consumed_through(1);
  *advanced.add_commands() = Timer(10);
  *advanced.add_commands() = Timer(10);
  // Two timers of one seq: one of them would be due for ever.
  for (v1::Command& command : *advanced.mutable_commands()) command.mutable_start_timer()->set_seq(1);
  EXPECT_EQ(WhyNotFoldable(h.state(), event), "event 2: its command 2 has seq 1 instead of 2");
  advanced.mutable_commands(1)->mutable_start_timer()->set_seq(2);
  EXPECT_EQ(WhyNotFoldable(h.state(), event), "");
}

TEST(FoldTest, RefusesAttemptsThatNeverWere) {
  v1::Event event;
  event.set_event_id(1);
  event.mutable_run_started()->set_attempt(std::numeric_limits<int32_t>::max());
  EXPECT_THAT(WhyNotFoldable(RunState(), event), HasSubstr("attempt 2147483647"));
  records::NoteRecord note;
  note.set_seq(3);
  note.set_attempt(2);
  EXPECT_EQ(WhyNotFoldable(note, 3), "");
  EXPECT_EQ(WhyNotFoldable(note, 4), "the note of 4 is that of 3");
  note.set_attempt(0);
  EXPECT_EQ(WhyNotFoldable(note, 3), "the note of 3 is of attempt 0");
}

TEST(SnapshotTest, RefusesHeadsThatNeverWere) {
  EngineHarness h;
  MakeBusy(h);
  const records::HeadRecord good = ToSnapshot(h.state());
  EXPECT_EQ(WhyNotASnapshot(good), "");
  records::HeadRecord head = good;
  *head.add_timers() = head.timers(0);
  EXPECT_EQ(WhyNotASnapshot(head), "what is pending in the head is not numbered as it was begun");
  head = good;
  head.mutable_steps(0)->set_seq(head.last_seq() + 1);
  EXPECT_EQ(WhyNotASnapshot(head), "what is pending in the head is not numbered as it was begun");
  head = good;
  head.set_through(std::numeric_limits<int64_t>::max());
  EXPECT_THAT(WhyNotASnapshot(head), HasSubstr("the head counts 9223372036854775807 events"));
  head = good;
  head.set_consumed_through(head.through() + 1);
  EXPECT_THAT(WhyNotASnapshot(head), HasSubstr("consumed through"));
  head = good;
  head.mutable_unconsumed(0)->set_event_id(head.consumed_through());
  EXPECT_THAT(WhyNotASnapshot(head), HasSubstr("none that waits to be delivered"));
  head = good;
  head.mutable_unconsumed(0)->mutable_run_terminated();
  EXPECT_THAT(WhyNotASnapshot(head), HasSubstr("none that waits to be delivered"));
}

// ---- describe ----

TEST(DescribeTest, TellsWhatIsPending) {
  EngineHarness h;
  MakeBusy(h);
  const v1::DescribeWorkflowResponse d = Describe(h.state());
  EXPECT_EQ(d.summary().workflow_id(), "order-42");
  EXPECT_EQ(d.summary().status(), v1::RUN_STATUS_RUNNING);
  EXPECT_EQ(d.summary().history_events(), h.state().last_event_id);
  EXPECT_TRUE(d.cancel_requested());
  ASSERT_EQ(d.pending_tasks_size(), 3);
  EXPECT_EQ(d.pending_tasks(0).state(), v1::PendingTask::STATE_RUNNING);
  EXPECT_EQ(d.pending_tasks(0).identity(), "worker-11");
  EXPECT_EQ(d.pending_tasks(1).state(), v1::PendingTask::STATE_BACKING_OFF);
  EXPECT_EQ(d.pending_tasks(1).attempt(), 2);
  EXPECT_EQ(d.pending_tasks(1).last_failure().type(), "Flaky");
  EXPECT_EQ(d.pending_tasks(1).next_attempt_unix_ms(), kStartTimeMs + 200);
  EXPECT_EQ(d.pending_tasks(1).task_queue(), "warehouse");
  EXPECT_TRUE(d.pending_tasks(2).cancel_requested());
  ASSERT_EQ(d.pending_timers_size(), 1);
  EXPECT_EQ(d.pending_timers(0).name(), "nap");
  ASSERT_EQ(d.pending_steps_size(), 1);
  EXPECT_EQ(d.pending_activation().state(), v1::PendingActivation::STATE_QUEUED);
}

TEST(DescribeTest, TellsWhyTheActivationFails) {
  EngineHarness h;
  h.Start();
  h.FailActivation(Error("NonDeterminism", "event 5 records a timer"));
  const v1::DescribeWorkflowResponse d = Describe(h.state());
  EXPECT_EQ(d.pending_activation().state(), v1::PendingActivation::STATE_BACKING_OFF);
  EXPECT_EQ(d.pending_activation().attempt(), 2);
  EXPECT_EQ(d.pending_activation().last_failure().message(), "event 5 records a timer");
  EXPECT_EQ(d.pending_activation().next_attempt_unix_ms(), kStartTimeMs + 1'000);
}

TEST(DescribeTest, ListsALimitedNumberOfItemsAndCountsAll) {
  EngineHarness h;
  h.Start();
  std::vector<v1::Command> commands;
  for (int i = 0; i < kDescribedItemsMax + 5; ++i) commands.push_back(Schedule("charge"));
  h.AnswerActivation(commands);
  const v1::DescribeWorkflowResponse d = Describe(h.state());
  EXPECT_EQ(d.pending_tasks_size(), kDescribedItemsMax);
  EXPECT_EQ(d.pending_task_count(), kDescribedItemsMax + 5);
}

v1::GetResultResponse OutcomeOf(EngineHarness& h) { return Outcome(*h.state().closing_event, "run-1"); }

TEST(OutcomeTest, IsTheResultOrTheFailure) {
  EngineHarness completed;
  completed.Start();
  completed.AnswerActivation({Complete("7")});
  EXPECT_EQ(OutcomeOf(completed).result().data(), "7");
  EXPECT_EQ(OutcomeOf(completed).status(), v1::RUN_STATUS_COMPLETED);
  EngineHarness failed;
  failed.Start();
  failed.AnswerActivation({FailWith(Error("CardDeclined"))});
  EXPECT_EQ(OutcomeOf(failed).failure().type(), "CardDeclined");
  EngineHarness cancelled;
  cancelled.Start();
  cancelled.AnswerActivation({CancelledRun("8")});
  EXPECT_EQ(OutcomeOf(cancelled).failure().kind(), v1::Failure::KIND_CANCELLED);
  EXPECT_EQ(OutcomeOf(cancelled).failure().details().data(), "8");
  EngineHarness terminated;
  terminated.Start();
  terminated.Terminate("", "by mistake");
  EXPECT_EQ(OutcomeOf(terminated).failure().message(), "by mistake");
  EngineHarness timed_out;
  v1::RunStarted started = Started();
  started.set_run_timeout_ms(10);
  timed_out.Start(started);
  timed_out.Advance(10);
  EXPECT_EQ(OutcomeOf(timed_out).failure().timeout(), v1::Failure::TIMEOUT_RUN);
}

}  // namespace
}  // namespace perdure::engine::testing
