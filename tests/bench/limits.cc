// What the machine allows, each part alone: the disk, the store, a stream; and all together in the bare ring.
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "storage/keyspace.h"
#include "storage/rocks_store.h"
#include "tests/bench/environment.h"
#include "tests/bench/proc.h"
#include "tests/bench/ring.h"
#include "tests/bench/samples.h"
#include "tests/bench/scenarios.h"
#include "tests/bench/temp_dir.h"
#include "tests/bench/wait.h"

namespace perdure::bench {
namespace {

// Messages there and back in one run of steps10: ten steps, the activation with its answer, and the client's
// call.
constexpr double kRoundTripsPerRun = 12;

struct StoreFigures {
  double p50_ms = 0;
  double entries_per_s = 0;
  double cpu_us_per_entry = 0;
};

// Commits of so many entries each, of as many runs that advance in turn, from one thread.
StoreFigures MeasureStore(const Args& args, int entries) {
  const TempDir directory(TempBase(args.directory));
  storage::RocksStoreOptions options;
  options.data_dir = directory.path() + "/data";
  absl::StatusOr<std::unique_ptr<storage::Store>> store = storage::RocksStore::Open(options);
  if (!store.ok()) throw BenchError(store.status().ToString());
  std::string value(kRingEntryBytes, '\0');
  for (size_t i = 0; i < value.size(); i += 2) value[i] = static_cast<char>(i * i * 31);
  std::vector<double> took_ms;
  uint64_t written = 0;
  const Clock::time_point begin = Clock::now();
  const std::optional<double> cpu_begin = CpuSeconds(getpid());
  while (SecondsSince(begin) < args.seconds) {
    ThrowIfInterrupted();
    storage::Batch batch(0);
    for (int i = 0; i < entries; ++i, ++written) {
      const auto run = static_cast<uint64_t>(i);
      batch.Put(storage::LogKey(0, run + written / 1000, written), value);
    }
    const Clock::time_point commit = Clock::now();
    if (const absl::Status status = (*store)->Commit({&batch}); !status.ok()) {
      throw BenchError(status.ToString());
    }
    took_ms.push_back(SecondsSince(commit) * 1e3);
  }
  const double seconds = SecondsSince(begin);
  StoreFigures figures;
  figures.entries_per_s = static_cast<double>(written) / seconds;
  if (const auto cpu_end = CpuSeconds(getpid()); cpu_begin && cpu_end) {
    figures.cpu_us_per_entry = (*cpu_end - *cpu_begin) * 1e6 / static_cast<double>(written);
  }
  std::sort(took_ms.begin(), took_ms.end());
  figures.p50_ms = Percentile(took_ms, 0.5);
  return figures;
}

}  // namespace

Report RunLimits(const Args& args, const Workload& workload) {
  const int concurrency = args.concurrency > 0 ? args.concurrency : workload.concurrency_default;
  const std::string base = TempBase(args.directory);
  SyncProbe sync;
  {
    const TempDir directory(base);
    sync = ProbeSync(directory.path());
  }
  const HostWatch host;
  Report report;
  report.Add("workload", std::string(workload.name));
  report.Add("concurrency", concurrency, 0);
  report.Add("seconds", args.seconds, 1);

  const StoreFigures one = MeasureStore(args, 1);
  report.Add("store_commit_p50_ms", one.p50_ms, 3);
  report.Add("store_commit_cpu_us", one.cpu_us_per_entry, 1);
  const StoreFigures many = MeasureStore(args, 64);
  report.Add("store_entries_per_s", many.entries_per_s, 0);
  report.Add("store_cpu_us_per_entry", many.cpu_us_per_entry, 1);

  const auto ring = [&](const char* name, int in_flight, int bytes) {
    return RunRing(args, *FindWorkload(name), {.concurrency = in_flight, .entry_bytes = bytes});
  };
  report.Add("stream_round_trip_p50_ms", ring("steps10", 1, 0).p50_ms / kRoundTripsPerRun, 3);
  report.Add("ring_noop_without_store_p50_ms", ring("noop", 1, 0).p50_ms, 3);
  report.Add("ring_noop_p50_ms", ring("noop", 1, kRingEntryBytes).p50_ms, 3);
  report.Add("ring_chain10_task_p50_ms", ring("chain10", 1, kRingEntryBytes).p50_ms / 10, 3);
  for (const char* name : {"noop", "chain10", "steps10", "fanout100"}) {
    const Workload& ringed = *FindWorkload(name);
    const int in_flight = ringed.units_per_run == 100 ? std::max(1, concurrency / 16) : concurrency;
    const RingFigures figures = ring(name, in_flight, kRingEntryBytes);
    const std::string unit(ringed.UnitName());
    report.Add("ring_" + std::string(name) + "_" + unit + "s_per_s", figures.units_per_s, 0);
    report.Add("ring_" + std::string(name) + "_server_cpu_us_per_" + unit, figures.server_cpu_us_per_unit, 1);
  }
  report.Add("entry_bytes", kRingEntryBytes, 0);
  AddMachine(report, base, sync);
  host.AddTo(report, std::nullopt);
  return report;
}

}  // namespace perdure::bench
