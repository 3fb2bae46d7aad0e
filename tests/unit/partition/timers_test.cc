// Timers and delays: in memory, on disk only, many at once; and eviction, which puts them there.
#include <map>

#include "tests/unit/partition/fixture.h"

namespace perdure::partition::testing {
namespace {

class TimersTest : public PartitionTest {
 protected:
  explicit TimersTest(PartitionOptions options = TestOptions()) : PartitionTest(options) {}

  size_t Fired(uint64_t run) {
    size_t fired = 0;
    for (const v1::Event& event : disk().History(run)) fired += event.has_timer_fired();
    return fired;
  }
  int64_t Wakeups() { return server.Metric("perdure_partition_wakeups"); }
  int64_t Cached() { return server.Metric("perdure_partition_cached_runs"); }
};

TEST_F(TimersTest, ATimerFiresWhenDueAndNotBefore) {
  StartSleeper("order-1", 1'000);
  server.Advance(999);
  EXPECT_EQ(Fired(1), 0u);
  server.Advance(1);
  EXPECT_EQ(Fired(1), 1u);
  server.Advance(10'000);
  EXPECT_EQ(Fired(1), 1u);
}

TEST_F(TimersTest, ATimerThatFellDueWhileTheServerWasDownFiresOnce) {
  StartSleeper("from the journal", 1'000);
  server.Crash();
  FakeClock::Advance(5'000);
  server.Recover();
  server.Settle();
  EXPECT_EQ(Fired(1), 1u);
  StartSleeper("from its row", 100'000);
  server.Checkpoint();
  server.Crash();
  FakeClock::Advance(100'000);
  server.Recover();
  EXPECT_EQ(server.recovered()[0].runs, 1);  // the first one: its activation is out
  server.Settle();
  EXPECT_EQ(Fired(2), 1u);
  server.Restart();
  server.Advance(1'000);
  EXPECT_EQ(Fired(1) + Fired(2), 2u);
}

TEST_F(TimersTest, ADelayedStartBeginsWhenItsTimeHasCome) {
  server.Start(StartOf("order-1").Delay(10'000));
  server.Settle();
  EXPECT_FALSE(worker.Offered(Work::Kind::kActivation));
  server.Signal("order-1", "paid");
  server.Settle();
  EXPECT_FALSE(worker.Offered(Work::Kind::kActivation));
  // On disk only.
  server.Checkpoint();
  server.Restart();
  EXPECT_EQ(Cached(), 0);
  server.Advance(4'999);
  EXPECT_FALSE(worker.Offered(Work::Kind::kActivation));
  server.Advance(1);
  EXPECT_EQ(worker.GetActivation("order-1").events_size(), 2);
}

TEST_F(TimersTest, ADelayedStartSurvivesACrashAfterItBegan) {
  server.Start(StartOf("order-1").Delay(10'000));
  server.Checkpoint();
  server.Advance(10'000);
  ASSERT_TRUE(worker.Offered(Work::Kind::kActivation, "order-1"));
  for (int i = 0; i < 3; ++i) {
    server.Restart();
    server.Settle();
    EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "order-1"));
    server.Checkpoint();
  }
}

TEST_F(TimersTest, ADescribedRunStillWakesUp) {
  StartSleeper("order-1", 100'000);
  server.Checkpoint();
  server.Restart();
  server.Describe("order-1");
  server.Settle();
  EXPECT_EQ(Cached(), 1);
  server.Advance(100'000);
  EXPECT_EQ(Fired(1), 1u);
}

TEST_F(TimersTest, CancelledTimersLeaveNoRow) {
  worker.StartAndPlay(StartOf("order-1"), {Timer(100'000)});
  server.Checkpoint();
  EXPECT_EQ(disk().Count(KeyKind::kTimer), 1u);
  server.Signal("order-1", "wake");
  worker.Play("order-1", {engine::testing::CancelTimer(1)});
  server.Checkpoint();
  EXPECT_EQ(disk().Count(KeyKind::kTimer), 0u);
  server.Restart();
  server.Advance(100'000);
  EXPECT_EQ(Fired(1), 0u);
}

TEST_F(TimersTest, TheTimerRowFollowsTheNextDeadline) {
  worker.StartAndPlay(StartOf("order-1"), {Timer(200'000), Timer(100'000), Timer(300'000)});
  server.Checkpoint();
  for (int i = 1; i <= 3; ++i) {
    ASSERT_THAT(disk().Keys(KeyKind::kTimer), SizeIs(1));
    EXPECT_EQ(storage::ParseTimerKey(disk().Keys(KeyKind::kTimer)[0])->due_ms,
              static_cast<uint64_t>(kStartMs + 100'000 * i));
    server.Restart();
    FakeClock::Set(kStartMs + 100'000 * i);
    server.Settle();
    EXPECT_EQ(Fired(1), static_cast<size_t>(i));
    worker.Play("order-1", {});
    server.Checkpoint();
  }
  EXPECT_THAT(disk().Keys(KeyKind::kTimer), IsEmpty());
}

TEST_F(TimersTest, TheWindowMovesOverWhatIsOnDisk) {
  // One timer every ten seconds, far beyond the window of a minute.
  for (int i = 1; i <= 60; ++i) StartSleeper("order-" + std::to_string(i), 10'000 * i);
  server.Checkpoint();
  server.Restart();
  server.Settle();
  EXPECT_LE(Wakeups(), 7);
  EXPECT_EQ(server.Metric("perdure_partition_loads_total"), 0);
  for (int i = 1; i <= 60; ++i) {
    FakeClock::Set(kStartMs + 10'000 * i - 1);
    server.Settle();
    EXPECT_EQ(Fired(static_cast<uint64_t>(i)), 0u);
    server.Advance(1);
    EXPECT_EQ(Fired(static_cast<uint64_t>(i)), 1u);
    EXPECT_LE(Wakeups(), 7);
  }
}

TEST_F(TimersTest, AStepOfTheClockOverManyWindowsMissesNothing) {
  for (int i = 1; i <= 60; ++i) StartSleeper("order-" + std::to_string(i), 10'000 * i);
  server.Checkpoint();
  server.Restart();
  server.Settle();
  server.Advance(600'000);
  for (uint64_t run = 1; run <= 60; ++run) EXPECT_EQ(Fired(run), 1u) << run;
}

class SmallWindowTest : public TimersTest {
 protected:
  static PartitionOptions Options() {
    PartitionOptions options = TestOptions();
    options.timer_window_items_max = 10;
    return options;
  }
  SmallWindowTest() : TimersTest(Options()) {}
};

TEST_F(SmallWindowTest, HoldsNoMoreThanItsItemsInMemory) {
  for (int i = 1; i <= 100; ++i) StartSleeper("order-" + std::to_string(i), 10'000 + 100 * i);
  server.Checkpoint();
  server.Restart();
  for (int i = 0; i < 50; ++i) {
    server.Settle();
    EXPECT_LE(Wakeups(), 11);
  }
  // Each one in its time, though the window was full when it came near.
  for (int i = 1; i <= 100; ++i) {
    FakeClock::Set(kStartMs + 10'000 + 100 * i);
    server.Settle();
    EXPECT_EQ(Fired(static_cast<uint64_t>(i)), 1u) << i;
    EXPECT_LE(Wakeups(), 11);
    worker.Play("order-" + std::to_string(i), {Complete()});
  }
}

TEST_F(SmallWindowTest, ManyThatFallDueInTheSameMillisecondAllFire) {
  for (int i = 1; i <= 50; ++i) StartSleeper("order-" + std::to_string(i), 100'000);
  for (int i = 51; i <= 60; ++i) StartSleeper("order-" + std::to_string(i), 100'001);
  server.Checkpoint();
  server.Restart();
  server.Settle();
  FakeClock::Set(kStartMs + 100'000);
  server.Settle();
  for (uint64_t run = 1; run <= 60; ++run) EXPECT_EQ(Fired(run), run <= 50 ? 1u : 0u) << run;
  server.Advance(1);
  for (uint64_t run = 1; run <= 60; ++run) EXPECT_EQ(Fired(run), 1u) << run;
}

// ---- eviction ----

class TinyCacheTest : public TimersTest {
 protected:
  static PartitionOptions Options() {
    PartitionOptions options = TestOptions();
    options.run_cache_bytes_max = 20'000;
    return options;
  }
  TinyCacheTest() : TimersTest(Options()) {}
  int64_t CachedBytes() { return server.Metric("perdure_partition_cached_bytes"); }
};

TEST_F(TinyCacheTest, HundredsOfSleepersCostDiskAndEachTimerFiresOnce) {
  constexpr int kRuns = 400;
  for (int i = 1; i <= kRuns; ++i) {
    // Some within the window that is in memory, some beyond.
    StartSleeper("order-" + std::to_string(i), 1'000 + (i * 7'919) % 200'000);
    EXPECT_LE(CachedBytes(), 40'000);
  }
  EXPECT_GT(server.Metric("perdure_partition_evictions_total"), kRuns / 2);
  int64_t most = 0;
  for (int step = 0; step < 450; ++step) {
    server.Advance(500);
    most = std::max(most, CachedBytes());
    while (auto work = worker.Get(Work::Kind::kActivation)) worker.Advance(*work->activation, {});
    if (step == 150) server.Restart();
  }
  EXPECT_LE(most, 40'000);
  for (uint64_t run = 1; run <= kRuns; ++run) EXPECT_EQ(Fired(run), 1u) << run;
}

TEST_F(TinyCacheTest, RunsAtRestLeaveMemoryAndComeBackForASignal) {
  for (int i = 1; i <= 300; ++i) {
    worker.StartAndPlay(StartOf("order-" + std::to_string(i)), {});
    EXPECT_LE(CachedBytes(), 40'000);
  }
  EXPECT_THAT(disk().Problems(), IsEmpty());
  for (int i = 1; i <= 300; ++i) {
    auto sent = server.Signal("order-" + std::to_string(i), "paid");
    server.Settle();
    ASSERT_TRUE(sent.ok()) << sent.status();
    worker.Play("order-" + std::to_string(i), {Complete()});
    EXPECT_LE(CachedBytes(), 40'000);
  }
  server.Checkpoint();
  EXPECT_THAT(disk().Leftovers(), IsEmpty());
}

// A worker that parks a million runs drops as many coroutines, each long after its run left memory.
TEST_F(TinyCacheTest, ACoroutineThatIsGoneBringsNoRunBack) {
  for (int i = 1; i <= 100; ++i) {
    worker.StartAndPlay(StartOf("order-" + std::to_string(i)), {});
  }
  server.Checkpoint();
  ASSERT_LT(Cached(), 100);
  for (uint64_t run = 1; run <= 100; ++run) {
    server.Put(ForRun<engine::CoroutineGoneInput>{run, {7}});
  }
  server.Settle();
  EXPECT_EQ(server.Metric("perdure_partition_loads_total"), 0);
}

TEST_F(TinyCacheTest, ARunWhoseRowsAreNotDurableStaysInMemory) {
  for (int i = 1; i <= 100; ++i) {
    worker.StartAndPlay(StartOf("order-" + std::to_string(i)), {});
  }
  // No commit comes through: nothing may be dropped, or a load would find the past.
  std::vector<Answer<v1::SignalWorkflowResponse>> sent;
  for (int i = 1; i <= 100; ++i) {
    sent.push_back(server.Signal("order-" + std::to_string(i), "paid", "s"));
    server.Drain();
  }
  for (int i = 1; i <= 100; ++i) {
    sent.push_back(server.Signal("order-" + std::to_string(i), "paid", "s"));
    server.Drain();
  }
  server.Settle();
  for (const auto& s : sent) EXPECT_TRUE(s.ok());
  for (uint64_t run = 1; run <= 100; ++run) {
    EXPECT_EQ(disk().History(run).size(), 3u) << run;
  }
}

TEST_F(TinyCacheTest, RunsInSomebodysHandsStay) {
  for (int i = 1; i <= 100; ++i) server.Start(StartOf("order-" + std::to_string(i)));
  server.Settle();
  server.Checkpoint();
  EXPECT_EQ(Cached(), 100);
  EXPECT_EQ(server.Metric("perdure_partition_hot_runs"), 100);
  for (int i = 1; i <= 100; ++i) worker.Play("order-" + std::to_string(i), {});
  server.Checkpoint();
  server.Settle();
  EXPECT_LT(Cached(), 100);
  EXPECT_EQ(server.Metric("perdure_partition_loads_total"), 0);
}

}  // namespace
}  // namespace perdure::partition::testing
