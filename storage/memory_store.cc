// Commits, faults and views of the in-memory store. Versions are in versioned_map.cc.
#include "storage/memory_store.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perdure::storage {
namespace {

// Rows an iterator fetches under one lock.
constexpr size_t kFetchRows = 128;

}  // namespace

// An iterator: reads a run of rows at a time, at a version that it pins.
class MemoryStore::Rows : public Iterator {
 public:
  Rows(const MemoryStore* store, std::string_view begin, std::string_view end, uint64_t version, bool reverse)
      : store_(store), begin_(begin), end_(end), version_(version), reverse_(reverse) {
    store_->Pin(version_);
    Fetch();
  }
  ~Rows() override { store_->Unpin(version_); }

  bool Valid() const override { return at_ < rows_.size(); }
  void Next() override {
    if (++at_ < rows_.size() || rows_.size() < kFetchRows) return;
    // The range that is left: after the last key that was read, or before it.
    if (reverse_) {
      end_ = rows_.back().first;
    } else {
      begin_ = rows_.back().first + '\0';
    }
    Fetch();
  }
  std::string_view key() const override { return rows_[at_].first; }
  std::string_view value() const override { return rows_[at_].second; }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  void Fetch() {
    MutexLock lock(&store_->mu_);
    rows_ = reverse_ ? store_->map_.Last(begin_, end_, version_, kFetchRows)
                     : store_->map_.First(begin_, end_, version_, kFetchRows);
    at_ = 0;
  }

  const MemoryStore* const store_;
  std::string begin_;
  std::string end_;
  const uint64_t version_;
  const bool reverse_;
  std::vector<VersionedMap::Row> rows_;
  size_t at_ = 0;
};

class MemoryStore::View : public ReadView {
 public:
  explicit View(const MemoryStore* store) : store_(store), version_(store->Pin()) {}
  ~View() override { store_->Unpin(version_); }

  absl::StatusOr<std::string> Get(std::string_view key) const override {
    std::optional<std::string> value = store_->GetAt(key, version_);
    if (!value) return absl::NotFoundError("no such key");
    return *std::move(value);
  }
  std::unique_ptr<Iterator> Scan(std::string_view begin, std::string_view end) const override {
    return store_->NewRows(begin, end, version_, false);
  }
  std::unique_ptr<Iterator> ScanReverse(std::string_view begin, std::string_view end) const override {
    return store_->NewRows(begin, end, version_, true);
  }

 private:
  const MemoryStore* const store_;
  const uint64_t version_;
};

MemoryStore::MemoryStore() = default;
MemoryStore::~MemoryStore() = default;

absl::StatusOr<std::string> MemoryStore::Get(std::string_view key) const { return View(this).Get(key); }

std::unique_ptr<Iterator> MemoryStore::Scan(std::string_view begin, std::string_view end) const {
  return View(this).Scan(begin, end);
}

std::unique_ptr<Iterator> MemoryStore::ScanReverse(std::string_view begin, std::string_view end) const {
  return View(this).ScanReverse(begin, end);
}

absl::Status MemoryStore::Commit(const std::vector<const Batch*>& batches) {
  std::function<void()> on_commit;
  {
    MutexLock lock(&mu_);
    if (!failed_.ok()) return failed_;
    on_commit = plan_.on_commit_;
  }
  if (on_commit) on_commit();

  MutexLock lock(&mu_);
  if (absl::Status status = Check(batches); !status.ok()) return status;
  const bool fail = plan_.fail_commit_ != 0 && --plan_.fail_commit_ == 0;
  if (!fail || plan_.fail_after_writing_) Apply(batches);
  if (fail) failed_ = plan_.status_;
  return failed_;
}

absl::Status MemoryStore::Check(const std::vector<const Batch*>& batches) const {
  if (!capacity_bytes_) return absl::OkStatus();
  uint64_t added = 0;
  for (const Batch* batch : batches) {
    batch->ForEach([&](Batch::Op op, std::string_view key, std::string_view value) {
      if (op == Batch::Op::kPut) added += key.size() + value.size();
    });
  }
  if (added == 0 || map_.live_bytes() + added <= *capacity_bytes_) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("the disk is full: ", map_.live_bytes(), " of ",
                                                   *capacity_bytes_, " bytes are in use and ", added,
                                                   " more were to be written"));
}

void MemoryStore::Apply(const std::vector<const Batch*>& batches) {
  const uint64_t version = ++committed_;
  for (const Batch* batch : batches) {
    stats_.entries += batch->count();
    stats_.bytes_written += batch->bytes();
    batch->ForEach([&](Batch::Op op, std::string_view key, std::string_view value)
                       ABSL_NO_THREAD_SAFETY_ANALYSIS {
                         switch (op) {
                           case Batch::Op::kPut:
                             return map_.Put(key, value, version);
                           case Batch::Op::kDelete:
                             return map_.Delete(key, version);
                           case Batch::Op::kDeleteRange:
                             return map_.DeleteRange(key, value, version);
                         }
                       });
  }
  ++stats_.commits;
  if (!plan_.delay_sync_) synced_ = version;
  Forget();
}

std::unique_ptr<ReadView> MemoryStore::Snapshot() const { return std::make_unique<View>(this); }

StoreStats MemoryStore::Stats() const {
  MutexLock lock(&mu_);
  StoreStats stats = stats_;
  stats.memory_bytes = map_.live_bytes();
  stats.disk_bytes = map_.live_bytes();
  stats.disk_free_bytes = std::numeric_limits<uint64_t>::max();
  if (capacity_bytes_)
    stats.disk_free_bytes = *capacity_bytes_ - std::min(*capacity_bytes_, stats.disk_bytes);
  return stats;
}

void MemoryStore::Compact(std::string_view, std::string_view) {}

void MemoryStore::Inject(FaultPlan plan) {
  MutexLock lock(&mu_);
  plan_ = std::move(plan);
}

void MemoryStore::SetCapacity(std::optional<uint64_t> bytes) {
  MutexLock lock(&mu_);
  capacity_bytes_ = bytes;
}

void MemoryStore::Sync() {
  MutexLock lock(&mu_);
  synced_ = committed_;
  Forget();
}

void MemoryStore::LoseUnsynced() {
  MutexLock lock(&mu_);
  map_.RollBack(synced_);
  synced_ = committed_;
  failed_ = absl::OkStatus();
  Forget();
}

void MemoryStore::Reopen() {
  MutexLock lock(&mu_);
  failed_ = absl::OkStatus();
}

std::unique_ptr<Iterator> MemoryStore::NewRows(std::string_view begin, std::string_view end, uint64_t version,
                                               bool reverse) const {
  return std::make_unique<Rows>(this, begin, end, version, reverse);
}

uint64_t MemoryStore::Pin() const {
  MutexLock lock(&mu_);
  return *pins_.insert(committed_);
}

void MemoryStore::Pin(uint64_t version) const {
  MutexLock lock(&mu_);
  pins_.insert(version);
}

void MemoryStore::Unpin(uint64_t version) const {
  MutexLock lock(&mu_);
  pins_.erase(pins_.find(version));
  Forget();
}

void MemoryStore::Forget() const {
  const uint64_t oldest_pin = pins_.empty() ? committed_ : *pins_.begin();
  map_.Forget(std::min(oldest_pin, synced_));
}

std::optional<std::string> MemoryStore::GetAt(std::string_view key, uint64_t version) const {
  MutexLock lock(&mu_);
  return map_.Get(key, version);
}

}  // namespace perdure::storage
