#include "server/verify/parked.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/work.h"
#include "server/engine/live.h"
#include "server/verify/scope.h"

namespace perdure::verify {
namespace {

using engine::RunState;
using engine::TaskPhase;

std::string ActivationQueue(const RunState& s) {
  const v1::RunStarted& started = s.started();
  return QueueKey(started.namespace_(), started.task_queue(), WorkKind::kActivation, started.workflow_type());
}

std::string TaskQueue(const RunState& s, const v1::ScheduleTask& c) {
  const std::string& queue = c.task_queue().empty() ? s.started().task_queue() : c.task_queue();
  return QueueKey(s.started().namespace_(), queue, WorkKind::kTask, c.task_type());
}

class Inspection {
 public:
  Inspection(RunState& state, int64_t timer_row_ms, std::span<const Mention> ready)
      : s_(state), timer_row_ms_(timer_row_ms), ready_(ready) {}

  std::vector<Stranded> Run() {
    engine::Revive(s_, 0, false);
    PutSpilledBack();
    for (const auto& [seq, task] : s_.tasks) {
      if (task.phase == TaskPhase::kBackingOff) continue;
      ExpectReady(seq, TaskQueue(s_, *task.command), absl::StrCat("its task ", seq));
    }
    const bool told = s_.activation.phase != engine::ActivationPhase::kNone || s_.unconsumed.empty();
    if (!told || !s_.steps.empty()) ExpectReady(0, ActivationQueue(s_), "its activation");
    ExpectTimerRow();
    return std::move(stranded_);
  }

 private:
  bool IsReady(int64_t seq) const {
    return std::any_of(ready_.begin(), ready_.end(),
                       [&](const Mention& m) { return m.what == static_cast<uint64_t>(seq); });
  }

  // What waits on disk in its queue has its backoff behind it: the ready row hands it out, no timer.
  void PutSpilledBack() {
    for (auto& [seq, task] : s_.tasks) {
      if (!IsReady(seq)) continue;
      // Its schedule_to_start may count from the end of a hold, which the disk does not tell of.
      const int64_t limit = task.command->timeouts().schedule_to_start_ms();
      if (limit > 0) task.waiting_since_ms = timer_row_ms_ - limit;
      engine::SetPhase(s_, seq, task, TaskPhase::kSpilled);
    }
    if (!IsReady(0)) return;
    absl::erase_if(s_.deadlines,
                   [](const engine::Deadline& d) { return d.kind == engine::DeadlineKind::kActivation; });
  }

  void ExpectReady(int64_t seq, const std::string& queue, const std::string& item) {
    const bool there = std::any_of(ready_.begin(), ready_.end(), [&](const Mention& m) {
      return m.what == static_cast<uint64_t>(seq) && m.name == NameHash(queue);
    });
    if (there) return;
    std::string shown = queue;
    std::replace(shown.begin(), shown.end(), '\0', ',');
    stranded_.push_back({absl::StrCat("nothing on disk would hand out ", item),
                         absl::StrCat("a ready row of seq ", seq, " in queue ", shown),
                         IsReady(seq) ? "one in another queue" : "none"});
  }

  // A row that is too early only wakes the run in vain: a task may have a ready row of a wait that is over.
  void ExpectTimerRow() {
    const int64_t due = s_.next_deadline_ms();
    if (due == 0 || (timer_row_ms_ != 0 && timer_row_ms_ <= due)) return;
    stranded_.push_back({"no timer row wakes it for what falls due next",
                         absl::StrCat("a timer row at ", due, " or before"),
                         timer_row_ms_ == 0 ? std::string("none") : absl::StrCat("one at ", timer_row_ms_)});
  }

  RunState& s_;
  const int64_t timer_row_ms_;
  const std::span<const Mention> ready_;
  std::vector<Stranded> stranded_;
};

}  // namespace

std::vector<Stranded> FindStranded(RunState& state, int64_t timer_row_ms, std::span<const Mention> ready) {
  return Inspection(state, timer_row_ms, ready).Run();
}

}  // namespace perdure::verify
