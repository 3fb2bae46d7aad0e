// The workflows that the workloads start, with the public SDK.
#ifndef PERDURE_TESTS_BENCH_WORKFLOWS_H_
#define PERDURE_TESTS_BENCH_WORKFLOWS_H_

#include <perdure/context.h>
#include <perdure/task.h>
#include <perdure/workflow.h>

#include <cstdint>

#include "tests/bench/workloads.h"

namespace perdure::bench {

inline constexpr Task<int(int)> kAddOne{"bench_add_one"};
inline constexpr Workflow<int(int)> kNoop{"bench_noop"};
inline constexpr Workflow<int(int)> kChain{"bench_chain"};
inline constexpr Workflow<int(int)> kSteps{"bench_steps"};
inline constexpr Workflow<int(int)> kFanout{"bench_fanout"};
inline constexpr Workflow<int(int)> kSignal{"bench_signal"};
inline constexpr Workflow<void(std::int64_t)> kSleep{"bench_sleep"};
inline constexpr Signal<int> kWake{kWakeSignal};

Co<int> Noop(Context&, int value);
Co<int> Chain(Context& ctx, int length);
Co<int> Steps(Context& ctx, int length);
Co<int> Fanout(Context& ctx, int width);
Co<int> AwaitSignal(Context& ctx, int);
Co<> Sleep(Context& ctx, std::int64_t milliseconds);

// Calls host(declaration, function) for each.
template <typename Host>
void ForEachWorkflow(Host host) {
  host(kNoop, Noop);
  host(kChain, Chain);
  host(kSteps, Steps);
  host(kFanout, Fanout);
  host(kSignal, AwaitSignal);
  host(kSleep, Sleep);
}

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_WORKFLOWS_H_
