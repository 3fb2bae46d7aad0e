#include "tests/bench/worker_process.h"

#include <unistd.h>

#include "tests/bench/proc.h"
#include "tests/bench/wait.h"

namespace perdure::bench {
namespace {

constexpr std::chrono::duration<double> kStartTimeout{30};
constexpr std::chrono::duration<double> kPollInterval{0.005};

std::vector<std::string> Argv(const Args& args, const std::string& server, const std::string& task_queue,
                              const std::string& ready_file) {
  std::vector<std::string> argv = WorkerArgs(args, server, task_queue, ready_file);
  argv.insert(argv.begin(), SelfPath());
  return argv;
}

}  // namespace

WorkerProcess::WorkerProcess(const Args& args, const std::string& server, const std::string& task_queue,
                             const std::string& directory)
    : child_(Argv(args, server, task_queue, directory + "/worker.ready"), directory + "/worker.log") {
  const std::string ready = directory + "/worker.ready";
  WaitUntil([&] { return access(ready.c_str(), R_OK) == 0 || !child_.Running(); }, kStartTimeout,
            kPollInterval);
  if (access(ready.c_str(), R_OK) != 0) {
    throw BenchError("the worker process did not connect to " + server + ". It says:\n" +
                     ReadFile(directory + "/worker.log"));
  }
}

std::optional<double> WorkerProcess::CpuSeconds() const { return bench::CpuSeconds(child_.pid()); }
std::optional<double> WorkerProcess::PeakRssMib() const { return StatusMib(child_.pid(), "VmHWM"); }

}  // namespace perdure::bench
