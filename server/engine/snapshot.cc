#include "server/engine/snapshot.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/engine/evolve.h"
#include "server/engine/live.h"

namespace perdure::engine {

records::HeadRecord ToSnapshot(const RunState& s) {
  records::HeadRecord head;
  if (s.tasks.size() + s.timers.size() + s.steps.size() + s.unconsumed.size() > kSnapshotItemsMax ||
      s.started_bytes + s.unconsumed_bytes + s.task_bytes > kSnapshotBytesMax) {
    return head;
  }
  head.set_through(s.last_event_id);
  *head.mutable_started() = s.started();
  head.set_started_unix_ms(s.started_event->time_unix_ms());
  head.set_consumed_through(s.consumed_through);
  head.set_last_activation_id(s.last_activation_id);
  head.set_last_advanced_id(s.last_advanced_id);
  head.set_last_seq(s.last_seq);
  head.set_cancel_requested(s.cancel_requested);
  head.set_history_bytes(s.history_bytes);
  for (const auto& [seq, task] : s.tasks) {
    records::PendingTaskRecord& r = *head.add_tasks();
    *r.mutable_command() = *task.command;
    r.set_scheduled_unix_ms(task.scheduled_ms);
    r.set_cancel_requested(task.cancel_requested);
  }
  for (const auto& [seq, timer] : s.timers) {
    records::PendingTimerRecord& r = *head.add_timers();
    r.set_seq(seq);
    r.set_due_unix_ms(timer.due_ms);
    r.set_name(timer.name);
  }
  for (const auto& [seq, step] : s.steps) {
    records::PendingStepRecord& r = *head.add_steps();
    r.set_seq(seq);
    r.set_name(step.name);
    r.set_begun_in(step.begun_in);
  }
  for (const EventPtr& event : s.unconsumed) *head.add_unconsumed() = *event;
  for (const std::string& id : s.request_ids.in_order()) head.add_request_ids(id);
  return head;
}

std::string WhyNotASnapshot(const records::HeadRecord& head) {
  const auto counts = [](int64_t n) { return n >= 0 && n <= kCountMax; };
  if (!counts(head.through()) || !counts(head.last_seq()) || !counts(head.history_bytes()) ||
      !counts(head.consumed_through()) || head.consumed_through() > head.through()) {
    return absl::StrCat("the head counts ", head.through(), " events, consumed through ",
                        head.consumed_through(), ", ", head.last_seq(), " commands and ",
                        head.history_bytes(), " bytes");
  }
  if (head.started().attempt() < 0 || head.started().attempt() > kAttemptMax)
    return absl::StrCat("the head is of attempt ", head.started().attempt());
  absl::flat_hash_set<int64_t> pending;
  const auto fits = [&](int64_t seq) {
    return seq > 0 && seq <= head.last_seq() && pending.insert(seq).second;
  };
  bool all_fit = true;
  for (const auto& task : head.tasks()) all_fit = all_fit && fits(task.command().seq());
  for (const auto& timer : head.timers()) all_fit = all_fit && fits(timer.seq());
  for (const auto& step : head.steps()) all_fit = all_fit && fits(step.seq());
  if (!all_fit) return "what is pending in the head is not numbered as it was begun";
  int64_t last = head.consumed_through();
  for (const v1::Event& event : head.unconsumed()) {
    const bool stimulus = event.body_case() != v1::Event::BODY_NOT_SET && !event.has_advanced();
    if (!stimulus || Closes(event) || event.event_id() <= last || event.event_id() > head.through()) {
      return absl::StrCat("event ", event.event_id(), " of the head is none that waits to be delivered");
    }
    last = event.event_id();
  }
  return "";
}

void FromSnapshot(const records::HeadRecord& head, const Limits& limits, RunState& s) {
  auto started = std::make_shared<v1::Event>();
  started->set_event_id(1);
  started->set_time_unix_ms(head.started_unix_ms());
  *started->mutable_run_started() = head.started();
  Evolve(s, std::move(started), limits);
  s.unconsumed.clear();
  s.unconsumed_bytes = 0;
  s.last_event_id = head.through();
  s.consumed_through = head.consumed_through();
  s.last_activation_id = head.last_activation_id();
  s.last_advanced_id = head.last_advanced_id();
  s.last_seq = head.last_seq();
  s.cancel_requested = head.cancel_requested();
  s.history_bytes = head.history_bytes();
  for (const records::PendingTaskRecord& r : head.tasks()) {
    PendingTask task;
    task.command = std::make_shared<v1::ScheduleTask>(r.command());
    task.scheduled_ms = r.scheduled_unix_ms();
    task.cancel_requested = r.cancel_requested();
    AddTask(s, r.command().seq(), std::move(task));
  }
  for (const records::PendingTimerRecord& r : head.timers()) {
    s.timers.emplace(r.seq(), PendingTimer{r.due_unix_ms(), r.name()});
    s.deadlines.insert({r.due_unix_ms(), DeadlineKind::kTimer, r.seq()});
  }
  for (const records::PendingStepRecord& r : head.steps()) {
    s.steps.emplace(r.seq(), PendingStep{r.name(), r.begun_in()});
  }
  for (const v1::Event& event : head.unconsumed()) {
    s.unconsumed.push_back(std::make_shared<v1::Event>(event));
    s.unconsumed_bytes += event.ByteSizeLong();
    if (event.has_signal_received()) ++s.pending_signals;
  }
  for (const std::string& id : head.request_ids()) {
    s.request_ids.Add(id, static_cast<size_t>(limits.request_ids_per_run_max));
  }
}

}  // namespace perdure::engine
