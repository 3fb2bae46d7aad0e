// Spare logs, and the check that recovered logs have no gap.
#include "storage/rocks_wal.h"

#include <fcntl.h>
#include <rocksdb/write_batch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace perdure::storage {
namespace {

using rocksdb::IOStatus;

// Bytes that a file has on the disk to be overwritten; 0 if there is no such file.
uint64_t BytesOf(const std::string& path) {
  struct stat file = {};
  return stat(path.c_str(), &file) == 0 ? static_cast<uint64_t>(file.st_size) : 0;
}

// Zeros from the end of the file up to `bytes`. Real ones: blocks that were only reserved cost as much to
// sync as blocks that were not. A file that cannot be filled is removed.
void FillWithZeros(const std::string& path, uint64_t bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return;
  const std::string zeros(1 << 20, '\0');
  bool ok = true;
  for (uint64_t at = BytesOf(path); ok && at < bytes;) {
    const ssize_t n =
        pwrite(fd, zeros.data(), std::min<uint64_t>(zeros.size(), bytes - at), static_cast<off_t>(at));
    ok = n > 0;
    if (ok) at += static_cast<uint64_t>(n);
  }
  ok = ok && fdatasync(fd) == 0;
  close(fd);
  if (!ok) unlink(path.c_str());
}

IOStatus Frozen() { return IOStatus::IOError("the store is left as it is: its log is not whole"); }

}  // namespace

WalFileSystem::WalFileSystem(const std::shared_ptr<rocksdb::FileSystem>& base, std::string dir,
                             uint64_t spare_bytes)
    : FileSystemWrapper(base), dir_(std::move(dir)), spare_bytes_(spare_bytes) {}

WalFileSystem::~WalFileSystem() {
  MutexLock lock(&mu_);
  if (lock_ != nullptr) target()->UnlockFile(lock_, {}, nullptr).PermitUncheckedError();
}

std::string WalFileSystem::SparePath(int n) const { return absl::StrCat(dir_, "/spare-", n, ".wal"); }

bool WalFileSystem::IsLog(const std::string& path) const {
  return absl::EndsWith(path, ".log") && absl::StartsWith(path, dir_);
}

IOStatus WalFileSystem::Lock() {
  MutexLock lock(&mu_);
  return target()->LockFile(dir_ + "/LOCK", {}, &lock_, nullptr);
}

void WalFileSystem::PrepareSpares(uint64_t room_bytes) {
  MutexLock lock(&mu_);
  for (int n = 0; n < kSpares; ++n) {
    const uint64_t have = BytesOf(SparePath(n));
    if (have >= spare_bytes_ || room_bytes < spare_bytes_ - have) continue;
    FillWithZeros(SparePath(n), spare_bytes_);
    room_bytes -= spare_bytes_ - have;
  }
}

IOStatus WalFileSystem::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSWritableFile>* result,
                                        rocksdb::IODebugContext* debug) {
  if (frozen_) return Frozen();
  if (!IsLog(path)) return target()->NewWritableFile(path, options, result, debug);
  MutexLock lock(&mu_);
  std::string largest;
  for (int n = 0; n < kSpares; ++n) {
    if (BytesOf(SparePath(n)) > (largest.empty() ? 0 : BytesOf(largest))) largest = SparePath(n);
  }
  if (largest.empty()) return target()->NewWritableFile(path, options, result, debug);
  return target()->ReuseWritableFile(path, largest, options, result, debug);
}

IOStatus WalFileSystem::DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                                   rocksdb::IODebugContext* debug) {
  if (frozen_) return Frozen();
  if (!IsLog(path)) return target()->DeleteFile(path, options, debug);
  MutexLock lock(&mu_);
  // A log is worth keeping if it is larger than a spare there is.
  for (int n = 0; n < kSpares; ++n) {
    if (BytesOf(SparePath(n)) < BytesOf(path))
      return target()->RenameFile(path, SparePath(n), options, debug);
  }
  return target()->DeleteFile(path, options, debug);
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
  if (records_ != 0 && sequence != next_) {
    gap_ = absl::StrCat("entries ", next_, " to ", sequence, " are missing before ", log_file_name);
    files_->Freeze();
    return WalProcessingOption::kStopReplay;
  }
  ++records_;
  next_ = sequence + batch.Count();
  return WalProcessingOption::kContinueProcessing;
}

}  // namespace perdure::storage
