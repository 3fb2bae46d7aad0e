// Committer: makes what the partitions stage durable, then releases it.
//
// One thread for all partitions. It takes everything that is staged, writes it as one batch with one sync,
// and then releases the effects of all of it, in the order they were staged. No timer and no fixed batch
// size: while one sync runs, the next batch fills.
//
// A partition whose batch meets an idle committer commits it on its own thread: two context switches less for
// each commit, which was measured to be worth more than deciding meanwhile (docs/performance.md).
#ifndef PERDURE_SERVER_PARTITION_COMMITTER_H_
#define PERDURE_SERVER_PARTITION_COMMITTER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "server/base/mutex.h"
#include "server/base/work.h"
#include "server/partition/metrics.h"
#include "server/partition/options.h"
#include "server/partition/outbox.h"
#include "storage/store.h"

namespace perdure::partition {

// What one drain of a mailbox leads to.
struct Staged {
  explicit Staged(uint32_t partition) : batch(partition) {}
  storage::Batch batch;
  std::vector<Work> work;
  // Called with OK once the batch is durable, or with why it never will be.
  std::vector<absl::AnyInvocable<void(const absl::Status&)>> replies;
  Acks acks;
  // Set to `commit` when it is durable.
  std::atomic<uint64_t>* committed = nullptr;
  uint64_t commit = 0;

  bool empty() const { return batch.empty() && work.empty() && replies.empty() && acks.empty(); }
};

class Committer {
 public:
  // Called when a commit failed for good; must not return. Nothing that was staged may be released any more.
  using Fatal = void (*)(const absl::Status& status);

  Committer(storage::Store* store, Outbox* outbox, const PartitionOptions& options, Fatal fatal);
  ~Committer();
  Committer(const Committer&) = delete;

  // Starts the thread; without it, CommitOnce does the work (tests, the simulator).
  void Start();
  // From now on a full disk is not waited for: what cannot be written is dropped, and its clients are told
  // UNAVAILABLE. For a server that stops. Thread-safe.
  void GiveUpOnFullDisk();
  // Commits what is staged, then ends the thread. No Submit may follow.
  void Stop();

  // Hands over what a partition staged, or commits and releases it if nothing else is being committed. Waits
  // if more than staged_bytes_max is on its way, but never for room on the disk. Not for gRPC's threads,
  // since it syncs. Thread-safe.
  void Submit(Staged staged);

  // Commits and releases what is staged now; false if there was nothing. Only without a thread.
  bool CommitOnce();
  // The same, but does not wait for room on a full disk: false, and everything stays staged.
  bool TryCommitOnce();

  // Whether the disk is full: new work is refused meanwhile. Thread-safe.
  bool disk_full() const { return disk_full_.load(std::memory_order_relaxed); }
  void Collect(base::MetricSink& sink) const { metrics_.Collect(sink); }

 private:
  void Loop();
  enum class IfFull { kWait, kGiveBack };
  // False: nothing was released, since the disk is full (kGiveBack) or the commit failed for good.
  bool Commit(std::vector<Staged>& taken, IfFull if_full);
  void CommitHere(std::vector<Staged> taken);
  absl::Status WriteWithRoom(const std::vector<const storage::Batch*>& batches, IfFull if_full);
  void Release(std::vector<Staged>& taken);
  void Drop(std::vector<Staged>& taken, const absl::Status& why);

  storage::Store* const store_;
  Outbox* const outbox_;
  const int64_t staged_bytes_max_;
  const std::chrono::milliseconds full_disk_retry_;
  const Fatal fatal_;
  CommitMetrics metrics_;
  std::atomic<bool> disk_full_{false};

  base::Mutex mu_;
  base::CondVar work_cv_;
  base::CondVar room_cv_;
  std::vector<Staged> staged_ ABSL_GUARDED_BY(mu_);
  int64_t staged_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool waiting_ ABSL_GUARDED_BY(mu_) = false;
  // By the thread, or by a caller of Submit.
  bool committing_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool give_up_ ABSL_GUARDED_BY(mu_) = false;
  // Something was dropped: what follows builds on it. Of whoever commits.
  absl::Status dropped_;
  bool threaded_ = false;
  std::thread thread_;
};

}  // namespace perdure::partition

#endif  // PERDURE_SERVER_PARTITION_COMMITTER_H_
