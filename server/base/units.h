// Durations and sizes as people write them: "500ms", "30m", "7d", "64MiB".
#ifndef PERDURE_SERVER_BASE_UNITS_H_
#define PERDURE_SERVER_BASE_UNITS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace perdure::base {

// Whole milliseconds from a number with a unit: ms, s, m, h, d. Parts may follow each other ("1h30m"), and a
// part may have decimals ("1.5s"). A number alone counts milliseconds. Negative values are refused.
// InvalidArgument says what was not understood.
absl::StatusOr<int64_t> ParseDurationMs(std::string_view text);

// Bytes from a number with a unit: B, KiB, MiB, GiB, TiB, or the decimal kB, MB, GB, TB. A number alone
// counts bytes. InvalidArgument says what was not understood.
absl::StatusOr<int64_t> ParseBytes(std::string_view text);

// Exact, in the shortest form that ParseDurationMs reads back: 90000 -> "1m30s".
std::string FormatDurationMs(int64_t ms);

// Exact, in the largest unit that divides: 65536 -> "64KiB", 1000 -> "1000B".
std::string FormatBytes(int64_t bytes);

}  // namespace perdure::base

#endif  // PERDURE_SERVER_BASE_UNITS_H_
