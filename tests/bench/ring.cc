#include "tests/bench/ring.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/bench/child.h"
#include "tests/bench/load.h"
#include "tests/bench/proc.h"
#include "tests/bench/samples.h"
#include "tests/bench/temp_dir.h"
#include "tests/bench/wait.h"
#include "tests/bench/window.h"

namespace perdure::bench {
namespace {

constexpr std::chrono::duration<double> kStartTimeout{30};
constexpr std::chrono::duration<double> kDrainTimeout{60};
constexpr std::chrono::duration<double> kPollInterval{0.005};

// What stands in the file that the process makes once it is up.
std::string AwaitReady(Child& child, const std::string& file, const std::string& log) {
  WaitUntil([&] { return access(file.c_str(), R_OK) == 0 || !child.Running(); }, kStartTimeout,
            kPollInterval);
  if (access(file.c_str(), R_OK) != 0) {
    throw BenchError("a process of the bare ring did not start. It says:\n" + ReadFile(log));
  }
  return ReadFile(file);
}

}  // namespace

RingFigures RunRing(const Args& args, const Workload& workload, const RingLoad& load) {
  const TempDir directory(TempBase(args.directory));
  const auto path = [&](const char* name) { return directory.path() + "/" + name; };
  Child server({SelfPath(), "--ring-server", "--dir=" + path("data"), "--ready-file=" + path("server.ready"),
                "--ring-entry-bytes=" + std::to_string(load.entry_bytes)},
               path("server.log"));
  const auto ready = nlohmann::json::parse(AwaitReady(server, path("server.ready"), path("server.log")));
  const std::string address = ready.at("listen").get<std::string>();
  Child worker({SelfPath(), "--ring-worker", "--server=" + address, "--ready-file=" + path("worker.ready")},
               path("worker.log"));
  AwaitReady(worker, path("worker.ready"), path("worker.log"));

  LoadOptions options;
  options.address = address;
  options.task_queue = "ring";
  options.concurrency = load.concurrency;
  Load runs(workload, options);
  Pass(std::chrono::duration<double>(args.Warmup()));
  const Clock::time_point begin = Clock::now();
  const std::optional<double> cpu_begin = CpuSeconds(server.pid());
  Pass(std::chrono::duration<double>(args.seconds));
  const Clock::time_point end = Clock::now();
  const std::optional<double> cpu_end = CpuSeconds(server.pid());
  runs.StopStarting();
  if (!WaitUntil([&] { return runs.Done(); }, kDrainTimeout, kPollInterval)) {
    throw BenchError("the bare ring stands still; " + runs.FirstFailure());
  }
  if (runs.Counts().failed > 0) throw BenchError("the bare ring failed: " + runs.FirstFailure());

  const std::vector<Finished> finished = runs.TakeFinished();
  const std::vector<double> latency_ms = LatenciesMs(finished, begin, end);
  if (latency_ms.empty()) throw BenchError("no workflow went round the bare ring within the time");
  int64_t in_window = 0;
  for (const Finished& one : finished) in_window += one.end >= begin && one.end <= end;
  const double seconds = std::chrono::duration<double>(end - begin).count();
  RingFigures figures;
  figures.workflows_per_s = static_cast<double>(in_window) / seconds;
  figures.units_per_s = figures.workflows_per_s * static_cast<double>(workload.units_per_run);
  figures.p50_ms = Percentile(latency_ms, 0.5);
  if (cpu_begin && cpu_end) {
    figures.server_cpu_us_per_unit = (*cpu_end - *cpu_begin) * 1e6 / (figures.units_per_s * seconds);
  }
  return figures;
}

}  // namespace perdure::bench
