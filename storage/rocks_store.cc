// Opening the database, and committing to it. Settings are in rocks_options.cc, reads in rocks_read.cc, the
// log's files in rocks_wal.cc.
#include "storage/rocks_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/experimental.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "storage/data_dir.h"
#include "storage/rocks_errors.h"
#include "storage/rocks_options.h"
#include "storage/rocks_prefix.h"
#include "storage/rocks_read.h"
#include "storage/rocks_status.h"
#include "storage/rocks_wal.h"

namespace perdure::storage {
namespace {

constexpr uint64_t kMemoryBudgetBytesMin = 2 << 20;

rocksdb::Slice SliceOf(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

std::string MiB(uint64_t bytes) { return absl::StrCat(bytes >> 20, " MiB"); }

class Rocks : public Store {
 public:
  explicit Rocks(RocksStoreOptions options)
      : options_(std::move(options)),
        files_(std::make_shared<WalFileSystem>(
            options_.files != nullptr ? options_.files : rocksdb::FileSystem::Default(), options_.data_dir,
            MemtableBytes(options_), [this] { return RoomBytes(); })),
        env_(rocksdb::NewCompositeEnv(files_)),
        continuity_(files_.get()),
        cache_(rocksdb::NewLRUCache(options_.memory_budget_bytes)),
        errors_(std::make_shared<RocksErrors>()) {}

  // Once, before anything else.
  absl::Status Open();

  absl::StatusOr<std::string> Get(std::string_view key) const override {
    return RocksGet(db_.get(), nullptr, key);
  }
  std::unique_ptr<Iterator> Scan(std::string_view begin, std::string_view end) const override {
    return RocksScan(db_.get(), nullptr, begin, end);
  }
  std::unique_ptr<Iterator> ScanReverse(std::string_view begin, std::string_view end) const override {
    return RocksScanReverse(db_.get(), nullptr, begin, end);
  }
  std::unique_ptr<ReadView> Snapshot() const override { return NewRocksSnapshot(db_.get()); }

  absl::Status Commit(const std::vector<const Batch*>& batches) override;
  StoreStats Stats() const override;
  void Compact(std::string_view begin, std::string_view end) override;

 private:
  absl::Status TakeLock();
  absl::StatusOr<uint64_t> FreeBytes() const;
  // Free beyond the reserve.
  uint64_t RoomBytes() const;
  // Whether a commit may be tried: there is room, and RocksDB takes writes.
  absl::Status Ready();
  void Gather(const std::vector<const Batch*>& batches);
  void GatherSorted();
  absl::Status Write();

  const RocksStoreOptions options_;
  const std::shared_ptr<WalFileSystem> files_;
  const std::unique_ptr<rocksdb::Env> env_;
  WalContinuity continuity_;
  const std::shared_ptr<rocksdb::Cache> cache_;
  const std::shared_ptr<RocksErrors> errors_;
  std::unique_ptr<rocksdb::DB> db_;

  // Of the one committer.
  std::atomic<bool> committing_{false};
  rocksdb::WriteBatch batch_;
  struct Entry {
    std::string_view key;
    std::string_view value;
    Batch::Op op;
    size_t added;
  };
  std::vector<Entry> sorted_;
  absl::Status failed_;

  std::atomic<uint64_t> commits_{0};
  std::atomic<uint64_t> entries_{0};
  std::atomic<uint64_t> bytes_written_{0};
  std::atomic<uint64_t> sync_us_total_{0};
};

absl::Status Rocks::TakeLock() {
  const rocksdb::IOStatus status = files_->Lock();
  if (status.ok()) return absl::OkStatus();
  const std::string lock = options_.data_dir + "/LOCK";
  if (absl::StrContains(status.ToString(), "While open a file for lock")) {
    return absl::PermissionDeniedError(
        absl::StrCat("data directory ", options_.data_dir, " cannot be written: ", status.ToString(),
                     ". Fix its permissions, or name another one with --data-dir"));
  }
  const std::string holder = LockHolder(lock);
  return absl::FailedPreconditionError(absl::StrCat(
      "data directory ", options_.data_dir, " is in use: ", holder.empty() ? "another process" : holder,
      " holds ", lock,
      ". Stop that process, or name another directory with --data-dir. The file itself need not be ",
      "removed: it locks nothing once the process is gone"));
}

absl::Status Rocks::Open() {
  if (absl::Status status = PrepareDataDir(options_.data_dir); !status.ok()) return status;
  if (absl::Status status = TakeLock(); !status.ok()) return status;
  files_->PrepareSpare();

  rocksdb::Options options = MakeRocksOptions(options_, cache_);
  options.env = env_.get();
  options.wal_filter = &continuity_;
  options.listeners = {errors_, std::make_shared<SpareMaker>(files_.get())};
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, options_.data_dir, &db);
  db_.reset(db);
  if (continuity_.broken()) {
    db_.reset();
    return absl::DataLossError(
        absl::StrCat("the log of data directory ", options_.data_dir, " is not whole: ", continuity_.gap(),
                     ". Nothing was changed. Restore the directory from ", "a backup; check the disk"));
  }
  return FromRocks(status, absl::StrCat("opening data directory ", options_.data_dir));
}

absl::StatusOr<uint64_t> Rocks::FreeBytes() const {
  return options_.free_disk_bytes ? options_.free_disk_bytes() : FreeDiskBytes(options_.data_dir);
}

uint64_t Rocks::RoomBytes() const {
  const uint64_t free_bytes = FreeBytes().value_or(0);
  return free_bytes - std::min(free_bytes, options_.disk_reserve_bytes);
}

absl::Status Rocks::Ready() {
  const absl::StatusOr<uint64_t> free_bytes = FreeBytes();
  if (!free_bytes.ok()) return free_bytes.status();
  if (*free_bytes < options_.disk_reserve_bytes + batch_.GetDataSize()) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the disk of ", options_.data_dir, " is full: ", MiB(*free_bytes), " are free and ",
        MiB(options_.disk_reserve_bytes), " are kept in reserve (disk_reserve_bytes). Make room on it"));
  }
  if (!errors_->background()) return absl::OkStatus();
  // A flush or a compaction failed, for want of room most likely. There is some now.
  errors_->Clear();
  const rocksdb::Status resumed = db_->Resume();
  if (resumed.ok()) return absl::OkStatus();
  errors_->OnBackgroundError(rocksdb::BackgroundErrorReason::kFlush, nullptr);
  // Busy: RocksDB is at it itself, and looks for room every few seconds.
  if (!IsNoSpace(resumed) && !resumed.IsBusy()) return FromRocks(resumed, "resuming the store");
  return absl::ResourceExhaustedError(
      absl::StrCat("the store is recovering from a full disk: ", resumed.ToString()));
}

