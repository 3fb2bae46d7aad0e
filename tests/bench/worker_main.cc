#include "tests/bench/worker_main.h"

#include <perdure/combine.h>
#include <perdure/context.h>
#include <perdure/worker.h>
#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <vector>

#include "tests/bench/workloads.h"

namespace perdure::bench {
namespace {

constexpr Task<int(int)> kAddOne{"bench_add_one"};
constexpr Workflow<int(int)> kNoop{"bench_noop"};
constexpr Workflow<int(int)> kChain{"bench_chain"};
constexpr Workflow<int(int)> kSteps{"bench_steps"};
constexpr Workflow<int(int)> kFanout{"bench_fanout"};
constexpr Workflow<int(int)> kSignal{"bench_signal"};
constexpr Workflow<void(std::int64_t)> kSleep{"bench_sleep"};
constexpr Signal<int> kWake{kWakeSignal};

constexpr Milliseconds kConnectTimeout{20'000};

Co<int> Noop(Context&, int value) { co_return value; }

Co<int> Chain(Context& ctx, int length) {
  int sum = 0;
  for (int i = 0; i < length; ++i) sum = co_await ctx.Run(kAddOne, sum);
  co_return sum;
}

Co<int> Steps(Context& ctx, int length) {
  int sum = 0;
  for (int i = 0; i < length; ++i) {
    sum = co_await ctx.Step("add_one", [](int value) { return value + 1; }, sum);
  }
  co_return sum;
}

Co<int> Fanout(Context& ctx, int width) {
  std::vector<Pending<int>> parts;
  for (int i = 0; i < width; ++i) parts.push_back(ctx.Run(kAddOne, 0));
  const std::vector<int> done = co_await All(std::move(parts));
  int sum = 0;
  for (const int one : done) sum += one;
  co_return sum;
}

Co<int> AwaitSignal(Context& ctx, int) { co_return co_await ctx.WaitSignal(kWake); }

Co<> Sleep(Context& ctx, std::int64_t milliseconds) { co_await ctx.Sleep(Milliseconds(milliseconds)); }

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
  worker.Host(kNoop, Noop);
  worker.Host(kChain, Chain);
  worker.Host(kSteps, Steps);
  worker.Host(kFanout, Fanout);
  worker.Host(kSignal, AwaitSignal);
  worker.Host(kSleep, Sleep);
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
