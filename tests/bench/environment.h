// What the machine was like: how long a sync takes, and who else used the CPUs meanwhile.
#ifndef PERDURE_TESTS_BENCH_ENVIRONMENT_H_
#define PERDURE_TESTS_BENCH_ENVIRONMENT_H_

#include <optional>
#include <string>

#include "tests/bench/proc.h"
#include "tests/bench/report.h"

namespace perdure::bench {

// Milliseconds of write(4 KiB) + fdatasync, in the middle of many.
struct SyncProbe {
  // To a file that grows, and over what is there (as to a recycled log).
  double append_p50_ms = 0;
  double overwrite_p50_ms = 0;
};
// Throws BenchError.
SyncProbe ProbeSync(const std::string& directory);

// The CPUs' time from the construction on.
class HostWatch {
 public:
  HostWatch() : begin_(ReadHostCpu()) {}

  // Percent of all CPUs: stolen by the hypervisor, left idle, and used by none of ours, who used `own_cpu_s`.
  void AddTo(Report& report, std::optional<double> own_cpu_s) const;

 private:
  std::optional<HostCpu> begin_;
};

// CPUs, file system, build type.
void AddMachine(Report& report, const std::string& directory, const std::optional<SyncProbe>& sync);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_ENVIRONMENT_H_
