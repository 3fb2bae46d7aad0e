// Store: an ordered key-value store with atomic, durable batches. Everything Perdure keeps goes through
// this interface; nothing else in the program knows which store stands behind it.
//
// Keys and values are byte strings; keys are ordered bytewise. The shape follows what a shared SQL store
// can offer too: a commit is one transaction that names the partitions it writes, reads see committed data
// only, and scans are bounded ranges.
#ifndef PERDURE_STORAGE_STORE_H_
#define PERDURE_STORAGE_STORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/batch.h"

namespace perdure::storage {

// Walks the keys of [begin, end) in order. Not thread-safe. Must not outlive the store, nor the snapshot it
// was made from. key() and value() may be called only while Valid().
//
//   auto it = view.Scan(begin, end);
//   for (; it->Valid(); it->Next()) Use(it->key(), it->value());
//   RETURN_IF_ERROR(it->status());
class Iterator {
 public:
  virtual ~Iterator() = default;
  // False at the end of the range and after an error; status() tells which.
  virtual bool Valid() const = 0;
  virtual void Next() = 0;
  // Valid until the next call of Next().
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual absl::Status status() const = 0;
};

// What can be read. Thread-safe. A range whose end is not after its begin is empty.
class ReadView {
 public:
  virtual ~ReadView() = default;
  // NotFound if the key is absent; DataLoss if it cannot be read.
  virtual absl::StatusOr<std::string> Get(std::string_view key) const = 0;
  // Keys of [begin, end), ascending. The iterator sees the state as of this call.
  virtual std::unique_ptr<Iterator> Scan(std::string_view begin, std::string_view end) const = 0;
  // The same keys, descending.
  virtual std::unique_ptr<Iterator> ScanReverse(std::string_view begin, std::string_view end) const = 0;
};

struct StoreStats {
  uint64_t commits = 0;
  uint64_t entries = 0;
  uint64_t bytes_written = 0;
  // Of the synced write, summed; microseconds.
  uint64_t sync_us_total = 0;
  uint64_t memory_bytes = 0;     // memtables and block cache
  uint64_t disk_bytes = 0;       // live files and logs
  uint64_t disk_free_bytes = 0;  // of the file system
};

class Store : public ReadView {
 public:
  // Writes all batches atomically and returns once they would survive a power cut. Batches are applied in
  // order, and so are the entries of each. One caller at a time (the committer); reads may run meanwhile.
  // They see all of a commit or nothing of it, and may see it a moment before this returns. Batches without
  // an entry are no write.
  //
  // ResourceExhausted: the disk is full; nothing was written, and the same call may be tried again when there
  // is room. Any other error: what was written is unknown, and so is every later write, which fails too; the
  // process must end.
  virtual absl::Status Commit(const std::vector<const Batch*>& batches) = 0;

  // A frozen view of what is committed now.
  virtual std::unique_ptr<ReadView> Snapshot() const = 0;

  virtual StoreStats Stats() const = 0;

  // Hints that a range was deleted and its space may be reclaimed now. May do nothing.
  virtual void Compact(std::string_view begin, std::string_view end) = 0;
};

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_STORE_H_
