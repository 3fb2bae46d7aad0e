// The workloads: what each of them starts, and what one unit of its work is called.
#ifndef PERDURE_TESTS_BENCH_WORKLOADS_H_
#define PERDURE_TESTS_BENCH_WORKLOADS_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace perdure::bench {

inline constexpr std::string_view kWakeSignal = "bench_wake";

struct Workload {
  enum class Kind { kClosedLoop, kSleepers, kRecovery, kLimits };
  // What its figures "per task" count.
  enum class Unit { kTask, kStep, kRun };

  std::string_view name;
  std::string_view help;
  Kind kind = Kind::kClosedLoop;
  std::string_view workflow_type;
  // JSON; the result that a run must have.
  std::string_view input;
  std::string_view result;
  // Sent to each run after its start: a kWakeSignal with `input`.
  bool signal = false;
  Unit unit = Unit::kRun;
  int64_t units_per_run = 1;
  // Whether the bare ring can run it.
  bool ring = false;
  int concurrency_default = 64;
  int64_t count_default = 0;

  std::string_view UnitName() const {
    return unit == Unit::kTask ? "task" : unit == Unit::kStep ? "step" : "run";
  }
};

std::span<const Workload> Workloads();
// Null: there is none of this name.
const Workload* FindWorkload(std::string_view name);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_WORKLOADS_H_
