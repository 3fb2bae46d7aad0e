// Mailbox: messages from many threads to one.
#ifndef PERDURE_SERVER_PARTITION_MAILBOX_H_
#define PERDURE_SERVER_PARTITION_MAILBOX_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "server/base/mutex.h"
#include "server/partition/messages.h"

namespace perdure::partition {

// Thread-safe. Its limits are kept by those who ask first (depth, bytes); what comes from workers is bounded
// by their credits and always gets in.
class Mailbox {
 public:
  void Put(Message message) {
    const int64_t bytes = PayloadBytes(message);
    base::MutexLock lock(&mu_);
    messages_.push_back(std::move(message));
    Added(1, bytes);
  }
  void Put(std::vector<Message> messages) {
    if (messages.empty()) return;
    int64_t bytes = 0;
    for (const Message& message : messages) bytes += PayloadBytes(message);
    base::MutexLock lock(&mu_);
    messages_.insert(messages_.end(), std::make_move_iterator(messages.begin()),
                     std::make_move_iterator(messages.end()));
    Added(messages.size(), bytes);
  }
  // Ends a wait early.
  void Wake() {
    base::MutexLock lock(&mu_);
    woken_ = true;
    cv_.NotifyOne();
  }
  // Takes everything that is there; waits for something for at most `timeout`.
  std::vector<Message> Take(std::chrono::milliseconds timeout) {
    std::vector<Message> taken;
    base::MutexLock lock(&mu_);
    if (messages_.empty() && !woken_ && timeout.count() > 0) {
      waiting_ = true;
      cv_.WaitFor(&mu_, timeout);
      waiting_ = false;
    }
    woken_ = false;
    taken.swap(messages_);
    depth_.store(0, std::memory_order_relaxed);
    bytes_.store(0, std::memory_order_relaxed);
    return taken;
  }
  int64_t depth() const { return depth_.load(std::memory_order_relaxed); }
  // Of the payloads that wait.
  int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  void Added(size_t n, int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    depth_.fetch_add(static_cast<int64_t>(n), std::memory_order_relaxed);
    if (bytes > 0) bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (waiting_) cv_.NotifyOne();
  }

  base::Mutex mu_;
  base::CondVar cv_;
  std::vector<Message> messages_ ABSL_GUARDED_BY(mu_);
  bool waiting_ ABSL_GUARDED_BY(mu_) = false;
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  std::atomic<int64_t> depth_{0};
  std::atomic<int64_t> bytes_{0};
};

}  // namespace perdure::partition

#endif  // PERDURE_SERVER_PARTITION_MAILBOX_H_
