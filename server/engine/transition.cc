#include "server/engine/transition.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/describe.h"
#include "server/engine/evolve.h"
#include "server/engine/live.h"
#include "server/engine/retry.h"

namespace perdure::engine {

std::shared_ptr<v1::Event> Transition::NewEvent() const {
  auto event = std::make_shared<v1::Event>();
  event->set_event_id(s.last_event_id + 1);
  event->set_time_unix_ms(env.now_ms);
  return event;
}

void Transition::Emit(std::shared_ptr<v1::Event> event) {
  const v1::RunStatus status = StatusAfter(*event);
  if (status != v1::RUN_STATUS_RUNNING) {
    RecallEverything(status, event->has_advanced());
    FollowUp(status, *event);
  }
  d.events.push_back(event);
  Evolve(s, std::move(event), *env.limits);
}

void Transition::Write(std::shared_ptr<records::NoteRecord> note) {
  const int64_t seq = note->seq();
  const bool had = seq == 0 ? s.activation_note != nullptr : s.tasks.at(seq).note != nullptr;
  if (!had) ++s.note_rows;
  d.notes.push_back(note);
  Evolve(s, std::move(note));
}

void Transition::DropTaskNote(int64_t seq) {
  auto it = s.tasks.find(seq);
  if (it == s.tasks.end() || !it->second.note) return;
  d.dropped_notes.push_back(seq);
  --s.note_rows;
}

void Transition::DropActivationNote() {
  if (!s.activation_note) return;
  d.dropped_notes.push_back(0);
  --s.note_rows;
}

v1::WorkToken Transition::Token(int64_t seq, int32_t attempt, uint64_t delivery) const {
  v1::WorkToken token;
  token.set_partition(s.partition);
  token.set_run(s.run);
  token.set_seq(seq);
  token.set_attempt(attempt);
  token.set_delivery(delivery);
  return token;
}

void Transition::Recall(int64_t seq, const PendingTask& task, std::string reason) {
  if (task.phase != TaskPhase::kRunning && task.phase != TaskPhase::kQueued) return;
  Work work;
  work.token = Token(seq, task.attempt, task.delivery);
  work.session = task.session;
  work.reason = std::move(reason);
  if (task.phase == TaskPhase::kRunning) {
    work.kind = Work::Kind::kCancelTask;
  } else {
    // Dispatch withdraws it from the queue, or cancels it at the session it has just gone to.
    work.kind = Work::Kind::kWithdraw;
    const v1::ScheduleTask& c = *task.command;
    work.queue =
        QueueKey(s.started().namespace_(), c.task_queue().empty() ? s.started().task_queue() : c.task_queue(),
                 WorkKind::kTask, c.task_type());
  }
  d.work.push_back(std::move(work));
}

void Transition::RecallEverything(v1::RunStatus status, bool by_its_code) {
  const std::string reason = absl::StrCat("its workflow run is closed: ", StatusWord(status));
  for (const auto& [seq, task] : s.tasks) Recall(seq, task, reason);
  const ActivationState& a = s.activation;
  if (a.phase == ActivationPhase::kQueued || a.phase == ActivationPhase::kRunning) {
    Work work;
    work.kind = Work::Kind::kWithdraw;
    work.token = Token(0, s.activation_note ? s.activation_note->attempt() : 1, a.delivery);
    work.session = a.session;
    work.queue = QueueKey(s.started().namespace_(), s.started().task_queue(), WorkKind::kActivation,
                          s.started().workflow_type());
    d.work.push_back(std::move(work));
  }
  // The worker whose code ended the run dropped the coroutine already.
  if (!by_its_code) {
    Evict(s.affinity);
    if (a.session != s.affinity) Evict(a.session);
  }
  s.activation = ActivationState{};
}

void Transition::Evict(SessionNumber session) {
  if (session == 0) return;
  Work work;
  work.kind = Work::Kind::kEvict;
  work.token = Token(0, 1, 0);
  work.session = session;
  d.work.push_back(std::move(work));
}

// A failed or timed out run with a retry policy is followed by another one.
void Transition::FollowUp(v1::RunStatus status, const v1::Event& closing) {
  const v1::RunStarted& started = s.started();
  // Who asked for an end does not want another beginning.
  if (!started.has_retry_policy() || s.cancel_requested) return;
  v1::Failure failure;
  if (status == v1::RUN_STATUS_FAILED && closing.has_advanced()) {
    failure = closing.advanced().commands().rbegin()->fail_run().failure();
  } else if (status == v1::RUN_STATUS_TIMED_OUT && !closing.run_timed_out().execution()) {
    failure.set_kind(v1::Failure::KIND_TIMEOUT);
  } else {
    return;
  }
  const std::optional<int64_t> delay =
      RetryDelayMs(started.retry_policy(), started.attempt(), failure, env.random);
  if (!delay) return;
  const int64_t begins = Later(env.now_ms, *delay);
  if (started.execution_timeout_ms() > 0 &&
      begins >= Later(started.first_started_unix_ms(), started.execution_timeout_ms())) {
    return;
  }
  v1::RunStarted next = started;
  next.set_attempt(started.attempt() + 1);
  next.set_not_before_unix_ms(begins);
  next.clear_run_id();
  d.next_run = std::move(next);
}

void Transition::EnforceHistoryLimits() {
  if (!s.open() || d.events.empty()) return;
  std::string message;
  if (s.last_event_id >= env.limits->history_events_max) {
    message = absl::StrCat("the run's history reached ", s.last_event_id,
                           " events, the limit history_events_max (", env.limits->history_events_max, ")");
  } else if (s.history_bytes >= env.limits->history_bytes_max) {
    message = absl::StrCat("the run's history reached ", s.history_bytes,
                           " bytes, the limit history_bytes_max (", env.limits->history_bytes_max, ")");
  } else {
    return;
  }
  auto event = NewEvent();
  v1::Failure& failure = *event->mutable_run_aborted()->mutable_failure();
  failure.set_kind(v1::Failure::KIND_LIMIT);
  failure.set_message(absl::StrCat(message, "; split the work over several runs, or raise the limit"));
  failure.set_non_retryable(true);
  Emit(std::move(event));
}

Decision Transition::Refuse(absl::Status status) {
  d.status = std::move(status);
  return std::move(d);
}

Decision Transition::Stale() {
  d.stale = true;
  return std::move(d);
}

Decision Transition::Finish() {
  EnforceHistoryLimits();
  if (s.open()) {
    ReleaseTasks(*this);
    ReleaseActivation(*this);
  }
  return std::move(d);
}

}  // namespace perdure::engine
