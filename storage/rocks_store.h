// RocksStore: the Store on a disk, in RocksDB. One process a directory.
//
//   RocksStoreOptions options;
//   options.data_dir = "/var/lib/perdure";
//   ASSIGN_OR_RETURN(std::unique_ptr<Store> store, RocksStore::Open(options));
//   ASSIGN_OR_RETURN(const Format format, OpenFormat(*store, 4));
#ifndef PERDURE_STORAGE_ROCKS_STORE_H_
#define PERDURE_STORAGE_ROCKS_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "storage/store.h"

namespace rocksdb {
class FileSystem;
}

namespace perdure::storage {

struct RocksStoreOptions {
  // Made if it is missing.
  std::string data_dir;
  // Block cache and memtables together; memtables get half of it at most. At least 2 MiB.
  uint64_t memory_budget_bytes = uint64_t{256} << 20;
  // Commits are refused when the file system has less room than this, so that what is in memory can still be
  // written and nothing ever meets a disk that is really full.
  uint64_t disk_reserve_bytes = uint64_t{256} << 20;
  // Threads that flush and compact.
  int background_jobs = 2;
  // Says how much room there is; the file system of data_dir is asked if this is not set. Called in each
  // commit, by its thread.
  std::function<absl::StatusOr<uint64_t>()> free_disk_bytes;
  // Where the files are; the operating system's file system if this is not set. For tests of faults.
  std::shared_ptr<rocksdb::FileSystem> files;
};

// Opening and closing; everything else is behind Store. Closing is destruction, and takes no longer than what
// is being flushed at that moment.
class RocksStore {
 public:
  // InvalidArgument: an option is out of bounds, or data_dir is not a directory. PermissionDenied: it cannot
  // be made, read or written. FailedPrecondition: another process has it open (the message names it and the
  // LOCK file), or it holds files that are not Perdure's. DataLoss: acknowledged commits are missing or
  // unreadable; nothing on the disk was changed.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const RocksStoreOptions& options);
};

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_ROCKS_STORE_H_
