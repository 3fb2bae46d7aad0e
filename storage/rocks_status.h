// What RocksDB's errors are called in Perdure. The only place that knows.
#ifndef PERDURE_STORAGE_ROCKS_STATUS_H_
#define PERDURE_STORAGE_ROCKS_STATUS_H_

#include <string_view>

#include "absl/status/status.h"

namespace rocksdb {
class Status;
}

namespace perdure::storage {

//   | RocksDB                             | absl               |
//   | ----------------------------------- | ------------------ |
//   | NotFound                            | NotFound           |
//   | IOError: no space, space limit      | ResourceExhausted  |
//   | Corruption                          | DataLoss           |
//   | InvalidArgument                     | InvalidArgument    |
//   | NotSupported                        | Unimplemented      |
//   | Busy, TryAgain, TimedOut, shut down | Unavailable        |
//   | any other                           | Internal           |
//
// The message is `doing`, then RocksDB's own words.
absl::Status FromRocks(const rocksdb::Status& status, std::string_view doing);

// Whether the disk is full.
bool IsNoSpace(const rocksdb::Status& status);

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_ROCKS_STATUS_H_
