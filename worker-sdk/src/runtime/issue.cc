// What workflow code issues: commands, waits and their cancellation.
#include "perdure/detail/issue.h"

#include <algorithm>
#include <utility>

#include "worker-sdk/src/runtime/convert.h"
#include "worker-sdk/src/runtime/run.h"

namespace perdure::detail {

bool RunCore::Admit(Leaf& leaf, Leaf::Kind kind, const char* what) {
  leaf.kind = kind;
  if (dying_) return false;
  Scope& scope = current_scope(what);
  if (scope.cancelled()) {
    leaf.cell.SettleError(std::make_exception_ptr(Cancelled(scope.reason())));
    return false;
  }
  scope.Add(leaf);
  return true;
}

v1::Command& RunCore::IssueSeq(Leaf& leaf) {
  leaf.seq = next_seq_++;
  waiting_.emplace(leaf.seq, Waiting{Ref<CellBase>(&leaf.cell), &leaf});
  return commands_.emplace_back();
}

void RunCore::IssueTask(Leaf& leaf, std::string_view type, const TaskOptions& options, Payload input) {
  // Replay compares names only, so that the work of encrypting or compressing is saved.
  if (!info_.replaying && !dying_) input = runtime::Encode(converter_, std::move(input));
  if (!Admit(leaf, Leaf::Kind::kTask, "Context::Run")) return;
  leaf.name = type;
  leaf.on_cancel = options.OnCancel();
  v1::ScheduleTask& task = *IssueSeq(leaf).mutable_schedule_task();
  task.set_seq(leaf.seq);
  task.set_task_type(leaf.name);
  task.set_task_queue(options.TaskQueue());
  *task.mutable_input() = runtime::ToProto(std::move(input));
  *task.mutable_timeouts() = runtime::TimeoutsToProto(options);
  if (options.Retry().has_value()) *task.mutable_retry_policy() = runtime::ToProto(*options.Retry());
}

void RunCore::IssueTimer(Leaf& leaf, Milliseconds delay, std::string_view name) {
  if (!Admit(leaf, Leaf::Kind::kTimer, "Context::Sleep")) return;
  v1::StartTimer& timer = *IssueSeq(leaf).mutable_start_timer();
  timer.set_seq(leaf.seq);
  timer.set_delay_ms(std::max<std::int64_t>(0, delay.count()));
  timer.set_name(std::string(name));
}

void RunCore::IssueStep(Leaf& leaf, std::string_view name, const StepOptions& options,
                        std::function<Payload()> body) {
  if (!Admit(leaf, Leaf::Kind::kStep, "Context::Step")) return;
  leaf.name = name;
  v1::RunStep& step = *IssueSeq(leaf).mutable_run_step();
  step.set_seq(leaf.seq);
  step.set_name(leaf.name);
  open_steps_.emplace(leaf.seq, OpenStep{leaf.seq, leaf.name, options.Retry(), std::move(body)});
}

void RunCore::AwaitSignal(Leaf& leaf, std::string_view name) {
  if (!Admit(leaf, Leaf::Kind::kSignal, "Context::WaitSignal")) return;
  leaf.name = name;
  if (std::optional<KeptSignal> kept = TakeKept(name)) {
    leaf.scope->Remove(leaf);
    return DeliverSignal(leaf, *kept);
  }
  leaf.seq = next_ticket_++;
  signals_[leaf.name].waiting.emplace(leaf.seq, &leaf);
}

std::optional<RunCore::KeptSignal> RunCore::TakeKept(std::string_view name) {
  const auto entry = signals_.find(name);
  if (entry == signals_.end() || entry->second.kept.empty()) return std::nullopt;
  KeptSignal signal = std::move(entry->second.kept.front());
  entry->second.kept.pop_front();
  signal_bytes_ -= BytesOf(signal);
  NoteTaken(signal.payload.data.size());
  return signal;
}

std::optional<Payload> RunCore::TakeSignal(std::string_view name) {
  std::optional<KeptSignal> kept = TakeKept(name);
  if (!kept.has_value()) return std::nullopt;
  if (kept->error) ThrowBadSignal(*this, name, kept->error);
  return std::move(kept->payload);
}

void RunCore::DeliverSignal(const Leaf& leaf, const KeptSignal& signal) {
  try {
    if (signal.error) std::rethrow_exception(signal.error);
    leaf.cell.Deliver(signal.payload);
  } catch (...) {
    leaf.cell.SettleError(BadSignal(leaf.name, std::current_exception()));
  }
}

std::exception_ptr RunCore::BadSignal(std::string_view name, const std::exception_ptr& error) const {
  Failure failure = FailureFrom(error);
  failure.kind = FailureKind::kApplication;
  failure.type = "DecodeError";
  failure.message = "signal '" + std::string(name) + "': " + failure.message;
  log().Warn("a signal did not decode", "signal", name, "failure", failure.message);
  return std::make_exception_ptr(DecodeError(std::move(failure)));
}

void RunCore::AwaitCondition(Leaf& leaf, std::function<bool()> predicate) {
  if (!Admit(leaf, Leaf::Kind::kCondition, "Context::WaitUntil")) return;
  if (Holds(predicate)) {
    leaf.scope->Remove(leaf);
    leaf.cell.Deliver({});
    return;
  }
  leaf.seq = next_ticket_++;
  conditions_.emplace(leaf.seq, Condition{&leaf, std::move(predicate)});
}

void RunCore::CancelLeaf(Leaf& leaf, const std::string& reason) {
  if (dying_ || leaf.cell.settled()) return;
  const Ref<CellBase> cell(&leaf.cell);
  if (leaf.kind == Leaf::Kind::kTask && leaf.on_cancel != OnCancel::kAbandon) {
    if (leaf.cancel_sent) return;
    const bool wait = leaf.on_cancel == OnCancel::kWait;
    v1::CancelTask& cancel = *commands_.emplace_back().mutable_cancel_task();
    cancel.set_seq(leaf.seq);
    cancel.set_mode(wait ? v1::CancelTask::MODE_WAIT : v1::CancelTask::MODE_TRY);
    leaf.cancel_sent = true;
    if (wait) {
      if (leaf.scope != nullptr) leaf.scope->Remove(leaf);
      return;
    }
  }
  if (leaf.kind == Leaf::Kind::kTimer) commands_.emplace_back().mutable_cancel_timer()->set_seq(leaf.seq);
  ForgetLeaf(leaf);
  if (leaf.kind != Leaf::Kind::kSignal && leaf.kind != Leaf::Kind::kCondition) waiting_.erase(leaf.seq);
  if (leaf.kind == Leaf::Kind::kStep) open_steps_.erase(leaf.seq);
  cell->SettleError(std::make_exception_ptr(Cancelled(reason)));
}

void RunCore::ForgetLeaf(Leaf& leaf) {
  if (leaf.kind == Leaf::Kind::kSignal) {
    const auto entry = signals_.find(leaf.name);
    if (entry != signals_.end()) entry->second.waiting.erase(leaf.seq);
  } else if (leaf.kind == Leaf::Kind::kCondition) {
    conditions_.erase(leaf.seq);
  }
  if (leaf.scope != nullptr) leaf.scope->Remove(leaf);
}

// --- The functions that the public templates call.

RunCore& RequireRun(const char* what) {
  RunCore* run = CurrentRun();
  if (run == nullptr) {
    ThrowUsageError(std::string("perdure::") + what + " was called outside of workflow code");
  }
  return *run;
}

void IssueTask(RunCore& run, Leaf& leaf, std::string_view type, const TaskOptions& options, Payload input) {
  run.IssueTask(leaf, type, options, std::move(input));
}

void IssueTimer(RunCore& run, Leaf& leaf, Milliseconds delay, std::string_view name) {
  run.IssueTimer(leaf, delay, name);
}

void IssueStep(RunCore& run, Leaf& leaf, std::string_view name, const StepOptions& options,
               std::function<Payload()> body) {
  run.IssueStep(leaf, name, options, std::move(body));
}

void AwaitSignal(RunCore& run, Leaf& leaf, std::string_view name) { run.AwaitSignal(leaf, name); }

void AwaitCondition(RunCore& run, Leaf& leaf, std::function<bool()> predicate) {
  run.AwaitCondition(leaf, std::move(predicate));
}

std::optional<Payload> TakeSignal(RunCore& run, std::string_view name) { return run.TakeSignal(name); }

void ThrowBadSignal(RunCore& run, std::string_view name, const std::exception_ptr& error) {
  std::rethrow_exception(run.BadSignal(name, error));
}

void StartStrand(RunCore& run, Ref<Strand> strand) { run.Start(std::move(strand)); }

Ref<Scope> NewScope(RunCore& run, bool shield) {
  // A destructor that runs because the run leaves memory gets a scope that leads nowhere.
  Scope* const parent = shield || run.dying() ? nullptr : &run.current_scope("a scope");
  return MakeRef<Scope>(run, parent, shield);
}

Ref<Scope> NewScopeUnder(RunCore& run, Scope& parent) {
  return MakeRef<Scope>(run, &parent, /*shield=*/false);
}

void ReportUnobserved(RunCore& run, const std::exception_ptr& error) {
  const Failure failure = FailureFrom(error);
  if (failure.kind == FailureKind::kCancelled) return;
  run.log().Warn("a spawned coroutine failed and nobody awaits it", "failure", failure.Describe());
}

Pending<void> StartTimer(Milliseconds delay, const char* what) {
  RunCore& run = RequireRun("WithTimeout");
  auto cell = MakeRef<LeafCell<void>>();
  run.IssueTimer(*cell, delay, what);
  return Pending<void>(Ref<Cell<void>>(cell.get()));
}

}  // namespace perdure::detail
