#include "server/dispatch/session.h"

namespace perdure::dispatch {

void Outgoing::MoveTo(v1::ServerFrame& frame, size_t items_max, size_t bytes_max) {
  size_t used = 0;
  for (const uint64_t id : acks) frame.add_acked_answer_ids(id);
  acks.clear();
  for (v1::WorkToken& token : evict) *frame.add_evict() = std::move(token);
  evict.clear();
  for (size_t n = 0; !cancels.empty() && n < items_max; ++n) {
    *frame.add_task_cancels() = std::move(cancels.front());
    cancels.pop_front();
  }
  for (size_t n = 0; !activations.empty() && n < items_max && used < bytes_max; ++n) {
    used += activations.front()->ByteSizeLong();
    frame.mutable_activations()->AddAllocated(activations.front().release());
    activations.pop_front();
  }
  for (size_t n = 0; !tasks.empty() && n < items_max && used < bytes_max; ++n) {
    used += tasks.front()->ByteSizeLong();
    frame.mutable_tasks()->AddAllocated(tasks.front().release());
    tasks.pop_front();
  }
  while (!chunks.empty() && used < bytes_max) {
    used += chunks.front().ByteSizeLong();
    *frame.add_history_chunks() = std::move(chunks.front());
    chunks.pop_front();
  }
  bytes -= std::min(bytes, used);
}

void Session::Add(const Out& item) {
  if (!out.emplace(KeyOf(item.token), item).second) return;
  ++(item.kind == WorkKind::kActivation ? activations_out : tasks_out);
}

bool Session::Remove(const DeliveryKey& key) {
  auto it = out.find(key);
  if (it == out.end()) return false;
  --(it->second.kind == WorkKind::kActivation ? activations_out : tasks_out);
  out.erase(it);
  return true;
}

}  // namespace perdure::dispatch
