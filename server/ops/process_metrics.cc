// Reads /proc/self.
#include "server/ops/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace perdure::ops {
namespace {

std::string ReadWhole(const char* path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Fields of /proc/self/stat after the command name, so [0] is field 3 of proc(5).
std::optional<std::vector<double>> StatFields() {
  const std::string stat = ReadWhole("/proc/self/stat");
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::vector<double> fields;
  for (const absl::string_view word :
       absl::StrSplit(absl::string_view(stat).substr(name_end + 1), ' ', absl::SkipEmpty())) {
    double value = 0;
    if (!absl::SimpleAtod(word, &value)) value = 0;  // the state, a letter
    fields.push_back(value);
  }
  if (fields.size() < 22) return std::nullopt;
  return fields;
}

std::optional<double> BootTimeSeconds() {
  for (const absl::string_view line : absl::StrSplit(ReadWhole("/proc/stat"), '\n')) {
    double seconds = 0;
    if (line.substr(0, 6) == "btime " && absl::SimpleAtod(line.substr(6), &seconds)) return seconds;
  }
  return std::nullopt;
}

}  // namespace

void CollectProcessMetrics(base::MetricSink& sink) {
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (const auto stat = StatFields()) {
    // Positions in proc(5), less 3.
    const auto& f = *stat;
    sink.Counter("process_cpu_seconds_total", "User and system CPU time.", {}, (f[11] + f[12]) / ticks);
    sink.Gauge("process_threads", "Threads of the process.", {}, f[17]);
    sink.Gauge("process_virtual_memory_bytes", "Virtual memory.", {}, f[20]);
    sink.Gauge("process_resident_memory_bytes", "Resident memory.", {},
               f[21] * static_cast<double>(sysconf(_SC_PAGESIZE)));
    if (const auto boot = BootTimeSeconds()) {
      sink.Gauge("process_start_time_seconds", "When the process started, seconds since the Unix epoch.", {},
                 *boot + f[19] / ticks);
    }
  }
  std::error_code error;
  const std::filesystem::directory_iterator fds("/proc/self/fd", error);
  if (!error) {
    const auto open = std::distance(begin(fds), end(fds)) - 1;  // less the one that is counting
    sink.Gauge("process_open_fds", "Open file descriptors.", {}, static_cast<double>(open));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    sink.Gauge("process_max_fds", "Most file descriptors the process may open.", {},
               static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace perdure::ops
