// What Perdure adds to RocksDB's write-ahead log: files that are on the disk before they are written to, and
// the proof at start that nothing is missing in the middle.
//
// A sync of a file whose blocks were all written before costs about half of a sync of one that grows, since
// only data goes to the disk and no metadata. RocksDB's own way to that, recycle_log_file_num, is of no use
// in the release we build with (7.8): it is switched off in every recovery mode but kSkipAnyCorruptedRecords,
// and in that one reading a reused log never ends. So WalFileSystem hands out logs that are filled with zeros
// instead: they end in zeros wherever they end, which every reader understands, and hold nothing old.
//
// A log that ends in a torn commit must open, and one with a hole must not. kPointInTimeRecovery takes a hole
// for the end and drops every acknowledged commit behind it without a word; kTolerateCorruptedTailRecords
// refuses torn commits. So the log is read in kSkipAnyCorruptedRecords, and WalContinuity notices by the
// sequence numbers whether anything but the end was skipped.
//
// Included by .cc files of this room only.
#ifndef PERDURE_STORAGE_ROCKS_WAL_H_
#define PERDURE_STORAGE_ROCKS_WAL_H_

#include <rocksdb/file_system.h>
#include <rocksdb/listener.h>
#include <rocksdb/wal_filter.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "storage/mutex.h"

namespace perdure::storage {

// Thread-safe. Must outlive the database that uses it.
class WalFileSystem : public rocksdb::FileSystemWrapper {
 public:
  // `spare_bytes` is what one log will hold; `room_bytes` says how much may be written to the disk just now.
  WalFileSystem(const std::shared_ptr<rocksdb::FileSystem>& base, std::string dir, uint64_t spare_bytes,
                std::function<uint64_t()> room_bytes);
  ~WalFileSystem() override;

  // Takes the LOCK file, before the database is looked at; the database then gets the lock from here.
  rocksdb::IOStatus Lock();
  // Fills the file that will be the next log, if there is none yet and there is room. Without one, logs grow
  // as they would without this class.
  void PrepareSpare();
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
  const std::string dir_;
  const std::string spare_;
  const uint64_t spare_bytes_;
  const std::function<uint64_t()> room_bytes_;
  std::atomic<bool> frozen_{false};
  Mutex mu_;
  bool filling_ ABSL_GUARDED_BY(mu_) = false;
  rocksdb::FileLock* lock_ ABSL_GUARDED_BY(mu_) = nullptr;
};

// A log is taken into use with each new memtable: prepares the next one when the last memtable has been
// flushed, on the thread that flushed it.
class SpareMaker : public rocksdb::EventListener {
 public:
  explicit SpareMaker(WalFileSystem* files) : files_(files) {}
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo&) override { files_->PrepareSpare(); }

 private:
  WalFileSystem* const files_;
};

// Sees every record of the log while the database recovers. RocksDB numbers the entries of its batches
// without a gap, so a batch that does not follow the one before it means that acknowledged commits are gone.
class WalContinuity : public rocksdb::WalFilter {
 public:
  // Freezes `files`, which must outlive it, at the first gap.
  explicit WalContinuity(WalFileSystem* files) : files_(files) {}

  bool broken() const { return !gap_.empty(); }
  // What is missing and before which file's end; empty if nothing is.
  const std::string& gap() const { return gap_; }

  const char* Name() const override { return "perdure.WalContinuity"; }
  WalProcessingOption LogRecordFound(unsigned long long log_number, const std::string& log_file_name,
                                     const rocksdb::WriteBatch& batch, rocksdb::WriteBatch* new_batch,
                                     bool* batch_changed) override;

 private:
  WalFileSystem* const files_;
  uint64_t next_ = 0;  // 0: no record was seen yet
  std::string gap_;
};

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_ROCKS_WAL_H_
