// Iterators with bounds, and snapshots.
#include "storage/rocks_read.h"

#include <rocksdb/options.h>

#include "storage/rocks_prefix.h"
#include "storage/rocks_status.h"

namespace perdure::storage {
namespace {

rocksdb::Slice SliceOf(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ViewOf(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Owns its bounds, which RocksDB only refers to.
class RocksIterator : public Iterator {
 public:
  RocksIterator(rocksdb::DB* db, const rocksdb::Snapshot* snapshot, std::string_view begin,
                std::string_view end, bool reverse)
      : begin_(begin), end_(end), begin_slice_(begin_), end_slice_(end_), reverse_(reverse) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    options.iterate_lower_bound = &begin_slice_;
    options.iterate_upper_bound = &end_slice_;
    // A filter may rule out a file only for keys of the one prefix it is asked about. Going backwards starts
    // from the end of the range, which has another one.
    const bool by_prefix = !reverse && WithinOneRun(begin, end);
    options.total_order_seek = !by_prefix;
    options.prefix_same_as_start = by_prefix;
    // An empty range would put the bounds the wrong way round.
    if (begin_ >= end_) return;
    it_.reset(db->NewIterator(options));
    if (reverse_) {
      it_->SeekToLast();
    } else {
      it_->Seek(begin_slice_);
    }
  }

  bool Valid() const override { return it_ != nullptr && it_->Valid(); }
  void Next() override { reverse_ ? it_->Prev() : it_->Next(); }
  std::string_view key() const override { return ViewOf(it_->key()); }
  std::string_view value() const override { return ViewOf(it_->value()); }
  absl::Status status() const override {
    return it_ == nullptr ? absl::OkStatus() : FromRocks(it_->status(), "scanning the store");
  }

 private:
  const std::string begin_;
  const std::string end_;
  const rocksdb::Slice begin_slice_;
  const rocksdb::Slice end_slice_;
  const bool reverse_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

class RocksSnapshot : public ReadView {
 public:
  explicit RocksSnapshot(rocksdb::DB* db) : db_(db), snapshot_(db->GetSnapshot()) {}
  ~RocksSnapshot() override { db_->ReleaseSnapshot(snapshot_); }

  absl::StatusOr<std::string> Get(std::string_view key) const override {
    return RocksGet(db_, snapshot_, key);
  }
  std::unique_ptr<Iterator> Scan(std::string_view begin, std::string_view end) const override {
    return RocksScan(db_, snapshot_, begin, end);
  }
  std::unique_ptr<Iterator> ScanReverse(std::string_view begin, std::string_view end) const override {
    return RocksScanReverse(db_, snapshot_, begin, end);
  }

 private:
  rocksdb::DB* const db_;
  const rocksdb::Snapshot* const snapshot_;
};

}  // namespace

absl::StatusOr<std::string> RocksGet(rocksdb::DB* db, const rocksdb::Snapshot* snapshot,
                                     std::string_view key) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::string value;
  const rocksdb::Status status = db->Get(options, SliceOf(key), &value);
  // Absent keys are asked for all the time: no text is put together for them.
  if (status.IsNotFound()) return absl::NotFoundError("no such key");
  if (!status.ok()) return FromRocks(status, "reading from the store");
  return value;
}

std::unique_ptr<Iterator> RocksScan(rocksdb::DB* db, const rocksdb::Snapshot* snapshot,
                                    std::string_view begin, std::string_view end) {
  return std::make_unique<RocksIterator>(db, snapshot, begin, end, false);
}

std::unique_ptr<Iterator> RocksScanReverse(rocksdb::DB* db, const rocksdb::Snapshot* snapshot,
                                           std::string_view begin, std::string_view end) {
  return std::make_unique<RocksIterator>(db, snapshot, begin, end, true);
}

std::unique_ptr<ReadView> NewRocksSnapshot(rocksdb::DB* db) { return std::make_unique<RocksSnapshot>(db); }

}  // namespace perdure::storage
