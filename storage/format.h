// The format of a data directory: one record that says how everything else is written and how many partitions
// there are. It is looked at before anything else is, so that no program reads what it does not understand.
#ifndef PERDURE_STORAGE_FORMAT_H_
#define PERDURE_STORAGE_FORMAT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/store.h"

namespace perdure::storage {

// The format that this program writes. One higher for every change that an older program would misread.
inline constexpr uint32_t kFormatVersion = 1;

struct Format {
  uint32_t version = kFormatVersion;
  // Fixed when the store is created: it decides which partition a run belongs to.
  uint32_t partitions = 0;

  friend bool operator==(const Format&, const Format&) = default;
};

// Turns a store of format `from` into one of `from + 1`. May run again after a crash, on a store it has half
// turned: the record still says `from` until it is through.
struct Migration {
  uint32_t from = 0;
  std::function<absl::Status(Store&)> run;
};

// What a program can open: its own version, and those the migrations lead up from.
struct FormatRules {
  uint32_t version = kFormatVersion;
  std::vector<Migration> migrations;
};

// The rules of this program.
const FormatRules& CurrentFormatRules();

// The record as it is stored: "perdure-format 1 partitions=4\n", so that it can be read without this program.
std::string EncodeFormat(const Format& format);
// DataLoss if it is not such a record. Of a format past `newest_known` only the version may be readable; then
// partitions is 0.
absl::StatusOr<Format> ParseFormat(std::string_view record, uint32_t newest_known = kFormatVersion);

// The format of a store that is only read. FailedPrecondition: it is of a newer format, or of an older one
// that OpenFormat would migrate first. InvalidArgument: it has no format record, so it is not Perdure's.
// DataLoss: the record cannot be read.
absl::StatusOr<Format> ReadFormat(const ReadView& view, const FormatRules& rules = CurrentFormatRules());

// On an empty store, writes the record with `partitions_wanted` and returns it. Otherwise returns the stored
// one, migrated to this program's version; its partition count stands, whatever was wanted. InvalidArgument:
// partitions_wanted is not in [1, kPartitionsMax]. FailedPrecondition: the store is of a newer format, or of
// one too old, or holds something that is not Perdure's.
absl::StatusOr<Format> OpenFormat(Store& store, uint32_t partitions_wanted,
                                  const FormatRules& rules = CurrentFormatRules());

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_FORMAT_H_