// In the order of the keys, as far as no range is deleted in between: the memtable finds the place of a key
// from where it put the one before, and the runs of a commit stand in no order (docs/performance.md).
void Rocks::Gather(const std::vector<const Batch*>& batches) {
  batch_.Clear();
  sorted_.clear();
  for (const Batch* batch : batches) {
    batch->ForEach([&](Batch::Op op, std::string_view key, std::string_view value) {
      if (op != Batch::Op::kDeleteRange) {
        sorted_.push_back({key, value, op, sorted_.size()});
        return;
      }
      GatherSorted();
      // RocksDB takes an empty range for an error when it reads the log again.
      if (key >= value) return;
      if (!HasInsertHint(key)) {
        batch_.DeleteRange(SliceOf(key), SliceOf(value)).PermitUncheckedError();
        return;
      }
      batch_.Delete(SliceOf(key)).PermitUncheckedError();
      const std::string next = std::string(key) + '\0';
      if (next < value) batch_.DeleteRange(next, SliceOf(value)).PermitUncheckedError();
    });
  }
  GatherSorted();
}

void Rocks::GatherSorted() {
  // Of several entries of one key the last one counts.
  std::sort(sorted_.begin(), sorted_.end(), [](const Entry& a, const Entry& b) {
    const int order = a.key.compare(b.key);
    return order != 0 ? order < 0 : a.added < b.added;
  });
  for (const Entry& entry : sorted_) {
    if (entry.op == Batch::Op::kPut) {
      batch_.Put(SliceOf(entry.key), SliceOf(entry.value)).PermitUncheckedError();
    } else {
      batch_.Delete(SliceOf(entry.key)).PermitUncheckedError();
    }
  }
  sorted_.clear();
}

