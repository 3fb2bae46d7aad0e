// Work that waits on disk, beyond a queue's window.
#include <algorithm>

#include "server/dispatch/dispatcher.h"

namespace perdure::dispatch {
namespace {

// A refill is asked for once this part of the window is free.
constexpr int64_t kRefillShare = 2;

}  // namespace

void Dispatcher::Spill(Queue& queue, const Item& item, After& after) {
  const v1::WorkToken& token = item.token;
  metrics_.spilled.Add();
  ++queue.spilled;
  queue.backlog[token.partition()].Spilled();
  // Else one that was found too large would be asked for, and go back to disk, over and over.
  queue.usual_bytes = std::max(queue.usual_bytes, static_cast<int64_t>(item.bytes));
  after.reports[token.partition()].push_back({nullptr, Spilled{token}});
  // The window may be empty: then nothing else would ask.
  AskForRefill(queue, after);
}

void Dispatcher::Refilled(const Work& work, After& after) {
  Queue& queue = GetQueue(work.queue, KindOfQueue(work.queue));
  const uint32_t partition = work.token.partition();
  if (!queue.backlog[partition].Answered(work.more)) queue.backlog.erase(partition);
  queue.spilled = queue.backlog.empty() ? 0 : std::max<int64_t>(0, queue.spilled - work.count);
  AskForRefill(queue, after);
}

// How many more items of the usual size the window takes; 1 at least while it is empty.
int64_t Dispatcher::Room(const Queue& queue) const {
  const int64_t usual = std::max<int64_t>(1, queue.usual_bytes);
  const int64_t room =
      std::min({options_.queue_window_max - static_cast<int64_t>(queue.items.size()),
                (options_.queue_window_bytes_max - static_cast<int64_t>(queue.bytes)) / usual,
                (options_.queued_bytes_max - queued_bytes_) / usual});
  return std::max<int64_t>(room, queue.items.empty() ? 1 : 0);
}

void Dispatcher::AskForRefill(Queue& queue, After& after) {
  if (queue.backlog.empty()) return;
  const int64_t room = Room(queue);
  if (room <= 0) return;
  const bool half_free =
      static_cast<int64_t>(queue.items.size()) * kRefillShare <= options_.queue_window_max &&
      static_cast<int64_t>(queue.bytes) * kRefillShare <= options_.queue_window_bytes_max;
  const auto share = std::max<int64_t>(1, room / static_cast<int64_t>(queue.backlog.size()));
  for (auto& [partition, backlog] : queue.backlog) {
    // Where nothing is known to be left, the last of it may be: that is soon found out.
    if (backlog.asked || (backlog.more && !half_free)) continue;
    backlog.asked = true;
    after.reports[partition].push_back({nullptr, Refill{queue.key, share}});
  }
}

}  // namespace perdure::dispatch
