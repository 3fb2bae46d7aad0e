// Formats times.
#include "cmd/perdure/time_text.h"

#include <algorithm>
#include <ctime>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace perdure::cli {

int64_t Between(int64_t from_unix_ms, int64_t to_unix_ms) {
  constexpr int64_t kLongest = std::numeric_limits<int64_t>::max();
  int64_t ms = 0;
  if (__builtin_sub_overflow(to_unix_ms, from_unix_ms, &ms))
    return to_unix_ms > from_unix_ms ? kLongest : -kLongest;
  return std::max(ms, -kLongest);
}

std::string ShortDuration(int64_t ms) {
  if (ms < 0) return absl::StrCat("-", ShortDuration(Between(ms, 0)));
  if (ms < 1000) return absl::StrCat(ms, "ms");
  const int64_t s = ms / 1000;
  if (s < 10) return absl::StrFormat("%d.%02ds", s, ms % 1000 / 10);
  if (s < 60) return absl::StrFormat("%d.%ds", s, ms % 1000 / 100);
  const int64_t m = s / 60;
  if (m < 60) return absl::StrFormat("%dm%02ds", m, s % 60);
  const int64_t h = m / 60;
  if (h < 24) return absl::StrFormat("%dh%02dm", h, m % 60);
  return absl::StrFormat("%dd%02dh", h / 24, h % 24);
}

std::string AbsoluteTime(int64_t unix_ms) {
  if (unix_ms == 0) return "";
  const std::time_t t = unix_ms / 1000;
  std::tm tm{};
  localtime_r(&t, &tm);
  return absl::StrFormat("%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                         tm.tm_hour, tm.tm_min, tm.tm_sec);
}

std::string RelativeTime(int64_t unix_ms, int64_t now_unix_ms) {
  if (unix_ms == 0) return "";
  const int64_t age = Between(unix_ms, now_unix_ms);
  if (age == 0) return "now";
  return age > 0 ? absl::StrCat(ShortDuration(age), " ago") : absl::StrCat("in ", ShortDuration(-age));
}

std::string FullTime(int64_t unix_ms, int64_t now_unix_ms) {
  if (unix_ms == 0) return "";
  return absl::StrCat(AbsoluteTime(unix_ms), " (", RelativeTime(unix_ms, now_unix_ms), ")");
}

}  // namespace perdure::cli
