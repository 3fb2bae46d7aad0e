// What the kernel knows: CPU time and memory of a process, CPU time of the machine.
#ifndef PERDURE_TESTS_BENCH_PROC_H_
#define PERDURE_TESTS_BENCH_PROC_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace perdure::bench {

// From the text of /proc/PID/stat: user and system time, in clock ticks.
std::optional<int64_t> ParseCpuTicks(std::string_view stat);
// From the text of /proc/PID/status: the field in KiB ("VmHWM", "VmRSS").
std::optional<int64_t> ParseStatusKib(std::string_view status, std::string_view field);

// All CPUs together since boot, in clock ticks.
struct HostCpu {
  int64_t total = 0;
  int64_t idle = 0;
  int64_t steal = 0;
};
// From the first line of /proc/stat.
std::optional<HostCpu> ParseHostCpu(std::string_view stat);

// The same of a living process, or of this machine now; none: the process is gone.
std::optional<double> CpuSeconds(pid_t pid);
std::optional<double> StatusMib(pid_t pid, std::string_view field);
std::optional<HostCpu> ReadHostCpu();
double TicksPerSecond();

// Everything in a file; empty if it cannot be read.
std::string ReadFile(const std::string& path);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_PROC_H_
