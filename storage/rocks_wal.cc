// Logs that are filled before they are used, and the check that recovered ones have no gap.
#include "storage/rocks_wal.h"

#include <fcntl.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace perdure::storage {
namespace {

using rocksdb::IOStatus;

// Written at once while a file is filled: little enough that no sync of the log waits long behind it.
constexpr size_t kFillBytes = 1 << 20;

// Makes a file of zeros. Real ones: blocks that are only reserved cost as much to sync as none.
bool FillWithZeros(const std::string& path, uint64_t bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  const std::string zeros(kFillBytes, '\0');
  bool ok = true;
  for (uint64_t at = 0; ok && at < bytes;) {
    const size_t size = std::min<uint64_t>(zeros.size(), bytes - at);
    const ssize_t n = pwrite(fd, zeros.data(), size, static_cast<off_t>(at));
    ok = n > 0;
    if (!ok) break;
    sync_file_range(fd, static_cast<off_t>(at), n, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    at += static_cast<uint64_t>(n);
  }
  ok = fdatasync(fd) == 0 && ok;
  close(fd);
  return ok;
}

bool SyncDirectory(const std::string& dir) {
  const int fd = open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool ok = fsync(fd) == 0;
  close(fd);
  return ok;
}

IOStatus Frozen() { return IOStatus::IOError("the store is left as it is: its log is not whole"); }

}  // namespace

WalFileSystem::WalFileSystem(const std::shared_ptr<rocksdb::FileSystem>& base, std::string dir,
                             uint64_t spare_bytes, std::function<uint64_t()> room_bytes)
    : FileSystemWrapper(base),
      dir_(std::move(dir)),
      spare_(dir_ + "/spare-log"),
      spare_bytes_(spare_bytes),
      room_bytes_(std::move(room_bytes)) {}

WalFileSystem::~WalFileSystem() {
  MutexLock lock(&mu_);
  if (lock_ != nullptr) target()->UnlockFile(lock_, {}, nullptr).PermitUncheckedError();
}

IOStatus WalFileSystem::Lock() {
  MutexLock lock(&mu_);
  return target()->LockFile(dir_ + "/LOCK", {}, &lock_, nullptr);
}

void WalFileSystem::PrepareSpare() {
  {
    MutexLock lock(&mu_);
    if (filling_ || access(spare_.c_str(), F_OK) == 0) return;
    filling_ = true;
  }
  // Under another name until it is whole, so that what has the name is known to be zeros.
  const std::string filling = spare_ + ".filling";
  const bool filled = room_bytes_() >= spare_bytes_ && FillWithZeros(filling, spare_bytes_);
  MutexLock lock(&mu_);
  filling_ = false;
  if (!filled || std::rename(filling.c_str(), spare_.c_str()) != 0) unlink(filling.c_str());
}

IOStatus WalFileSystem::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSWritableFile>* result,
                                        rocksdb::IODebugContext* debug) {
  if (frozen_) return Frozen();
  if (absl::StartsWith(path, dir_) && absl::EndsWith(path, ".log")) {
    MutexLock lock(&mu_);
    if (access(spare_.c_str(), F_OK) == 0) {
      const IOStatus status = target()->ReuseWritableFile(path, spare_, options, result, debug);
      // The log has its new name for good before anything is in it: never is a spare more than zeros.
      if (status.ok() && !SyncDirectory(dir_))
        return IOStatus::IOError("the directory cannot be synced", dir_);
      return status;
    }
  }
  return target()->NewWritableFile(path, options, result, debug);
}

IOStatus WalFileSystem::DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                                   rocksdb::IODebugContext* debug) {
  return frozen_ ? Frozen() : target()->DeleteFile(path, options, debug);
}

IOStatus WalFileSystem::RenameFile(const std::string& from, const std::string& to,
                                   const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) {
  return frozen_ ? Frozen() : target()->RenameFile(from, to, options, debug);
}

IOStatus WalFileSystem::LockFile(const std::string& path, const rocksdb::IOOptions& options,
                                 rocksdb::FileLock** result, rocksdb::IODebugContext* debug) {
  MutexLock lock(&mu_);
  if (lock_ == nullptr) return target()->LockFile(path, options, result, debug);
  *result = std::exchange(lock_, nullptr);
  return IOStatus::OK();
}

rocksdb::WalFilter::WalProcessingOption WalContinuity::LogRecordFound(unsigned long long,
                                                                      const std::string& log_file_name,
                                                                      const rocksdb::WriteBatch& batch,
                                                                      rocksdb::WriteBatch*, bool*) {
  // A batch begins with its sequence number, little-endian (fixed since LevelDB); each entry takes one
  // number.
  const std::string& bytes = batch.Data();
  uint64_t sequence = 0;
  for (size_t i = 8; i-- > 0;) sequence = sequence << 8 | static_cast<uint8_t>(bytes[i]);
  if (next_ != 0 && sequence != next_) {
    gap_ = absl::StrCat("entry ", next_, " should follow and ", sequence, " does, in ", log_file_name);
    files_->Freeze();
    return WalProcessingOption::kStopReplay;
  }
  next_ = sequence + batch.Count();
  return WalProcessingOption::kContinueProcessing;
}

}  // namespace perdure::storage
