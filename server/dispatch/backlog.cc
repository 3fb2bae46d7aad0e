// Work that waits on disk, beyond a queue's window.
#include <algorithm>
#include <utility>

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
  Backlog& backlog = queue.backlog[partition];
  asked_bytes_ -= std::exchange(backlog.asked_bytes, 0);
  if (!backlog.Answered(work.more)) queue.backlog.erase(partition);
  queue.spilled = queue.backlog.empty() ? 0 : std::max<int64_t>(0, queue.spilled - work.count);
  AskForRefill(queue, after);
  AskForThoseThatWait(1, after);
}

int64_t Dispatcher::TakenAtOnce(Queue& queue) {
  const Session* const taker = Pick(queue);
  if (taker == nullptr) return 0;
  const Session& session = *taker;
  const int credits = queue.kind == WorkKind::kActivation
                          ? session.hello.max_activations() - session.activations_out
                          : session.hello.max_tasks() - session.tasks_out;
  const int64_t fit = (options_.session_outgoing_bytes_max - static_cast<int64_t>(session.outgoing_bytes())) /
                      std::max<int64_t>(1, queue.usual_bytes);
  return std::max<int64_t>(1, std::min({static_cast<int64_t>(credits), fit, options_.queue_window_max}));
}

// How many more items of the usual size the window takes.
int64_t Dispatcher::Room(Queue& queue) {
  const int64_t usual = std::max<int64_t>(1, queue.usual_bytes);
  const int64_t taken = queued_bytes_ + asked_bytes_;
  const int64_t all = (options_.queued_bytes_max - taken) / usual;
  if (queue.items.empty() && all <= 0) {
    // What a session takes at once needs no room. An item that is larger than the limit gets in alone.
    return std::max<int64_t>(TakenAtOnce(queue), taken == 0 ? 1 : 0);
  }
  const int64_t own = std::min(options_.queue_window_max - static_cast<int64_t>(queue.items.size()),
                               (options_.queue_window_bytes_max - static_cast<int64_t>(queue.bytes)) / usual);
  return std::min(std::max<int64_t>(own, queue.items.empty() ? 1 : 0), all);
}

void Dispatcher::AskForRefill(Queue& queue, After& after) {
  if (queue.backlog.empty()) return;
  const int64_t room = Room(queue);
  if (room <= 0) {
    // A queue with something in memory asks when that is taken; nothing else would make this one ask.
    if (queue.items.empty() && !queue.waits_for_room) {
      queue.waits_for_room = true;
      wait_for_room_.push_back(&queue);
    }
    return;
  }
  const bool half_free =
      static_cast<int64_t>(queue.items.size()) * kRefillShare <= options_.queue_window_max &&
      static_cast<int64_t>(queue.bytes) * kRefillShare <= options_.queue_window_bytes_max;
  const auto share = std::max<int64_t>(1, room / static_cast<int64_t>(queue.backlog.size()));
  for (auto& [partition, backlog] : queue.backlog) {
    // Where nothing is known to be left, the last of it may be: that is soon found out.
    if (backlog.asked || (backlog.more && !half_free)) continue;
    backlog.asked = true;
    backlog.asked_bytes = share * std::max<int64_t>(1, queue.usual_bytes);
    asked_bytes_ += backlog.asked_bytes;
    after.reports[partition].push_back({nullptr, Refill{queue.key, share}});
  }
}

void Dispatcher::AskForThoseThatWait(size_t most, After& after) {
  for (size_t n = std::min(most, wait_for_room_.size()); n > 0; --n) {
    Queue& queue = *wait_for_room_.front();
    wait_for_room_.pop_front();
    queue.waits_for_room = false;
    // One for which there is still no room goes to the end: smaller ones behind it may fit.
    AskForRefill(queue, after);
  }
}

}  // namespace perdure::dispatch
