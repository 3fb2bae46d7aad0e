// A shared lock on a data directory that is only read: beside others who read it, never beside a daemon.
#ifndef PERDURE_STORAGE_DIR_LOCK_H_
#define PERDURE_STORAGE_DIR_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace perdure::storage {

// Held until it goes. A process must not lock the same directory twice: closing one would release both.
class SharedDirLock {
 public:
  // Takes a read lock on the LOCK file, which a store that is open holds for itself; nothing is written. A
  // directory without that file (a copy, say) is nobody's and needs none. FailedPrecondition: a process has
  // it open; the message names it and the file. PermissionDenied: the file cannot be read.
  static absl::StatusOr<std::unique_ptr<SharedDirLock>> Take(const std::string& dir);
  ~SharedDirLock();
  SharedDirLock(const SharedDirLock&) = delete;

 private:
  explicit SharedDirLock(int fd) : fd_(fd) {}

  // -1: there is no file.
  const int fd_;
};

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_DIR_LOCK_H_
