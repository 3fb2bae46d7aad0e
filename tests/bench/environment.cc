#include "tests/bench/environment.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/samples.h"
#include "tests/bench/temp_dir.h"
#include "tests/bench/wait.h"

namespace perdure::bench {
namespace {

constexpr int kSyncs = 100;
constexpr size_t kBlockBytes = 4'096;

double SyncP50(int fd, const std::string& path) {
  const std::vector<char> block(kBlockBytes, 'x');
  std::vector<double> took_ms;
  for (int i = 0; i < kSyncs; ++i) {
    ThrowIfInterrupted();
    const Clock::time_point begin = Clock::now();
    const ssize_t written = pwrite(fd, block.data(), block.size(), static_cast<off_t>(i * kBlockBytes));
    if (written != static_cast<ssize_t>(block.size()) || fdatasync(fd) != 0) {
      throw BenchError("cannot write " + path + ": " + std::strerror(errno));
    }
    took_ms.push_back(SecondsSince(begin) * 1e3);
  }
  std::sort(took_ms.begin(), took_ms.end());
  return Percentile(took_ms, 0.5);
}

}  // namespace

SyncProbe ProbeSync(const std::string& directory) {
  const std::string path = directory + "/sync-probe";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) throw BenchError("cannot write " + path + ": " + std::strerror(errno));
  struct Close {
    int fd;
    const std::string& path;
    ~Close() {
      close(fd);
      unlink(path.c_str());
    }
  } close_on_return{fd, path};
  SyncProbe probe;
  probe.append_p50_ms = SyncP50(fd, path);
  probe.overwrite_p50_ms = SyncP50(fd, path);
  return probe;
}

void HostWatch::AddTo(Report& report, std::optional<double> own_cpu_s) const {
  const std::optional<HostCpu> end = ReadHostCpu();
  std::optional<double> steal;
  std::optional<double> idle;
  std::optional<double> other;
  if (begin_ && end && end->total > begin_->total) {
    const auto total = static_cast<double>(end->total - begin_->total);
    const auto idle_ticks = static_cast<double>(end->idle - begin_->idle);
    const auto steal_ticks = static_cast<double>(end->steal - begin_->steal);
    steal = 100 * steal_ticks / total;
    idle = 100 * idle_ticks / total;
    if (own_cpu_s) {
      const double busy = total - idle_ticks - steal_ticks;
      other = std::max(0.0, 100 * (busy - *own_cpu_s * TicksPerSecond()) / total);
    }
  }
  report.Add("steal_pct", steal, 1);
  report.Add("idle_pct", idle, 1);
  report.Add("other_cpu_pct", other, 1);
}

void AddMachine(Report& report, const std::string& directory, const std::optional<SyncProbe>& sync) {
  report.Add("fdatasync_p50_ms", sync ? std::optional(sync->append_p50_ms) : std::nullopt, 3);
  report.Add("fdatasync_overwrite_p50_ms", sync ? std::optional(sync->overwrite_p50_ms) : std::nullopt, 3);
  report.Add("cpus", static_cast<double>(std::thread::hardware_concurrency()), 0);
  report.Add("directory", directory.empty() ? "(the server's own)" : directory);
  report.Add("file_system", directory.empty() ? "unknown" : FileSystemOf(directory));
  report.Add("build", PERDURE_BENCH_BUILD);
}

}  // namespace perdure::bench
