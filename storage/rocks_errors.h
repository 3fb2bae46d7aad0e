// What went wrong in RocksDB's background. Included by .cc files of this room only.
#ifndef PERDURE_STORAGE_ROCKS_ERRORS_H_
#define PERDURE_STORAGE_ROCKS_ERRORS_H_

#include <rocksdb/listener.h>

#include <atomic>

namespace perdure::storage {

// Told by RocksDB of every error after which it stops taking writes. Thread-safe.
class RocksErrors : public rocksdb::EventListener {
 public:
  // A flush or a compaction failed: nothing of a later write was written.
  bool background() const { return background_; }
  // Writing the log or the memtable failed: what was written is unknown.
  bool write() const { return write_; }
  // The database was resumed.
  void Clear() { background_ = false; }

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status*) override {
    const bool in_write = reason == rocksdb::BackgroundErrorReason::kWriteCallback ||
                          reason == rocksdb::BackgroundErrorReason::kMemTable;
    (in_write ? write_ : background_) = true;
  }

 private:
  std::atomic<bool> background_{false};
  std::atomic<bool> write_{false};
};

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_ROCKS_ERRORS_H_
