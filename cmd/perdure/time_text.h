// Times and durations for people.
#ifndef PERDURE_CMD_PERDURE_TIME_TEXT_H_
#define PERDURE_CMD_PERDURE_TIME_TEXT_H_

#include <cstdint>
#include <string>

namespace perdure::cli {

// Milliseconds from one point in time to another, or the longest span there is: timers may be set to the end
// of time.
int64_t Between(int64_t from_unix_ms, int64_t to_unix_ms);

// Three digits at most, in the unit that suits: "0ms", "850ms", "1.24s", "3m05s", "2h05m", "3d04h".
std::string ShortDuration(int64_t ms);

// "2026-11-22 21:24:40", local time. "" for 0.
std::string AbsoluteTime(int64_t unix_ms);

// "3m05s ago", "in 12s", "now". "" for 0.
std::string RelativeTime(int64_t unix_ms, int64_t now_unix_ms);

// "2026-11-22 21:24:40 (3m05s ago)".
std::string FullTime(int64_t unix_ms, int64_t now_unix_ms);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_TIME_TEXT_H_
