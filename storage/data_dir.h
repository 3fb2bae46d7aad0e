// The data directory before a store opens it: made if it is missing, refused with a clear message if it
// cannot be used. Messages name the path and what to do.
#ifndef PERDURE_STORAGE_DATA_DIR_H_
#define PERDURE_STORAGE_DATA_DIR_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace perdure::storage {

// Makes `dir` with its parents, and checks that it can be written and that what is in it is a store's.
// PermissionDenied: it cannot be made, read or written. InvalidArgument: it is not a directory.
// FailedPrecondition: it holds files that are not Perdure's. DataLoss: it holds half of a store.
absl::Status PrepareDataDir(const std::string& dir);

// Checks that `dir` holds a store that can be read; makes nothing. InvalidArgument: it is not there, is not a
// directory, or holds no store. PermissionDenied: it cannot be read. DataLoss: it holds half of a store.
absl::Status CheckStoreDir(const std::string& dir);

// Who holds a POSIX lock on `path`, as "process 4711 (perdured)"; empty if that cannot be found out. Never
// opens the file: closing it again would release a lock of this process.
std::string LockHolder(const std::string& path);

// Bytes that an unprivileged process may still write to the file system of `path`.
absl::StatusOr<uint64_t> FreeDiskBytes(const std::string& path);

// Bytes that the files of `dir` occupy on the disk, those reserved ahead included.
uint64_t OccupiedBytes(const std::string& dir);

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_DATA_DIR_H_
