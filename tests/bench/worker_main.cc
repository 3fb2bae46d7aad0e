#include "tests/bench/worker_main.h"

#include <perdure/worker.h>
#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <fstream>

#include "tests/bench/workflows.h"

namespace perdure::bench {
namespace {

constexpr Milliseconds kConnectTimeout{20'000};

}  // namespace

int RunWorker(const Args& args) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Worker worker(WorkerOptions()
                    .Address(args.server)
                    .TaskQueue(args.task_queue)
                    .MaxConcurrentTasks(args.worker_tasks)
                    .MaxConcurrentActivations(args.worker_activations)
                    .WorkflowThreads(args.worker_threads));
  worker.Host(kAddOne, [](int value) { return value + 1; });
  ForEachWorkflow([&worker](const auto& workflow, auto function) { worker.Host(workflow, function); });
  worker.Start();
  if (!worker.WaitReady(kConnectTimeout)) {
    std::fprintf(stderr, "perdure-bench worker: not connected. %s\n", worker.Refusal().c_str());
    return 1;
  }
  std::ofstream(args.ready_file) << "ready\n";
  int signal = 0;
  sigwait(&signals, &signal);
  worker.Stop();
  return 0;
}

}  // namespace perdure::bench
