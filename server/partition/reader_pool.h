// ReaderPool: a few threads for reads that may wait for the disk, so that neither a partition nor a gRPC
// reaction does.
#ifndef PERDURE_SERVER_PARTITION_READER_POOL_H_
#define PERDURE_SERVER_PARTITION_READER_POOL_H_

#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "server/base/mutex.h"

namespace perdure::partition {

// Thread-safe.
class ReaderPool {
 public:
  // With no threads, RunOne does the work.
  ReaderPool(int threads, int64_t waiting_max);
  ~ReaderPool();
  ReaderPool(const ReaderPool&) = delete;

  // False: too many wait already, or the pool is stopped; `read` was not taken.
  bool Submit(absl::AnyInvocable<void()> read);
  // Ends the threads after what is waiting.
  void Stop();
  int64_t waiting() const;
  // The oldest read, on the thread that calls this. False: none waits.
  bool RunOne();

 private:
  void Loop();

  const int64_t waiting_max_;
  mutable base::Mutex mu_;
  base::CondVar cv_;
  std::deque<absl::AnyInvocable<void()>> waiting_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace perdure::partition

#endif  // PERDURE_SERVER_PARTITION_READER_POOL_H_
