// The table of rocks_status.h, as code.
#include "storage/rocks_status.h"

#include <rocksdb/status.h>

#include <string>

namespace perdure::storage {
namespace {

absl::StatusCode CodeOf(const rocksdb::Status& status) {
  switch (status.code()) {
    case rocksdb::Status::kNotFound:
      return absl::StatusCode::kNotFound;
    case rocksdb::Status::kCorruption:
      return absl::StatusCode::kDataLoss;
    case rocksdb::Status::kInvalidArgument:
      return absl::StatusCode::kInvalidArgument;
    case rocksdb::Status::kNotSupported:
      return absl::StatusCode::kUnimplemented;
    case rocksdb::Status::kBusy:
    case rocksdb::Status::kTryAgain:
    case rocksdb::Status::kTimedOut:
    case rocksdb::Status::kShutdownInProgress:
      return absl::StatusCode::kUnavailable;
    default:
      return IsNoSpace(status) ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kInternal;
  }
}

}  // namespace

bool IsNoSpace(const rocksdb::Status& status) {
  return status.IsNoSpace() ||
         (status.IsIOError() && status.subcode() == rocksdb::Status::SubCode::kSpaceLimit);
}

absl::Status FromRocks(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return absl::OkStatus();
  std::string message(doing);
  message += ": ";
  message += status.ToString();
  return absl::Status(CodeOf(status), message);
}

}  // namespace perdure::storage
