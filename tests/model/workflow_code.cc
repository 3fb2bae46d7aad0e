#include "tests/model/workflow_code.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/unit/engine/commands.h"

namespace perdure::model {
namespace {

using engine::testing::Error;
using engine::testing::Json;

constexpr int64_t kForEver = std::numeric_limits<int64_t>::max();

WorkflowAnswer Answer(const v1::Activation& activation) {
  WorkflowAnswer out;
  *out.answer.mutable_token() = activation.token();
  out.answer.mutable_advance()->set_consumed_through(activation.deliver_through());
  return out;
}

// 0 (not set) as often as not.
int64_t SomeTimeout(Rng& rng, int64_t max_ms) {
  if (rng.Percent(2)) return kForEver;
  return rng.Percent(50) ? 0 : rng.Between(1, max_ms);
}

void FillPolicy(Rng& rng, v1::RetryPolicy& policy) {
  policy.set_initial_interval_ms(rng.Between(1, 100));
  if (rng.Percent(30)) policy.set_backoff_coefficient(1 + static_cast<double>(rng.Below(30)) / 10);
  if (rng.Percent(50)) policy.set_max_interval_ms(rng.Between(1, 1'000));
  if (rng.Percent(60)) policy.set_max_attempts(static_cast<int32_t>(rng.Between(1, 4)));
  if (rng.Percent(50)) policy.set_jitter(static_cast<double>(rng.Between(-1, 10)) / 10);
  if (rng.Percent(30)) policy.add_non_retryable_types("Fatal");
}

v1::Command RandomTask(Rng& rng, int64_t seq) {
  v1::Command command;
  v1::ScheduleTask& task = *command.mutable_schedule_task();
  task.set_seq(seq);
  task.set_task_type(rng.Percent(50) ? "charge" : "ship");
  if (rng.Percent(20)) task.set_task_queue("elsewhere");
  *task.mutable_input() = Json(absl::StrCat("{\"seq\":", seq, "}"));
  if (rng.Percent(60)) {
    v1::TaskTimeouts& timeouts = *task.mutable_timeouts();
    timeouts.set_schedule_to_start_ms(SomeTimeout(rng, 300));
    timeouts.set_start_to_close_ms(SomeTimeout(rng, 300));
    timeouts.set_schedule_to_close_ms(SomeTimeout(rng, 1'000));
    timeouts.set_heartbeat_ms(SomeTimeout(rng, 150));
  }
  if (rng.Percent(70)) FillPolicy(rng, *task.mutable_retry_policy());
  return command;
}

v1::Command RandomCancel(Rng& rng, const Oracle& oracle, int64_t last_seq) {
  const std::vector<int64_t> tasks = oracle.Pending(Oracle::Item::Kind::kTask);
  const std::vector<int64_t> timers = oracle.Pending(Oracle::Item::Kind::kTimer);
  v1::Command command;
  if (!timers.empty() && rng.Percent(40)) {
    command.mutable_cancel_timer()->set_seq(rng.Pick(timers));
    return command;
  }
  // Now and then one that is not pending, is no task, or was scheduled by this very advance.
  const bool any = tasks.empty() || rng.Percent(20);
  command.mutable_cancel_task()->set_seq(any ? rng.Between(0, last_seq) : rng.Pick(tasks));
  command.mutable_cancel_task()->set_mode(static_cast<v1::CancelTask::Mode>(rng.Below(3)));
  return command;
}

v1::Command RandomEnd(Rng& rng) {
  v1::Command command;
  switch (rng.Below(3)) {
    case 0:
      *command.mutable_complete_run()->mutable_result() = Json("1");
      break;
    case 1:
      *command.mutable_fail_run()->mutable_failure() = Error(rng.Percent(30) ? "Fatal" : "Flaky");
      break;
    default:
      *command.mutable_cancel_run()->mutable_details() = Json("2");
      break;
  }
  return command;
}

v1::Command RandomCommand(Rng& rng, const Oracle& oracle, int64_t& last_seq, bool may_issue) {
  const int64_t dice = may_issue ? rng.Below(100) : rng.Between(80, 99);
  v1::Command command;
  if (dice < 45) return RandomTask(rng, ++last_seq);
  if (dice < 60) {
    command.mutable_start_timer()->set_seq(++last_seq);
    command.mutable_start_timer()->set_delay_ms(rng.Percent(20) ? 0 : rng.Between(1, 500));
    if (rng.Percent(3)) command.mutable_start_timer()->set_delay_ms(kForEver);
    if (rng.Percent(30)) command.mutable_start_timer()->set_name("nap");
    return command;
  }
  if (dice < 80) {
    command.mutable_run_step()->set_seq(++last_seq);
    command.mutable_run_step()->set_name("stamp");
    return command;
  }
  return RandomCancel(rng, oracle, last_seq);
}

v1::StepCompleted SomeStepResult(Rng& rng, int64_t seq) {
  v1::StepCompleted step = engine::testing::StepResult(seq, absl::StrCat("\"step ", seq, "\""));
  if (rng.Percent(20)) *step.mutable_failure() = Error("Flaky");
  return step;
}

// Some of the steps that are pending or begun by this advance, one of them perhaps twice.
void AddStepResults(Rng& rng, const Oracle& oracle, v1::Advance& advance) {
  std::vector<int64_t> steps = oracle.Pending(Oracle::Item::Kind::kStep);
  for (const v1::Command& c : advance.commands()) {
    if (c.has_run_step()) steps.push_back(c.run_step().seq());
  }
  for (const int64_t seq : steps) {
    if (rng.Percent(40)) *advance.add_steps() = SomeStepResult(rng, seq);
  }
  if (advance.steps_size() > 0 && rng.Percent(10))
    *advance.add_steps() = SomeStepResult(rng, advance.steps(0).seq());
}

}  // namespace

WorkflowAnswer RandomAdvance(Rng& rng, const v1::Activation& activation, const Oracle& oracle,
                             int64_t budget) {
  WorkflowAnswer out = Answer(activation);
  v1::Advance& advance = *out.answer.mutable_advance();
  int64_t last_seq = oracle.last_seq();
  for (int64_t n = rng.Below(5); n > 0; --n) {
    *advance.add_commands() = RandomCommand(rng, oracle, last_seq, last_seq < budget);
  }
  if (rng.Percent(2)) *advance.add_commands() = RandomEnd(rng);
  AddStepResults(rng, oracle, advance);
  out.what = absl::StrCat("an advance of ", advance.commands_size(), " commands");
  return out;
}

WorkflowAnswer WrongAdvance(Rng& rng, const v1::Activation& activation, const Oracle& oracle,
                            const engine::Limits& limits) {
  WorkflowAnswer out = RandomAdvance(rng, activation, oracle, oracle.last_seq() + 3);
  out.verdict = Verdict::kActivationFails;
  v1::Advance& advance = *out.answer.mutable_advance();
  switch (rng.Below(7)) {
    case 0:
      advance.set_consumed_through(activation.deliver_through() + rng.Between(1, 3));
      out.what = "an advance that consumed too much";
      break;
    case 1: {
      v1::Command timer;
      timer.mutable_start_timer()->set_seq(oracle.last_seq() + 50);
      *advance.add_commands() = timer;
      out.what = "an advance that skips seqs";
      break;
    }
    case 2:
      *advance.add_commands() = RandomEnd(rng);
      *advance.add_commands() = RandomEnd(rng);
      out.what = "an advance that goes on after its end";
      break;
    case 3:
      advance.add_commands();
      out.what = "an advance with an unknown command";
      break;
    case 4:
      advance.clear_commands();
      *advance.add_commands() = RandomTask(rng, oracle.last_seq() + 1);
      advance.mutable_commands(0)->mutable_schedule_task()->mutable_input()->set_data(
          std::string(static_cast<size_t>(limits.payload_bytes_max) + 1, 'x'));
      out.what = "an advance with an oversized input";
      break;
    case 5:
      advance.clear_commands();
      for (int64_t i = 1; i <= limits.commands_per_advance_max + 1; ++i) {
        *advance.add_commands() = RandomTask(rng, oracle.last_seq() + i);
      }
      out.what = "an advance of too many commands";
      break;
    default:
      out.answer.clear_outcome();
      out.what = "an answer that holds nothing";
      break;
  }
  return out;
}

WorkflowAnswer FailedActivation(const v1::Activation& activation) {
  WorkflowAnswer out;
  *out.answer.mutable_token() = activation.token();
  out.answer.mutable_failure()->set_kind(v1::Failure::KIND_NON_DETERMINISM);
  out.answer.mutable_failure()->set_message("event 5 records a timer, the code asks for a task");
  out.verdict = Verdict::kActivationFails;
  out.what = "a failure";
  return out;
}

WorkflowAnswer FinishingAdvance(const v1::Activation& activation, const Oracle& oracle) {
  WorkflowAnswer out = Answer(activation);
  std::set<int64_t> awaited = oracle.awaited();
  for (const v1::Event& event : activation.events()) {
    awaited.erase(event.task_completed().seq());
    awaited.erase(event.task_failed().seq());
    awaited.erase(event.task_cancelled().seq());
    awaited.erase(event.step_completed().seq());
    awaited.erase(event.timer_fired().seq());
  }
  for (const auto& [seq, item] : oracle.items()) {
    if (item.kind != Oracle::Item::Kind::kTimer || item.due_ms < kFarFuture || awaited.erase(seq) == 0)
      continue;
    *out.answer.mutable_advance()->add_commands() = engine::testing::CancelTimer(seq);
  }
  out.what = "an advance that waits on";
  if (awaited.empty()) {
    *out.answer.mutable_advance()->add_commands() = engine::testing::Complete();
    out.what = "the end of the run";
  }
  return out;
}

}  // namespace perdure::model
