// Reading and writing durations and sizes.
#include "server/base/units.h"

#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace perdure::base {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};

constexpr Unit kDurations[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
constexpr Unit kSizes[] = {{"TiB", int64_t{1} << 40},
                           {"GiB", int64_t{1} << 30},
                           {"MiB", int64_t{1} << 20},
                           {"KiB", int64_t{1} << 10},
                           {"TB", 1'000'000'000'000},
                           {"GB", 1'000'000'000},
                           {"MB", 1'000'000},
                           {"kB", 1000},
                           {"KB", 1000},
                           {"B", 1}};

absl::string_view Absl(std::string_view s) { return {s.data(), s.size()}; }

// One part: number, then letters. Advances `rest` past it.
struct Part {
  std::string_view number;
  std::string_view unit;
};
Part TakePart(std::string_view& rest) {
  size_t n = 0;
  while (n < rest.size() && (absl::ascii_isdigit(rest[n]) || rest[n] == '.')) ++n;
  size_t u = n;
  while (u < rest.size() && absl::ascii_isalpha(rest[u])) ++u;
  Part part{rest.substr(0, n), rest.substr(n, u - n)};
  rest.remove_prefix(u);
  return part;
}

// The number times the factor, or -1 if it is no number, no whole result, or too large.
int64_t Scale(std::string_view number, int64_t factor) {
  int64_t whole = 0;
  if (number.find('.') == std::string_view::npos) {
    if (!absl::SimpleAtoi(Absl(number), &whole)) return -1;
    if (whole > std::numeric_limits<int64_t>::max() / factor) return -1;
    return whole * factor;
  }
  double value = 0;
  if (!absl::SimpleAtod(Absl(number), &value)) return -1;
  const double scaled = value * static_cast<double>(factor);
  constexpr double kExactMax = 9007199254740992.0;  // 2^53: doubles are exact up to here
  if (scaled > kExactMax || std::abs(scaled - std::round(scaled)) > 1e-6) return -1;
  return static_cast<int64_t>(std::round(scaled));
}

template <size_t N>
int64_t FactorOf(const Unit (&units)[N], std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return 0;
}

template <size_t N>
absl::StatusOr<int64_t> Parse(const Unit (&units)[N], std::string_view text, absl::string_view what,
                              bool several_parts) {
  const auto error = [&] {
    return absl::InvalidArgumentError(absl::StrCat("'", Absl(text), "' is not ", what));
  };
  std::string_view rest = text;
  if (rest.empty()) return error();
  int64_t total = 0;
  bool first = true;
  while (!rest.empty()) {
    if (!first && !several_parts) return error();
    const Part part = TakePart(rest);
    if (part.number.empty()) return error();
    const bool alone = first && part.unit.empty() && rest.empty();
    const int64_t factor = alone ? 1 : FactorOf(units, part.unit);
    const int64_t value = factor == 0 ? -1 : Scale(part.number, factor);
    if (value < 0 || total > std::numeric_limits<int64_t>::max() - value) return error();
    total += value;
    first = false;
  }
  return total;
}

}  // namespace

absl::StatusOr<int64_t> ParseDurationMs(std::string_view text) {
  return Parse(kDurations, text, "a duration: write 500ms, 30s, 5m, 1h30m or 7d", true);
}

absl::StatusOr<int64_t> ParseBytes(std::string_view text) {
  return Parse(kSizes, text, "a size: write 4096, 64KiB, 256MiB or 2GiB", false);
}

std::string FormatDurationMs(int64_t ms) {
  if (ms == 0) return "0s";
  std::string out;
  uint64_t rest = static_cast<uint64_t>(ms);
  if (ms < 0) {
    out = "-";
    rest = 0 - rest;
  }
  for (const Unit& unit : kDurations) {
    const auto factor = static_cast<uint64_t>(unit.factor);
    if (rest >= factor) {
      absl::StrAppend(&out, rest / factor, Absl(unit.name));
      rest %= factor;
    }
  }
  return out;
}

std::string FormatBytes(int64_t bytes) {
  for (size_t i = 0; i < 4; ++i) {
    const Unit& unit = kSizes[i];
    if (bytes != 0 && bytes % unit.factor == 0) return absl::StrCat(bytes / unit.factor, Absl(unit.name));
  }
  return absl::StrCat(bytes, "B");
}

}  // namespace perdure::base
