// Trace: what happened in a simulation, a line each: for people if they ask for it, and always as a hash, by
// which two runs of a seed are compared.
#ifndef PERDURE_TESTS_SIM_TRACE_H_
#define PERDURE_TESTS_SIM_TRACE_H_

#include <cstdint>
#include <cstdio>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "tests/sim/schedule.h"

namespace perdure::sim {

class Trace {
 public:
  Trace(const Schedule* schedule, bool print) : schedule_(schedule), print_(print) {}

  template <typename... Parts>
  void operator()(const Parts&... parts) {
    Line(absl::StrCat(parts...));
  }

  uint64_t hash() const { return hash_; }
  int64_t lines() const { return lines_; }

 private:
  void Line(std::string_view line) {
    ++lines_;
    Add(static_cast<uint64_t>(schedule_->now_ms()));
    // FNV-1a.
    for (const char c : line) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * kPrime;
    if (!print_) return;
    const auto ms = static_cast<long long>(schedule_->now_ms());
    std::printf("%7lld.%03lld  %.*s\n", ms / 1000, ms % 1000, static_cast<int>(line.size()), line.data());
  }
  void Add(uint64_t number) {
    for (int i = 0; i < 8; ++i) hash_ = (hash_ ^ (number >> (8 * i) & 0xff)) * kPrime;
  }

  static constexpr uint64_t kPrime = 0x100000001b3;
  const Schedule* const schedule_;
  const bool print_;
  uint64_t hash_ = 0xcbf29ce484222325;
  int64_t lines_ = 0;
};

}  // namespace perdure::sim

#endif  // PERDURE_TESTS_SIM_TRACE_H_
