// The same kind of lock (POSIX, advisory) as RocksDB takes, so that each sees the other's.
#include "storage/dir_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "storage/data_dir.h"

namespace perdure::storage {

absl::StatusOr<std::unique_ptr<SharedDirLock>> SharedDirLock::Take(const std::string& dir) {
  const std::string path = dir + "/LOCK";
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return std::unique_ptr<SharedDirLock>(new SharedDirLock(-1));
  if (fd < 0)
    return absl::PermissionDeniedError(absl::StrCat(path, " cannot be read: ", std::strerror(errno)));
  struct flock lock = {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  if (fcntl(fd, F_SETLK, &lock) == 0) return std::unique_ptr<SharedDirLock>(new SharedDirLock(fd));
  const int error = errno;
  close(fd);
  if (error != EACCES && error != EAGAIN) {
    return absl::InternalError(absl::StrCat(path, " cannot be locked: ", std::strerror(error)));
  }
  const std::string holder = LockHolder(path);
  return absl::FailedPreconditionError(
      absl::StrCat("data directory ", dir, " is in use: ", holder.empty() ? "another process" : holder,
                   " holds ", path, ". Stop that process first, or look at a copy of the directory"));
}

SharedDirLock::~SharedDirLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace perdure::storage
