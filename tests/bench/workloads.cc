#include "tests/bench/workloads.h"

namespace perdure::bench {
namespace {

using Kind = Workload::Kind;
using Unit = Workload::Unit;

constexpr Workload kWorkloads[] = {
    {.name = "noop",
     .help = "a workflow that returns at once",
     .workflow_type = "bench_noop",
     .input = "7",
     .result = "7",
     .ring = true},
    {.name = "chain10",
     .help = "ten tasks, one after the other",
     .workflow_type = "bench_chain",
     .input = "10",
     .result = "10",
     .unit = Unit::kTask,
     .units_per_run = 10,
     .ring = true},
    {.name = "steps10",
     .help = "ten steps, one after the other",
     .workflow_type = "bench_steps",
     .input = "10",
     .result = "10",
     .unit = Unit::kStep,
     .units_per_run = 10,
     .ring = true},
    {.name = "fanout100",
     .help = "100 tasks at once",
     .workflow_type = "bench_fanout",
     .input = "100",
     .result = "100",
     .unit = Unit::kTask,
     .units_per_run = 100,
     .ring = true,
     .concurrency_default = 8},
    {.name = "fanout10000",
     .help = "10,000 tasks at once",
     .workflow_type = "bench_fanout",
     .input = "10000",
     .result = "10000",
     .unit = Unit::kTask,
     .units_per_run = 10'000,
     .concurrency_default = 1},
    {.name = "signal",
     .help = "start, signal, and complete on the signal",
     .workflow_type = "bench_signal",
     .input = "7",
     .result = "7",
     .signal = true},
    {.name = "sleepers",
     .help = "--count runs that sleep for an hour: memory, disk, time to restart",
     .kind = Kind::kSleepers,
     .workflow_type = "bench_sleep",
     .input = "3600000",
     .result = "",
     .concurrency_default = 256,
     .count_default = 100'000},
    {.name = "recovery",
     .help = "--count runs of chain10 in flight while the daemon is killed: time until they go on",
     .kind = Kind::kRecovery,
     .workflow_type = "bench_chain",
     .input = "10",
     .result = "10",
     .unit = Unit::kTask,
     .units_per_run = 10,
     .count_default = 2'000},
    {.name = "limits",
     .help = "what this machine allows: fdatasync, the store alone, a stream alone, the bare ring",
     .kind = Kind::kLimits,
     .workflow_type = "",
     .input = "",
     .result = "",
     .concurrency_default = 256},
};

}  // namespace

std::span<const Workload> Workloads() { return kWorkloads; }

const Workload* FindWorkload(std::string_view name) {
  for (const Workload& workload : kWorkloads) {
    if (workload.name == name) return &workload;
  }
  return nullptr;
}

}  // namespace perdure::bench
