// The ways to run a workload, each from fresh processes to a report. They throw BenchError.
#ifndef PERDURE_TESTS_BENCH_SCENARIOS_H_
#define PERDURE_TESTS_BENCH_SCENARIOS_H_

#include "tests/bench/args.h"
#include "tests/bench/report.h"
#include "tests/bench/workloads.h"

namespace perdure::bench {

// So many in flight for so long.
Report RunClosedLoop(const Args& args, const Workload& workload);
// Many runs that sleep, then the server's memory, and restarts.
Report RunSleepers(const Args& args, const Workload& workload);
// Many runs in flight when the server is killed.
Report RunRecovery(const Args& args, const Workload& workload);
// What the machine allows.
Report RunLimits(const Args& args, const Workload& workload);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_SCENARIOS_H_
