// What perdure-bench is asked to do.
#ifndef PERDURE_TESTS_BENCH_ARGS_H_
#define PERDURE_TESTS_BENCH_ARGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace perdure::bench {

struct Args {
  std::string workload;
  // Workflows in flight; 0: the workload's default.
  int concurrency = 0;
  double seconds = 10;
  // Before the measured time; negative: a fifth of it, at least half a second, at most two.
  double warmup_seconds = -1;
  // sleepers and recovery: how many runs; 0: the workload's default.
  int64_t count = 0;
  // Runs that were started and have closed before anything is measured.
  int64_t stored = 0;
  // sleepers: for how long the server must have written nothing before its memory is read.
  double settle_seconds = 6;
  int repeat = 1;
  bool json = false;
  // "host:port" of a running server (and of its HTTP endpoint); empty: start one.
  std::string server;
  std::string server_http;
  // Where to make the temporary directory; empty: see TempBase().
  std::string directory;
  // Handed on to perdured, "--partitions=4".
  std::vector<std::string> daemon_args;
  // Of the worker process.
  int worker_tasks = 64;
  int worker_activations = 1'000;
  int worker_threads = 2;

  // Measure the bare ring too, right after.
  bool ring = false;

  // The hidden modes: this process is the worker, or the server or the worker of the bare ring. It makes the
  // ready file once it is connected or listens.
  bool worker = false;
  bool ring_server = false;
  bool ring_worker = false;
  // Of the ring's server: the size of an entry; 0: nothing is kept.
  int ring_entry_bytes = 0;
  std::string task_queue;
  std::string ready_file;

  double Warmup() const;
};

struct ParsedArgs {
  Args args;
  // Set: print `output` and exit with this.
  std::optional<int> exit_status;
  std::string output;
};

ParsedArgs ParseArgs(int argc, const char* const* argv);

// The arguments that make a process of this program the worker that `args` describes.
std::vector<std::string> WorkerArgs(const Args& args, const std::string& server,
                                    const std::string& task_queue, const std::string& ready_file);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_ARGS_H_
