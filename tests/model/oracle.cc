#include "tests/model/oracle.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"

namespace perdure::model {
namespace {

int64_t DueMs(int64_t start_ms, int64_t delay_ms) {
  constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  return delay_ms > kNever - start_ms ? kNever : start_ms + delay_ms;
}

int64_t AnsweredSeq(const v1::Event& event) {
  if (event.has_task_completed()) return event.task_completed().seq();
  if (event.has_task_failed()) return event.task_failed().seq();
  if (event.has_task_cancelled()) return event.task_cancelled().seq();
  if (event.has_step_completed()) return event.step_completed().seq();
  if (event.has_timer_fired()) return event.timer_fired().seq();
  return 0;
}

}  // namespace

std::string Oracle::Observe(const v1::Event& event) {
  if (closed_) return absl::StrCat("event ", event.event_id(), " comes after the run closed");
  if (event.event_id() != last_event_id_ + 1) {
    return absl::StrCat("event ", event.event_id(), " follows event ", last_event_id_);
  }
  if (event.time_unix_ms() < last_time_ms_)
    return absl::StrCat("event ", event.event_id(), " goes back in time");
  last_event_id_ = event.event_id();
  last_time_ms_ = event.time_unix_ms();
  if ((event.event_id() == 1) != event.has_run_started())
    return "a history begins with its start, and only then";
  if (event.has_advanced()) return ObserveAdvanced(event);
  return ObserveStimulus(event);
}

std::string Oracle::ObserveStimulus(const v1::Event& event) {
  stimuli_.push_back({event.event_id(), AnsweredSeq(event), event.has_cancel_requested()});
  switch (event.body_case()) {
    case v1::Event::kRunStarted:
      return "";
    case v1::Event::kTaskCompleted:
      return Answered(event.task_completed().seq(), Item::Kind::kTask, "TaskCompleted");
    case v1::Event::kTaskFailed: {
      const Item& item = items_[event.task_failed().seq()];
      if (item.max_attempts > 0 && event.task_failed().attempt() > item.max_attempts) {
        return "a task had more attempts than its policy allows";
      }
      return Answered(event.task_failed().seq(), Item::Kind::kTask, "TaskFailed");
    }
    case v1::Event::kTaskCancelled:
      if (!items_[event.task_cancelled().seq()].cancel_wait)
        return "a task ended as cancelled, but nobody asked";
      return Answered(event.task_cancelled().seq(), Item::Kind::kTask, "TaskCancelled");
    case v1::Event::kStepCompleted:
      return Answered(event.step_completed().seq(), Item::Kind::kStep, "StepCompleted");
    case v1::Event::kTimerFired: {
      const int64_t seq = event.timer_fired().seq();
      if (event.time_unix_ms() < items_[seq].due_ms) return absl::StrCat("timer ", seq, " fired early");
      return Answered(seq, Item::Kind::kTimer, "TimerFired");
    }
    case v1::Event::kSignalReceived:
      return ObserveRequest(event.signal_received().request_id());
    case v1::Event::kCancelRequested:
      if (cancel_requested_) return "the run was told twice to cancel";
      cancel_requested_ = true;
      return ObserveRequest(event.cancel_requested().request_id());
    case v1::Event::kRunTerminated:
    case v1::Event::kRunTimedOut:
    case v1::Event::kRunAborted:
      closed_ = true;
      return "";
    default:
      return absl::StrCat("event ", event.event_id(), " is of no known kind");
  }
}

std::string Oracle::ObserveRequest(const std::string& request_id) {
  if (request_id.empty() || requests_.insert(request_id).second || !remembers_requests_) return "";
  return absl::StrCat("request '", request_id, "' was carried out twice");
}

std::string Oracle::Answered(int64_t seq, Item::Kind kind, const char* by) {
  auto it = items_.find(seq);
  if (it == items_.end() || it->second.kind != kind)
    return absl::StrCat(by, " answers ", seq, ", which is no such item");
  if (!it->second.pending) return absl::StrCat(by, " answers ", seq, ", which is not pending any more");
  it->second.pending = false;
  return "";
}

std::string Oracle::ObserveAdvanced(const v1::Event& event) {
  const v1::Advanced& advanced = event.advanced();
  auto it = delivered_.find(advanced.activation_id());
  if (it == delivered_.end()) return "an advance answers an activation that was never handed out, or twice";
  if (advanced.consumed_through() != it->second.through) {
    return absl::StrCat("the advance consumed through ", advanced.consumed_through(),
                        ", but was given events through ", it->second.through);
  }
  if (advanced.activation_time_unix_ms() != it->second.time_ms)
    return "the advance has another time than its activation";
  if (advanced.consumed_through() < consumed_through_) return "consumed_through went back";
  delivered_.clear();
  consumed_through_ = advanced.consumed_through();
  last_activation_id_ = advanced.activation_id();
  last_advanced_id_ = event.event_id();
  while (!stimuli_.empty() && stimuli_.front().event_id <= consumed_through_) {
    awaited_.erase(stimuli_.front().seq);
    cancel_seen_ = cancel_seen_ || stimuli_.front().cancel;
    stimuli_.erase(stimuli_.begin());
  }
  for (int i = 0; i < advanced.commands_size(); ++i) {
    const bool last = i + 1 == advanced.commands_size();
    std::string broken = ObserveCommand(advanced.commands(i), advanced.activation_time_unix_ms(), last);
    if (!broken.empty()) return broken;
  }
  return "";
}

std::string Oracle::Issue(int64_t seq, Item item) {
  if (seq != last_seq_ + 1) return absl::StrCat("seq ", seq, " was issued after ", last_seq_);
  last_seq_ = seq;
  items_[seq] = item;
  awaited_.insert(seq);
  return "";
}

std::string Oracle::ObserveCommand(const v1::Command& c, int64_t time_ms, bool last) {
  switch (c.body_case()) {
    case v1::Command::kScheduleTask: {
      Item item;
      item.max_attempts = c.schedule_task().retry_policy().max_attempts();
      return Issue(c.schedule_task().seq(), item);
    }
    case v1::Command::kStartTimer: {
      Item item;
      item.kind = Item::Kind::kTimer;
      item.due_ms = DueMs(time_ms, c.start_timer().delay_ms());
      return Issue(c.start_timer().seq(), item);
    }
    case v1::Command::kRunStep: {
      Item item;
      item.kind = Item::Kind::kStep;
      return Issue(c.run_step().seq(), item);
    }
    case v1::Command::kCancelTask: {
      auto it = items_.find(c.cancel_task().seq());
      if (it == items_.end() || it->second.kind != Item::Kind::kTask) return "";
      if (c.cancel_task().mode() == v1::CancelTask::MODE_WAIT) {
        it->second.cancel_wait = true;
      } else {
        it->second.pending = false;
        awaited_.erase(it->first);
      }
      return "";
    }
    case v1::Command::kCancelTimer: {
      auto it = items_.find(c.cancel_timer().seq());
      if (it == items_.end() || it->second.kind != Item::Kind::kTimer) return "";
      it->second.pending = false;
      awaited_.erase(it->first);
      return "";
    }
    case v1::Command::kCompleteRun:
    case v1::Command::kFailRun:
    case v1::Command::kCancelRun:
      closed_ = true;
      return last ? "" : "commands follow one that ends the run";
    case v1::Command::BODY_NOT_SET:
      break;
  }
  return "a command of no known kind was accepted";
}

std::string Oracle::ObserveActivation(const v1::Activation& a, int64_t now_ms) {
  if (closed_) return "an activation was handed out after the run closed";
  if (a.previous_activation_id() != last_activation_id_)
    return "previous_activation_id is not the last advance's";
  if (a.history_through() != last_advanced_id_) return "history_through is not the last advance";
  if (a.time_unix_ms() != now_ms) return "the activation has another time than now";
  if (a.activation_id() == 0 || delivered_.contains(a.activation_id()))
    return "the activation's id is not unique";
  if (static_cast<size_t>(a.events_size()) > stimuli_.size())
    return "the activation delivers what it should not";
  for (int i = 0; i < a.events_size(); ++i) {
    if (a.events(i).event_id() != stimuli_[static_cast<size_t>(i)].event_id) {
      return absl::StrCat("the activation delivers event ", a.events(i).event_id(), " where ",
                          stimuli_[static_cast<size_t>(i)].event_id, " is next");
    }
  }
  if (a.events_size() == 0 && !stimuli_.empty())
    return "the activation delivers nothing, though stimuli wait";
  if (a.events_size() == 0 && a.pending_steps_size() == 0) return "the activation has nothing to tell";
  const int64_t through = a.events_size() == 0 ? consumed_through_ : a.events(a.events_size() - 1).event_id();
  if (a.deliver_through() != through) return "deliver_through is not the last event delivered";
  const std::vector<int64_t> steps = Pending(Item::Kind::kStep);
  if (!std::equal(steps.begin(), steps.end(), a.pending_steps().begin(), a.pending_steps().end())) {
    return "pending_steps are not the pending steps";
  }
  delivered_[a.activation_id()] = {a.deliver_through(), a.time_unix_ms()};
  return "";
}

std::vector<int64_t> Oracle::Pending(Item::Kind kind) const {
  std::vector<int64_t> out;
  for (const auto& [seq, item] : items_) {
    if (item.kind == kind && item.pending) out.push_back(seq);
  }
  return out;
}

}  // namespace perdure::model
