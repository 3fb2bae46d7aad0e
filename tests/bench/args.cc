// The command line, by CLI11.
#include "tests/bench/args.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "tests/bench/workloads.h"

namespace perdure::bench {
namespace {

constexpr int kConcurrencyMax = 100'000;
constexpr int64_t kCountMax = 10'000'000;

std::string Footer() {
  std::ostringstream out;
  out << "Workloads:\n";
  for (const Workload& w : Workloads()) {
    out << "  " << w.name << std::string(13 - w.name.size(), ' ') << w.help << "\n";
  }
  out << "\nA daemon of its own (perdured beside this program, fsync on) and a worker process are started, "
         "and are\n"
         "gone when it ends. A task in the figures is a task, in steps10 a step, in noop, signal and "
         "sleepers a "
         "run.\n"
         "Latency runs from the client's StartWorkflow call until it has the result.";
  return out.str();
}

void Describe(CLI::App& app, Args& args) {
  app.footer(Footer());
  app.add_option("workload", args.workload, "What to run, see below");
  app.add_option("--concurrency", args.concurrency, "Workflows in flight [depends on the workload]")
      ->check(CLI::Range(1, kConcurrencyMax));
  app.add_option("--seconds", args.seconds, "How long to measure [10]")->check(CLI::Range(0.1, 86'400.0));
  app.add_option("--warmup", args.warmup_seconds, "Seconds before that [a fifth, at least 0.5, at most 2]")
      ->check(CLI::Range(0.0, 3'600.0));
  app.add_option("--count", args.count, "Runs of sleepers [100000] and recovery [2000]")
      ->check(CLI::Range(int64_t{1}, kCountMax));
  app.add_option("--stored", args.stored, "Closed runs that the server holds before it is measured [0]")
      ->check(CLI::Range(int64_t{0}, kCountMax));
  app.add_option("--settle", args.settle_seconds,
                 "sleepers: seconds without a write before memory is read [6]")
      ->check(CLI::Range(0.0, 3'600.0));
  app.add_option("--repeat", args.repeat, "Times to run all of it; prints median, least and most [1]")
      ->check(CLI::Range(1, 1'000));
  app.add_flag("--json", args.json, "One JSON object instead of the table");
  app.add_option("--server", args.server, "host:port of a running server, instead of starting one");
  app.add_option("--server-http", args.server_http,
                 "host:port of that server's metrics; without it what the server spent stays unknown");
  app.add_option("--dir", args.directory,
                 "Where to make the data directory [$TMPDIR if on a disk, else the current directory]");
  app.add_option("--daemon-arg", args.daemon_args, "Hand this flag to perdured; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--worker-tasks", args.worker_tasks, "Tasks at once in the worker [64]")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--worker-activations", args.worker_activations, "Activations in the worker's hands [1000]")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--worker-threads", args.worker_threads, "Threads that run workflow code [2]")
      ->check(CLI::Range(1, 1'000));
  app.add_flag("--ring", args.ring,
               "Also run the workload on the bare ring (see limits), and show what share of it was reached");
  app.add_flag("--worker", args.worker)->group("");
  app.add_flag("--ring-server", args.ring_server)->group("");
  app.add_flag("--ring-worker", args.ring_worker)->group("");
  app.add_option("--ring-entry-bytes", args.ring_entry_bytes)->group("");
  app.add_option("--task-queue", args.task_queue)->group("");
  app.add_option("--ready-file", args.ready_file)->group("");
}

// Empty: nothing is wrong.
std::string Problem(const Args& args) {
  if (args.worker || args.ring_server || args.ring_worker) return "";
  if (args.workload.empty()) return "say which workload to run";
  const Workload* workload = FindWorkload(args.workload);
  if (workload == nullptr) return "there is no workload '" + args.workload + "'";
  if (!args.server.empty() && workload->kind != Workload::Kind::kClosedLoop) {
    return "workload " + args.workload + " stops and starts its daemon: leave --server away";
  }
  if (args.ring && !args.server.empty()) return "--ring has no use with --server: it runs on this machine";
  if (args.ring && !workload->ring) return "the bare ring does not know workload " + args.workload;
  if (args.stored > 0 && (workload->kind != Workload::Kind::kClosedLoop || !args.server.empty())) {
    return "--stored is for the workloads in a loop, on a daemon of the bench's own";
  }
  if (!args.server.empty() && !args.daemon_args.empty()) return "--daemon-arg has no use with --server";
  if (args.server.empty() && !args.server_http.empty()) return "--server-http has no use without --server";
  return "";
}

}  // namespace

double Args::Warmup() const {
  return warmup_seconds >= 0 ? warmup_seconds : std::clamp(seconds / 5, 0.5, 2.0);
}

ParsedArgs ParseArgs(int argc, const char* const* argv) {
  ParsedArgs parsed;
  CLI::App app("Measures Perdure: a daemon, a worker process and a client on this machine.", "perdure-bench");
  Describe(app, parsed.args);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    const int status = app.exit(error, out, out);
    parsed.exit_status = status == 0 ? 0 : 2;
    parsed.output = out.str();
    return parsed;
  }
  if (const std::string problem = Problem(parsed.args); !problem.empty()) {
    parsed.exit_status = 2;
    parsed.output = "perdure-bench: " + problem + " (perdure-bench --help shows more)\n";
  }
  return parsed;
}

std::vector<std::string> WorkerArgs(const Args& args, const std::string& server,
                                    const std::string& task_queue, const std::string& ready_file) {
  return {"--worker",
          "--server=" + server,
          "--task-queue=" + task_queue,
          "--ready-file=" + ready_file,
          "--worker-tasks=" + std::to_string(args.worker_tasks),
          "--worker-activations=" + std::to_string(args.worker_activations),
          "--worker-threads=" + std::to_string(args.worker_threads)};
}

}  // namespace perdure::bench