absl::Status Rocks::Write() {
  rocksdb::WriteOptions options;
  options.sync = true;
  const auto begin = std::chrono::steady_clock::now();
  const rocksdb::Status status = db_->Write(options, &batch_);
  const auto elapsed = std::chrono::steady_clock::now() - begin;
  if (status.ok()) {
    commits_.fetch_add(1, std::memory_order_relaxed);
    entries_.fetch_add(batch_.Count(), std::memory_order_relaxed);
    bytes_written_.fetch_add(batch_.GetDataSize(), std::memory_order_relaxed);
    sync_us_total_.fetch_add(
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count()),
        std::memory_order_relaxed);
    return absl::OkStatus();
  }
  if (IsNoSpace(status) && !errors_->write()) {
    return FromRocks(status, "the store is recovering from a full disk");
  }
  // Whether the log holds this commit is unknown, even if it is only for want of room.
  return absl::InternalError(
      absl::StrCat("writing to the store in ", options_.data_dir, ": ", status.ToString()));
}

absl::Status Rocks::Commit(const std::vector<const Batch*>& batches) {
  if (committing_.exchange(true)) {
    std::fputs("perdure: two threads commit at once\n", stderr);
    std::abort();
  }
  if (failed_.ok()) {
    Gather(batches);
    absl::Status status = batch_.Count() == 0 ? absl::OkStatus() : Ready();
    if (status.ok() && batch_.Count() != 0) status = Write();
    if (!status.ok() && !absl::IsResourceExhausted(status)) failed_ = status;
    committing_ = false;
    return status;
  }
  committing_ = false;
  return failed_;
}

StoreStats Rocks::Stats() const {
  StoreStats stats;
  stats.commits = commits_.load(std::memory_order_relaxed);
  stats.entries = entries_.load(std::memory_order_relaxed);
  stats.bytes_written = bytes_written_.load(std::memory_order_relaxed);
  stats.sync_us_total = sync_us_total_.load(std::memory_order_relaxed);
  stats.memory_bytes = cache_->GetUsage();
  stats.disk_bytes = OccupiedBytes(options_.data_dir);
  stats.disk_free_bytes = FreeBytes().value_or(0);
  return stats;
}

void Rocks::Compact(std::string_view begin, std::string_view end) {
  const rocksdb::Slice from = SliceOf(begin);
  const rocksdb::Slice to = SliceOf(end);
  // Marks the files for the background; not DeleteFilesInRange, which could drop a range's delete and leave
  // older entries under it.
  rocksdb::experimental::SuggestCompactRange(db_.get(), &from, &to).PermitUncheckedError();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> RocksStore::Open(const RocksStoreOptions& options) {
  if (options.memory_budget_bytes < kMemoryBudgetBytesMin) {
    return absl::InvalidArgumentError(absl::StrCat("memory_budget_bytes is ", options.memory_budget_bytes,
                                                   "; it must be at least ", kMemoryBudgetBytesMin));
  }
  RocksStoreOptions cleaned = options;
  while (cleaned.data_dir.size() > 1 && cleaned.data_dir.back() == '/') cleaned.data_dir.pop_back();
  auto store = std::make_unique<Rocks>(std::move(cleaned));
  if (absl::Status status = store->Open(); !status.ok()) return status;
  return store;
}

}  // namespace perdure::storage
