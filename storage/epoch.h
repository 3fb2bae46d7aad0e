// The epoch of a server's run: a number that grows at each start, whatever the clock does. Delivery numbers
// begin at it, so that a worker's token of an earlier run is never taken for one of this run's.
#ifndef PERDURE_STORAGE_EPOCH_H_
#define PERDURE_STORAGE_EPOCH_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "storage/store.h"

namespace perdure::storage {

// So far apart are two epochs at least: more than the deliveries of one run of a server.
inline constexpr uint64_t kEpochStride = uint64_t{1} << 40;

// Draws the next epoch and keeps it, synced, before it returns: the clock's, 2^20 for each millisecond since
// 1970, or kEpochStride past the last one, whichever is more. DataLoss: the last one cannot be read.
absl::StatusOr<uint64_t> DrawEpoch(Store& store, int64_t now_unix_ms);

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_EPOCH_H_
