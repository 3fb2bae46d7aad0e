// What Perdure adds to RocksDB's write-ahead log: files that are on the disk before they are written to, and
// the proof at start that nothing is missing in the middle.
//
// A sync of a file that was written before costs about half of a sync of one that grows, since only data goes
// to the disk and no metadata. RocksDB reuses the logs it retires (recycle_log_file_num), but forgets them
// when it closes, has none at first, and reuses none in any recovery mode but kSkipAnyCorruptedRecords. So
// WalFileSystem keeps spare logs across restarts and makes the first ones; and WalContinuity makes that mode
// safe: what it skips may only be a torn end that was never acknowledged, and it notices anything else by the
// sequence numbers.
//
// Included by .cc files of this room only.
#ifndef PERDURE_STORAGE_ROCKS_WAL_H_
#define PERDURE_STORAGE_ROCKS_WAL_H_

#include <rocksdb/file_system.h>
#include <rocksdb/wal_filter.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "storage/mutex.h"

namespace perdure::storage {

// Thread-safe. Must outlive the database that uses it.
class WalFileSystem : public rocksdb::FileSystemWrapper {
 public:
  // Spare logs kept in the directory: one for the log that comes first, one for the second.
  static constexpr int kSpares = 2;

  // `spare_bytes` is what one log will hold.
  WalFileSystem(const std::shared_ptr<rocksdb::FileSystem>& base, std::string dir, uint64_t spare_bytes);
  ~WalFileSystem() override;

  // Takes the LOCK file, before the database is looked at; the database then gets the lock from here.
  rocksdb::IOStatus Lock();
  // Makes the spares full-size, which writes at most kSpares * spare_bytes of zeros. A file system without
  // that much room is left alone: logs grow then, as they would without this class.
  void PrepareSpares(uint64_t room_bytes);
  // From now on nothing is created, renamed or deleted: a database that is being opened gives up and leaves
  // everything as it found it.
  void Freeze() { frozen_ = true; }

  const char* Name() const override { return "perdure.WalFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LockFile(const std::string& path, const rocksdb::IOOptions& options,
                             rocksdb::FileLock** lock, rocksdb::IODebugContext* debug) override;

 private:
  std::string SparePath(int n) const;
  bool IsLog(const std::string& path) const;

  const std::string dir_;
  const uint64_t spare_bytes_;
  std::atomic<bool> frozen_{false};
  Mutex mu_;  // spares and lock
  rocksdb::FileLock* lock_ ABSL_GUARDED_BY(mu_) = nullptr;
};

// Sees every record of the log while the database recovers. RocksDB numbers the entries of its batches
// without a gap, so a batch that does not follow the one before it means that acknowledged commits are gone.
class WalContinuity : public rocksdb::WalFilter {
 public:
  // Freezes `files` at the first gap. Must outlive neither.
  explicit WalContinuity(WalFileSystem* files) : files_(files) {}

  bool broken() const { return !gap_.empty(); }
  // What is missing and in which file.
  const std::string& gap() const { return gap_; }
  uint64_t records() const { return records_; }

  const char* Name() const override { return "perdure.WalContinuity"; }
  WalProcessingOption LogRecordFound(unsigned long long log_number, const std::string& log_file_name,
                                     const rocksdb::WriteBatch& batch, rocksdb::WriteBatch* new_batch,
                                     bool* batch_changed) override;

 private:
  WalFileSystem* const files_;
  uint64_t next_ = 0;
  uint64_t records_ = 0;
  std::string gap_;
};

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_ROCKS_WAL_H_
