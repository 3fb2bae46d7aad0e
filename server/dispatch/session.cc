#include "server/dispatch/session.h"

#include <algorithm>
#include <utility>

namespace perdure::dispatch {
namespace {

// Acknowledgements, cancellations and evictions in one frame: they are small, but there may be very many.
constexpr size_t kSmallItemsMax = 10'000;

// Counts what goes into a frame. The first item always does.
class Budget {
 public:
  explicit Budget(size_t bytes_max) : bytes_max_(bytes_max) {}
  bool Take(size_t bytes) {
    if (used_ > 0 && used_ + bytes > bytes_max_) return false;
    used_ += std::max<size_t>(bytes, 1);
    return true;
  }

 private:
  const size_t bytes_max_;
  size_t used_ = 0;
};

}  // namespace

void Session::AddChunk(v1::HistoryChunk chunk) {
  outgoing.chunk_bytes += chunk.ByteSizeLong();
  outgoing.chunks.push_back(std::move(chunk));
}

void Session::StopReading(const DeliveryKey& activation) {
  auto it = readings.find(activation);
  if (it == readings.end()) return;
  if (it->second.running) --readings_running;
  readings.erase(it);
}

void Session::StopAllReading() {
  readings.clear();
  readings_waiting.clear();
  readings_running = 0;
}

void Session::FillFrame(v1::ServerFrame& frame, int items_max, size_t bytes_max) {
  const size_t acks = std::min(outgoing.acks.size(), kSmallItemsMax);
  const auto acks_end = outgoing.acks.begin() + static_cast<std::ptrdiff_t>(acks);
  frame.mutable_acked_answer_ids()->Add(outgoing.acks.begin(), acks_end);
  outgoing.acks.erase(outgoing.acks.begin(), acks_end);
  const size_t evict = std::min(outgoing.evict.size(), kSmallItemsMax);
  const auto evict_end = outgoing.evict.begin() + static_cast<std::ptrdiff_t>(evict);
  for (auto it = outgoing.evict.begin(); it != evict_end; ++it) *frame.add_evict() = std::move(*it);
  outgoing.evict.erase(outgoing.evict.begin(), evict_end);
  for (size_t n = 0; !outgoing.cancels.empty() && n < kSmallItemsMax; ++n) {
    *frame.add_task_cancels() = std::move(outgoing.cancels.front());
    outgoing.cancels.pop_front();
  }
  Budget budget(bytes_max);
  while (!unsent.empty() && frame.activations_size() < items_max && frame.tasks_size() < items_max &&
         budget.Take(unsent.front().bytes)) {
    Item& item = unsent.front();
    unsent_bytes -= item.bytes;
    if (item.activation) frame.mutable_activations()->AddAllocated(item.activation.release());
    if (item.task) frame.mutable_tasks()->AddAllocated(item.task.release());
    item.place = Place::kSent;
    sent.splice(sent.end(), unsent, unsent.begin());
  }
  while (!outgoing.chunks.empty()) {
    const size_t bytes = outgoing.chunks.front().ByteSizeLong();
    if (!budget.Take(bytes)) break;
    outgoing.chunk_bytes -= bytes;
    *frame.add_history_chunks() = std::move(outgoing.chunks.front());
    outgoing.chunks.pop_front();
  }
  if (outgoing.chunks.empty()) outgoing.refused_histories = 0;
}

}  // namespace perdure::dispatch
