#include "server/engine/state.h"

namespace perdure::engine {

void RequestIds::Add(const std::string& id, size_t limit) {
  if (id.empty() || !set_.insert(id).second) return;
  order_.push_back(id);
  while (order_.size() > limit) {
    set_.erase(order_.front());
    order_.pop_front();
  }
}

bool RunState::hot() const {
  if (!open()) return false;
  return activation.phase == ActivationPhase::kQueued || activation.phase == ActivationPhase::kRunning ||
         hot_tasks > 0 || !steps.empty();
}

size_t RunState::bytes() const {
  constexpr size_t kPerItem = 128;
  return sizeof(RunState) + 512 + started_bytes + unconsumed_bytes + task_bytes + note_bytes + closing_bytes +
         (timers.size() + steps.size() + request_ids.in_order().size() + deadlines.size()) * kPerItem;
}

}  // namespace perdure::engine
