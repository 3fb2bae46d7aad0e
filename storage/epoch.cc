#include "storage/epoch.h"

#include <algorithm>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "storage/keyspace.h"

namespace perdure::storage {

absl::StatusOr<uint64_t> DrawEpoch(Store& store, int64_t now_unix_ms) {
  uint64_t epoch = static_cast<uint64_t>(std::max<int64_t>(now_unix_ms, 0)) << 20;
  const absl::StatusOr<std::string> record = store.Get(EpochKey());
  if (record.ok()) {
    uint64_t last = 0;
    if (!absl::SimpleAtoi(*record, &last)) {
      return absl::DataLossError(
          absl::StrCat("the epoch record cannot be read: \"", absl::CHexEscape(record->substr(0, 80)), "\""));
    }
    epoch = std::max(epoch, last + kEpochStride);
  } else if (!absl::IsNotFound(record.status())) {
    return record.status();
  }
  Batch batch(kGlobalPartition);
  batch.Put(EpochKey(), absl::StrCat(epoch));
  if (absl::Status status = store.Commit({&batch}); !status.ok()) return status;
  return epoch;
}

}  // namespace perdure::storage
