// How the stimuli of a history reach the coroutines that wait for them.
#include <utility>

#include "worker-sdk/src/runtime/convert.h"
#include "worker-sdk/src/runtime/run.h"

namespace perdure::detail {

void RunCore::Apply(const v1::Event& event) {
  if (refusal_.has_value() || closed_) return;
  switch (event.body_case()) {
    case v1::Event::kRunStarted:
      return Begin(event.run_started(), event.time_unix_ms());
    case v1::Event::kTaskCompleted:
      return ApplyTaskCompleted(event.task_completed());
    case v1::Event::kTaskFailed:
      return ApplyTaskFailed(event.task_failed());
    case v1::Event::kTaskCancelled:
      return ApplyTaskCancelled(event.task_cancelled());
    case v1::Event::kStepCompleted:
      return ApplyStepCompleted(event.step_completed());
    case v1::Event::kTimerFired:
      return DeliverTo(TakeWaiting(event.timer_fired().seq(), "timer"), {}, "timer", 0);
    case v1::Event::kSignalReceived:
      return ApplySignal(event.signal_received());
    case v1::Event::kCancelRequested:
      cancel_requested_ = true;
      if (root_scope_) root_scope_->Cancel(event.cancel_requested().reason());
      return;
    default: {
      Failure failure;
      failure.kind = FailureKind::kWorkerError;
      failure.type = "UnknownEvent";
      failure.message = "event " + std::to_string(event.event_id()) +
                        " is of a kind that this version of the SDK does not know; upgrade the worker";
      return Refuse(std::move(failure));
    }
  }
}

RunCore::Waiting RunCore::TakeWaiting(std::int64_t seq, const char* what) {
  const auto entry = waiting_.find(seq);
  if (entry == waiting_.end()) {
    // An answer to what was cancelled meanwhile is dropped; one to what was never asked for cannot be.
    if (seq >= next_seq_) {
      Failure failure;
      failure.kind = FailureKind::kNonDeterminism;
      failure.type = "NonDeterminism";
      failure.message = std::string("history answers a ") + what + " with seq " + std::to_string(seq) +
                        ", but this code has issued only " + std::to_string(next_seq_ - 1) + " so far";
      Refuse(std::move(failure));
    }
    return {};
  }
  Waiting waiting = std::move(entry->second);
  waiting_.erase(entry);
  if (waiting.leaf->scope != nullptr) waiting.leaf->scope->Remove(*waiting.leaf);
  return waiting;
}

void RunCore::DeliverTo(const Waiting& waiting, const v1::Payload& payload, const char* what,
                        std::int64_t seq) {
  if (!waiting.cell) return;
  NoteTaken(payload.data().size());
  try {
    waiting.cell->Deliver(runtime::Decode(converter_, runtime::FromProto(payload)));
  } catch (...) {
    const std::string source = seq == 0 ? what : SourceOf(what, waiting.leaf->name, seq);
    RefuseInput("the outcome of " + source, std::current_exception());
  }
}

void RunCore::ApplyTaskCompleted(const v1::TaskCompleted& event) {
  const Waiting waiting = TakeWaiting(event.seq(), "task");
  if (!waiting.cell) return;
  DeliverTo(waiting, event.result(), "task", event.seq());
}

void RunCore::ApplyTaskFailed(const v1::TaskFailed& event) {
  const Waiting waiting = TakeWaiting(event.seq(), "task");
  if (!waiting.cell) return;
  Failure failure = runtime::FromProto(event.failure(), converter_);
  if (failure.kind == FailureKind::kCancelled) {
    return waiting.cell->SettleError(std::make_exception_ptr(Cancelled(std::move(failure))));
  }
  const std::string& type = waiting.leaf->name;
  if (failure.kind != FailureKind::kTask) {
    Failure outer;
    outer.kind = FailureKind::kTask;
    outer.cause = std::make_shared<const Failure>(std::move(failure));
    failure = std::move(outer);
  }
  if (failure.message.empty()) failure.message = "the task failed";
  if (failure.source.empty()) failure.source = SourceOf("task", type, event.seq(), event.attempt());
  waiting.cell->SettleError(
      std::make_exception_ptr(TaskFailed(std::move(failure), type, event.seq(), event.attempt())));
}

void RunCore::ApplyTaskCancelled(const v1::TaskCancelled& event) {
  const Waiting waiting = TakeWaiting(event.seq(), "task");
  if (!waiting.cell) return;
  Payload details;
  try {
    details = runtime::Decode(converter_, runtime::FromProto(event.details()));
  } catch (...) {
    return RefuseInput("the details of " + SourceOf("task", waiting.leaf->name, event.seq()),
                       std::current_exception());
  }
  const std::string reason = SourceOf("task", waiting.leaf->name, event.seq(), event.attempt());
  waiting.cell->SettleError(std::make_exception_ptr(Cancelled(reason, std::move(details))));
}

void RunCore::ApplyStepCompleted(const v1::StepCompleted& event) {
  const Waiting waiting = TakeWaiting(event.seq(), "step");
  open_steps_.erase(event.seq());
  if (!waiting.cell) return;
  const std::string& name = waiting.leaf->name;
  if (event.outcome_case() != v1::StepCompleted::kFailure) {
    return DeliverTo(waiting, event.result(), "step", event.seq());
  }
  Failure failure = runtime::FromProto(event.failure(), converter_);
  waiting.cell->SettleError(
      std::make_exception_ptr(StepFailed(std::move(failure), name, event.seq(), event.attempt())));
}

void RunCore::ApplySignal(const v1::SignalReceived& event) {
  KeptSignal signal;
  try {
    signal.payload = runtime::Decode(converter_, runtime::FromProto(event.input()));
  } catch (const runtime::ConverterFailed&) {
    return RefuseInput("signal '" + event.name() + "'", std::current_exception());
  } catch (const DecodeError&) {
    signal.error = std::current_exception();
  }
  SignalQueue& queue = signals_[event.name()];
  if (queue.waiting.empty()) {
    signal_bytes_ += BytesOf(signal);
    queue.kept.push_back(std::move(signal));
    return;
  }
  Leaf& leaf = *queue.waiting.begin()->second;
  const Ref<CellBase> cell(&leaf.cell);
  ForgetLeaf(leaf);
  NoteTaken(signal.payload.data.size());
  DeliverSignal(leaf, signal);
}

}  // namespace perdure::detail
