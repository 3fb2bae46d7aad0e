// perdure-bench: measures a workload, and prints what it came to.
#include <cstdio>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "tests/bench/args.h"
#include "tests/bench/ring_server.h"
#include "tests/bench/ring_worker.h"
#include "tests/bench/scenarios.h"
#include "tests/bench/wait.h"
#include "tests/bench/worker_main.h"

namespace {

using perdure::bench::Args;
using perdure::bench::Report;
using perdure::bench::Workload;

constexpr int kExitFailed = 1;
constexpr int kExitSignalBase = 128;

Report Measure(const Args& args, const Workload& workload) {
  switch (workload.kind) {
    case Workload::Kind::kSleepers:
      return perdure::bench::RunSleepers(args, workload);
    case Workload::Kind::kRecovery:
      return perdure::bench::RunRecovery(args, workload);
    case Workload::Kind::kLimits:
      return perdure::bench::RunLimits(args, workload);
    case Workload::Kind::kClosedLoop:
      break;
  }
  return perdure::bench::RunClosedLoop(args, workload);
}

bool AnyFailed(const std::vector<Report>& reports) {
  for (const Report& report : reports) {
    if (report.Find("first_failure") != nullptr) return true;
  }
  return false;
}

int Run(const Args& args) {
  const Workload& workload = *perdure::bench::FindWorkload(args.workload);
  std::vector<Report> reports;
  for (int i = 0; i < args.repeat; ++i) reports.push_back(Measure(args, workload));
  const std::string text =
      args.json ? perdure::bench::ToJson(reports) + "\n" : perdure::bench::ToTable(reports);
  std::fputs(text.c_str(), stdout);
  if (!AnyFailed(reports)) return 0;
  std::fputs("perdure-bench: some workflows failed, see first_failure\n", stderr);
  return kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
  // As perdured does.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const perdure::bench::ParsedArgs parsed = perdure::bench::ParseArgs(argc, argv);
  if (parsed.exit_status) {
    std::fputs(parsed.output.c_str(), *parsed.exit_status == 0 ? stdout : stderr);
    return *parsed.exit_status;
  }
  if (parsed.args.worker) return perdure::bench::RunWorker(parsed.args);
  if (parsed.args.ring_server) return perdure::bench::RunRingServer(parsed.args);
  if (parsed.args.ring_worker) return perdure::bench::RunRingWorker(parsed.args);
  perdure::bench::CatchSignals();
  try {
    return Run(parsed.args);
  } catch (const perdure::bench::Interrupted& interrupted) {
    return kExitSignalBase + interrupted.signal();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "perdure-bench: %s\n", error.what());
    return kExitFailed;
  }
}
