#include <charconv>

#include "absl/strings/str_format.h"
#include "server/partition/partition.h"

namespace perdure::partition {

std::string MakeRunId(uint64_t run, uint64_t random_high, uint64_t random_low) {
  return absl::StrFormat("%08x-%04x-8%03x-%04x-%012x", run >> 16 & 0xffffffff, run & 0xffff,
                         random_high & 0xfff, 0x8000 | (random_high >> 12 & 0x3fff),
                         random_low & 0xffffffffffff);
}

std::optional<uint64_t> RunOf(const std::string& run_id) {
  if (run_id.size() != 36 || run_id[8] != '-' || run_id[13] != '-' || run_id[14] != '8') return std::nullopt;
  const std::string digits = run_id.substr(0, 8) + run_id.substr(9, 4);
  uint64_t run = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), run, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return run;
}

}  // namespace perdure::partition
