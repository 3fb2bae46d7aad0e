#include "server/partition/committer.h"

#include <chrono>
#include <iterator>
#include <utility>

#include "server/base/inject.h"
#include "server/base/log.h"

namespace perdure::partition {

Committer::Committer(storage::Store* store, Outbox* outbox, const PartitionOptions& options, Fatal fatal)
    : store_(store),
      outbox_(outbox),
      staged_bytes_max_(options.staged_bytes_max),
      full_disk_retry_(options.full_disk_retry_ms),
      fatal_(fatal) {}

Committer::~Committer() { Stop(); }

void Committer::Start() {
  threaded_ = true;
  thread_ = std::thread([this] { Loop(); });
}

void Committer::GiveUpOnFullDisk() {
  base::MutexLock lock(&mu_);
  give_up_ = true;
  work_cv_.NotifyAll();
  room_cv_.NotifyAll();
}

void Committer::Stop() {
  {
    base::MutexLock lock(&mu_);
    stopping_ = give_up_ = true;
    work_cv_.NotifyAll();
    room_cv_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void Committer::Submit(Staged staged) {
  if (staged.empty()) return;
  std::vector<Staged> taken;
  {
    base::MutexLock lock(&mu_);
    while (threaded_ && staged_bytes_ > staged_bytes_max_ && !give_up_) room_cv_.Wait(&mu_);
    staged_bytes_ += static_cast<int64_t>(staged.batch.bytes());
    metrics_.staged_bytes.Set(staged_bytes_);
    staged_.push_back(std::move(staged));
    if (!threaded_ || committing_ || staged_.size() > 1 || disk_full()) {
      if (waiting_) work_cv_.NotifyOne();
      return;
    }
    committing_ = true;
    taken.swap(staged_);
    staged_bytes_ = 0;
  }
  CommitHere(std::move(taken));
}

void Committer::CommitHere(std::vector<Staged> taken) {
  const bool done = Commit(taken, IfFull::kGiveBack);
  base::MutexLock lock(&mu_);
  committing_ = false;
  if (!done) {
    // In its place, before what came since: the thread waits for room.
    for (const Staged& s : taken) staged_bytes_ += static_cast<int64_t>(s.batch.bytes());
    staged_.insert(staged_.begin(), std::make_move_iterator(taken.begin()),
                   std::make_move_iterator(taken.end()));
  }
  if (waiting_ && (!staged_.empty() || stopping_)) work_cv_.NotifyOne();
}

void Committer::Loop() {
  std::vector<Staged> taken;
  for (bool mine = false;; mine = true) {
    {
      base::MutexLock lock(&mu_);
      if (mine) committing_ = false;
      while (committing_ || (staged_.empty() && !stopping_)) {
        waiting_ = true;
        work_cv_.Wait(&mu_);
        waiting_ = false;
      }
      if (staged_.empty()) return;
      committing_ = true;
      taken.swap(staged_);
      staged_bytes_ = 0;
      room_cv_.NotifyAll();
    }
    Commit(taken, IfFull::kWait);
    taken.clear();
  }
}

bool Committer::CommitOnce() {
  std::vector<Staged> taken;
  {
    base::MutexLock lock(&mu_);
    taken.swap(staged_);
    staged_bytes_ = 0;
  }
  if (taken.empty()) return false;
  return Commit(taken, IfFull::kWait);
}

bool Committer::TryCommitOnce() {
  std::vector<Staged> taken;
  {
    base::MutexLock lock(&mu_);
    if (staged_.empty()) return false;
    committing_ = true;
    taken.swap(staged_);
    staged_bytes_ = 0;
  }
  CommitHere(std::move(taken));
  return !disk_full();
}

bool Committer::Commit(std::vector<Staged>& taken, IfFull if_full) {
  std::vector<const storage::Batch*> batches;
  uint64_t entries = 0;
  uint64_t bytes = 0;
  for (const Staged& s : taken) {
    if (s.batch.empty()) continue;
    batches.push_back(&s.batch);
    entries += s.batch.count();
    bytes += s.batch.bytes();
  }
  if (!dropped_.ok()) {
    Drop(taken, dropped_);
    return true;
  }
  if (PERDURE_BUG(kReleaseBeforeCommit)) {
    Release(taken);
    for (Staged& s : taken) {
      s.work.clear();
      s.replies.clear();
      s.acks.clear();
    }
  }
  if (!batches.empty()) {
    PERDURE_FAILPOINT("commit/begin");
    const auto begin = std::chrono::steady_clock::now();
    absl::Status status = WriteWithRoom(batches, if_full);
    if (absl::IsResourceExhausted(status) && if_full == IfFull::kGiveBack) return false;
    if (absl::IsResourceExhausted(status)) {
      dropped_ = absl::UnavailableError(
          "the disk is full and the server is stopping: this was not done; retry with the same request_id "
          "once it is up "
          "again and has room");
      base::LogError("stopping with a full disk: what is not written is dropped, its clients are told",
                     {{"batches", batches.size()}, {"bytes", bytes}});
      Drop(taken, dropped_);
      return true;
    }
    if (!status.ok()) {
      // What is on disk now is unknown, and so is what later writes would do. Nothing of this was seen
      // outside; recovery starts from what the disk holds.
      fatal_(status);
      return false;
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    metrics_.sync_us.Observe(
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
    metrics_.commits.Add();
    metrics_.entries.Add(entries);
    metrics_.bytes.Add(bytes);
    metrics_.entries_per_commit.Observe(entries);
    metrics_.batches_per_commit.Observe(batches.size());
    PERDURE_FAILPOINT("commit/written");
  }
  Release(taken);
  PERDURE_FAILPOINT("commit/released");
  return true;
}

// A full disk is expected: nothing was written, so wait for room and try the same again. Meanwhile new work
// is refused (disk_full), and what was staged before waits. RESOURCE_EXHAUSTED: the server stops meanwhile,
// or the caller must not wait.
absl::Status Committer::WriteWithRoom(const std::vector<const storage::Batch*>& batches, IfFull if_full) {
  for (;;) {
    absl::Status status = store_->Commit(batches);
    if (!absl::IsResourceExhausted(status)) {
      if (disk_full_.exchange(false)) base::LogInfo("the disk has room again: accepting new work");
      return status;
    }
    if (!disk_full_.exchange(true)) {
      base::LogError("the disk is full: refusing new work until there is room", {{"error", status}});
    }
    if (if_full == IfFull::kGiveBack) return status;
    metrics_.full_disk_waits.Add();
    base::MutexLock lock(&mu_);
    if (give_up_) return status;
    work_cv_.WaitFor(&mu_, full_disk_retry_);
  }
}

void Committer::Release(std::vector<Staged>& taken) {
  std::vector<Work> work;
  Acks acks;
  for (Staged& s : taken) {
    if (s.committed != nullptr) s.committed->store(s.commit, std::memory_order_release);
    work.insert(work.end(), std::make_move_iterator(s.work.begin()), std::make_move_iterator(s.work.end()));
    for (auto& [session, ids] : s.acks) {
      std::vector<uint64_t>& all = acks[session];
      all.insert(all.end(), ids.begin(), ids.end());
    }
  }
  if (!work.empty() || !acks.empty()) outbox_->Release(std::move(work), std::move(acks));
  PERDURE_FAILPOINT("commit/dispatched");
  for (Staged& s : taken) {
    for (auto& reply : s.replies) reply(absl::OkStatus());
  }
}

void Committer::Drop(std::vector<Staged>& taken, const absl::Status& why) {
  for (Staged& s : taken) {
    for (auto& reply : s.replies) reply(why);
  }
}

}  // namespace perdure::partition
