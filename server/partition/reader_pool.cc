#include "server/partition/reader_pool.h"

#include <utility>

namespace perdure::partition {

ReaderPool::ReaderPool(int threads, int64_t waiting_max) : waiting_max_(waiting_max) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

ReaderPool::~ReaderPool() { Stop(); }

bool ReaderPool::Submit(absl::AnyInvocable<void()> read) {
  base::MutexLock lock(&mu_);
  if (stopping_ || static_cast<int64_t>(waiting_.size()) >= waiting_max_) return false;
  waiting_.push_back(std::move(read));
  cv_.NotifyOne();
  return true;
}

void ReaderPool::Stop() {
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    cv_.NotifyAll();
  }
  for (std::thread& t : threads_) {
    if (t.joinable()) t.join();
  }
}

int64_t ReaderPool::waiting() const {
  base::MutexLock lock(&mu_);
  return static_cast<int64_t>(waiting_.size());
}

bool ReaderPool::RunOne() {
  absl::AnyInvocable<void()> read;
  {
    base::MutexLock lock(&mu_);
    if (waiting_.empty()) return false;
    read = std::move(waiting_.front());
    waiting_.pop_front();
  }
  read();
  return true;
}

void ReaderPool::Loop() {
  for (;;) {
    absl::AnyInvocable<void()> read;
    {
      base::MutexLock lock(&mu_);
      while (waiting_.empty() && !stopping_) cv_.Wait(&mu_);
      if (waiting_.empty()) return;
      read = std::move(waiting_.front());
      waiting_.pop_front();
    }
    read();
  }
}

}  // namespace perdure::partition
