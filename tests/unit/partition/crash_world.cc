#include "tests/unit/partition/crash_world.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/partition/disk.h"

namespace perdure::partition::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::Test;

constexpr int kSteps = 600;
constexpr int kFinishRounds = 400;

}  // namespace

PartitionOptions CrashWorld::OptionsOf(model::Rng& rng, uint64_t seed) {
  PartitionOptions options = TestOptions();
  options.random_seed = seed | 1;
  const int64_t cache[] = {0, 4'000, 32 << 20};
  options.run_cache_bytes_max = cache[rng.Below(3)];
  options.checkpoint_interval_ms = rng.Percent(50) ? rng.Between(1, 100) : rng.Between(100, 5'000);
  options.timer_window_ms = rng.Percent(50) ? rng.Between(2, 1'000) : 60'000;
  options.timer_window_items_max = rng.Percent(50) ? rng.Between(1, 4) : 100'000;
  options.reconnect_grace_ms = rng.Between(1, 3'000);
  return options;
}

CrashWorld::CrashWorld(uint64_t seed)
    : rng_(seed),
      server_(OptionsOf(rng_, seed), static_cast<uint32_t>(rng_.Between(1, 2))),
      clients_(&server_, &rng_, &promises_),
      workers_(&server_, &rng_, &promises_) {}

void CrashWorld::Run() {
  for (int step = 0; step < kSteps && !Test::HasFailure(); ++step) Step();
  if (!Test::HasFailure()) Finish();
}

void CrashWorld::Step() {
  const int64_t what = rng_.Below(100);
  if (what < 20) return clients_.Step();
  if (what < 60) return workers_.Step();
  if (what < 70) return MoveClock();
  if (what < 96) return RunMachine();
  Crash();
}

void CrashWorld::RunMachine() {
  const int64_t what = rng_.Below(10);
  if (what < 3) return server_.Drain();
  if (what < 5) {
    server_.Commit();
    return;
  }
  if (what < 8) {
    server_.Drain();
    server_.Commit();
    return;
  }
  server_.Settle();
}

void CrashWorld::MoveClock() {
  const int64_t what = rng_.Below(10);
  FakeClock::Advance(what < 7 ? rng_.Between(1, 50)
                              : (what < 9 ? rng_.Between(50, 2'000) : rng_.Between(2'000, 30'000)));
}

// The process dies: with work staged, in the middle of a commit, or after one whose outcome nobody learned.
void CrashWorld::Crash() {
  ++crashes_;
  const int64_t how = rng_.Below(4);
  if (how == 0) server_.Drain();
  if (how == 1 || how == 2) {
    storage::FaultPlan plan;
    plan.FailCommit(1);
    if (how == 2) plan.AfterWriting();
    server_.store().Inject(plan);
    server_.Drain();
    server_.Commit();
  }
  if (how == 3) server_.Commit();
  // What was released and not looked at by dispatch yet is lost as well; replies went out.
  server_.Crash();
  server_.store().Inject(storage::FaultPlan());
  server_.store().Reopen();
  clients_.LoseReplies();
  workers_.LoseServer();
  Check();
  if (rng_.Percent(20)) FakeClock::Advance(rng_.Between(1, 20'000));
  const bool hold = rng_.Percent(70);
  server_.Recover(hold);
  if (rng_.Percent(15)) {
    // And again, before anything could be done.
    if (rng_.Percent(50)) server_.Commit();
    server_.Crash();
    Check();
    server_.Recover(hold);
  }
  workers_.ComeBack(hold);
}

void CrashWorld::Check() {
  for (uint32_t p = 0; p < server_.partitions(); ++p)
    EXPECT_THAT(Disk(server_.store(), p, server_.partitions()).Problems(), IsEmpty());
  EXPECT_THAT(promises_.Problems(server_.store(), server_.partitions()), IsEmpty());
}

// Runs that wait for nothing but a signal would wait for ever. All others have to find their way by
// themselves.
void CrashWorld::WakeParkedRuns() {
  for (uint32_t p = 0; p < server_.partitions(); ++p) {
    const Disk disk(server_.store(), p);
    for (const uint64_t run : disk.Runs()) {
      const engine::RunState s = *disk.Fold(run, false);
      if (!s.open() || !s.tasks.empty() || !s.timers.empty() || !s.steps.empty() || !s.unconsumed.empty())
        continue;
      server_.Signal(s.started().workflow_id(), "go", "", s.started().run_id());
    }
  }
}

bool CrashWorld::AllClosed() {
  for (uint32_t p = 0; p < server_.partitions(); ++p) {
    const Disk disk(server_.store(), p);
    for (const uint64_t run : disk.Runs()) {
      if (disk.ListRow(run)->status() == v1::RUN_STATUS_RUNNING) return false;
    }
  }
  return true;
}

void CrashWorld::Finish() {
  workers_.Finish();
  server_.Settle();
  WakeParkedRuns();
  for (int round = 0; round < kFinishRounds && !AllClosed(); ++round) {
    workers_.ServeAll();
    FakeClock::Advance(1'000);
  }
  EXPECT_TRUE(AllClosed()) << "a run is stuck";
  workers_.ServeAll();
  clients_.Collect();
  server_.Checkpoint();
  server_.Checkpoint();
  Check();
  for (uint32_t p = 0; p < server_.partitions(); ++p) {
    const Disk disk(server_.store(), p);
    EXPECT_THAT(disk.Leftovers(), IsEmpty());
    runs_ += static_cast<int64_t>(disk.Runs().size());
  }
  server_.Restart();
  server_.Advance(8LL * 24 * 3600 * 1000);
  for (uint32_t p = 0; p < server_.partitions(); ++p) {
    const Disk disk(server_.store(), p);
    for (const auto kind : {storage::KeyKind::kLog, storage::KeyKind::kList, storage::KeyKind::kId,
                            storage::KeyKind::kExpiry}) {
      EXPECT_EQ(disk.Count(kind), 0u) << "rows of kind " << static_cast<int>(kind);
    }
  }
}

}  // namespace perdure::partition::testing
