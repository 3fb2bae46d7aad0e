// Checkpoints and recovery: the journal stays short, and whenever the process dies every open run is found
// again.
#include "tests/unit/partition/fixture.h"

namespace perdure::partition::testing {
namespace {

class CheckpointTest : public PartitionTest {
 protected:
  int64_t Loads() { return server.Metric("perdure_partition_loads_total"); }
};

TEST_F(CheckpointTest, TheJournalShrinksAndRestingRunsLeaveIt) {
  for (int i = 0; i < 20; ++i) StartSleeper("order-" + std::to_string(i), 3'600'000);
  EXPECT_EQ(disk().Count(KeyKind::kDirty), 20u);
  EXPECT_EQ(disk().ReadJournal().dirty.size(), 20u);
  EXPECT_EQ(disk().Count(KeyKind::kHead), 0u);
  server.Checkpoint();
  EXPECT_EQ(disk().Count(KeyKind::kDirty), 1u);
  EXPECT_THAT(disk().ReadJournal().dirty, IsEmpty());
  EXPECT_EQ(disk().Count(KeyKind::kHead), 20u);
  EXPECT_EQ(disk().Count(KeyKind::kTimer), 20u);
}

TEST_F(CheckpointTest, AnIdleServerWritesNothing) {
  StartSleeper("order-1", 3'600'000);
  server.Checkpoint();
  const uint64_t commits = server.store().Stats().commits;
  for (int i = 0; i < 100; ++i) server.Advance(1'000);
  EXPECT_EQ(server.store().Stats().commits, commits);
}

TEST_F(CheckpointTest, RunsInSomebodysHandsStayListed) {
  worker.StartAndPlay(StartOf("order-1"), {Schedule("charge")});
  worker.TakeTask("order-1", 1);
  server.Start(StartOf("order-2"));
  worker.StartAndPlay(StartOf("order-3"), {Step("compute")});
  StartSleeper("sleeper", 3'600'000);
  for (int i = 0; i < 3; ++i) {
    server.Checkpoint();
    EXPECT_THAT(disk().ReadJournal().dirty, ElementsAre(1, 2, 3));
    server.Signal("sleeper", "keeps the checkpoints coming");
    worker.Play("sleeper", {});
  }
  server.Checkpoint();
  server.Restart();
  EXPECT_EQ(server.recovered()[0].runs, 3);
  EXPECT_EQ(Loads(), 3);
  server.Settle();
  EXPECT_TRUE(worker.Offered(Work::Kind::kTask, "order-1", 1));
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "order-2"));
  EXPECT_EQ(worker.GetActivation("order-3").pending_steps_size(), 1);
}

TEST_F(CheckpointTest, ClosedRunsAreNotLoaded) {
  for (int i = 0; i < 50; ++i) worker.StartAndPlay(StartOf("order-" + std::to_string(i)), {Complete()});
  server.Restart();
  EXPECT_EQ(server.recovered()[0].runs, 0);
  EXPECT_EQ(server.recovered()[0].closed, 50);
  EXPECT_EQ(Loads(), 0);
  server.Checkpoint();
  EXPECT_THAT(disk().Leftovers(), IsEmpty());
  server.Restart();
  EXPECT_EQ(server.recovered()[0].closed, 0);
}

TEST_F(CheckpointTest, RecoveryIsBoundedByWhatIsGoingOnNotByWhatExists) {
  for (int i = 0; i < 3'000; ++i) {
    server.Start(StartOf("sleeper-" + std::to_string(i)));
  }
  server.Settle();
  while (auto work = worker.Get(Work::Kind::kActivation))
    worker.Advance(*work->activation, {Timer(3'600'000)});
  server.Settle();
  server.Checkpoint();
  worker.StartAndPlay(StartOf("busy"), {Schedule("charge")});
  server.Restart();
  server.Settle();
  EXPECT_EQ(server.recovered()[0].runs, 1);
  EXPECT_EQ(Loads(), 1);
  EXPECT_EQ(server.Metric("perdure_partition_cached_runs"), 1);
  EXPECT_LE(server.Metric("perdure_partition_wakeups"), 1);
}

TEST_F(CheckpointTest, ARunThatChangesDuringACheckpointIsInTheNextOne) {
  // More than one slice, so that the checkpoint takes several drains.
  for (int i = 0; i < 600; ++i) server.Start(StartOf("order-" + std::to_string(i)).Delay(3'600'000));
  server.Settle();
  FakeClock::Advance(server.options().checkpoint_interval_ms);
  server.Drain();
  server.Commit();
  EXPECT_LT(disk().Count(KeyKind::kHead), 600u);
  for (int i = 0; i < 600; ++i) server.Signal("order-" + std::to_string(i), "paid");
  server.Drain();
  server.Commit();
  EXPECT_THAT(disk().Problems(), IsEmpty());
  for (int i = 0; i < 4; ++i) {
    server.Drain();
    server.Commit();
    EXPECT_THAT(disk().Problems(), IsEmpty());
  }
  server.Checkpoint();
  server.Checkpoint();
  EXPECT_THAT(disk().ReadJournal().dirty, IsEmpty());
}

TEST_F(CheckpointTest, AHeadMayLagBehindTheHistory) {
  worker.StartAndPlay(StartOf("order-1"), {Schedule("charge"), Timer(3'600'000)});
  const v1::TaskDelivery task = worker.TakeTask("order-1", 1);
  worker.Fail(task, Error("Busy"));
  server.Checkpoint();
  server.Advance(1'000);
  worker.Fail(worker.TakeTask("order-1", 1), Error("Busy"));
  server.Signal("order-1", "paid");
  worker.Play("order-1", {Timer(1'000)});
  auto before = server.Describe("order-1");
  server.Settle();
  server.Restart();
  auto after = server.Describe("order-1");
  server.Settle();
  EXPECT_EQ(after->DebugString(), before->DebugString());
  EXPECT_EQ(after->pending_tasks(0).attempt(), 3);
}

TEST_F(CheckpointTest, ARunWithManyPendingItemsIsFoldedFromItsLog) {
  std::vector<v1::Command> timers;
  for (int i = 0; i < 200; ++i) timers.push_back(Timer(100'000 + i));
  worker.StartAndPlay(StartOf("order-1"), timers);
  server.Checkpoint();
  server.Restart();
  server.Advance(100'199);
  EXPECT_EQ(disk().History(1).size(), 202u);
  worker.Play("order-1", {Complete()});
  server.Checkpoint();
  EXPECT_THAT(disk().Leftovers(), IsEmpty());
}

// The process dies at each point around a checkpoint: between any two drains and any two commits.
TEST_F(CheckpointTest, ACrashAtAnyPointOfACheckpointFindsEveryOpenRun) {
  constexpr int kRuns = 300;
  for (int crash_at = 0; crash_at < 8; ++crash_at) {
    for (const bool commit : {false, true}) {
      TestServer s;
      FakeWorker w(&s);
      for (int i = 0; i < kRuns; ++i) s.Start(StartOf("order-" + std::to_string(i)));
      s.Settle();
      while (auto work = w.Get(Work::Kind::kActivation)) {
        const auto n = static_cast<int64_t>(work->activation->token().run());
        if (n % 3 == 0) w.Advance(*work->activation, {Timer(50'000 + n)});
        if (n % 3 == 1) w.Advance(*work->activation, {Schedule("charge")});
        if (n % 3 == 2) w.Advance(*work->activation, {Complete()});
      }
      s.Settle();
      FakeClock::Advance(s.options().checkpoint_interval_ms);
      for (int step = 0; step < crash_at; ++step) {
        s.Drain();
        if (step + 1 < crash_at || commit) s.Commit();
        EXPECT_THAT(Disk(s.store()).Problems(), IsEmpty()) << "crash " << crash_at << " step " << step;
      }
      s.Restart();
      s.Settle();
      EXPECT_EQ(w.CountOffered(Work::Kind::kTask), kRuns / 3u) << "crash " << crash_at << " " << commit;
      s.Advance(60'000);
      EXPECT_EQ(w.CountOffered(Work::Kind::kActivation), kRuns / 3u) << "crash " << crash_at << " " << commit;
      while (auto work = w.Get(Work::Kind::kTask)) w.Complete(*work->task, "1");
      s.Settle();
      while (auto work = w.Get(Work::Kind::kActivation)) w.Advance(*work->activation, {Complete()});
      s.Settle();
      s.Checkpoint();
      EXPECT_THAT(Disk(s.store()).Leftovers(), IsEmpty());
      EXPECT_THAT(Disk(s.store()).Problems(), IsEmpty());
    }
  }
}

TEST_F(CheckpointTest, ACrashRightAfterRecoveryLosesNothing) {
  worker.StartAndPlay(StartOf("order-1"), {Schedule("charge"), Timer(10'000)});
  for (int i = 0; i < 5; ++i) {
    server.Restart();
    if (i % 2 == 0) server.Settle();
    EXPECT_THAT(disk().Problems(), IsEmpty());
  }
  server.Restart();
  server.Advance(10'000);
  EXPECT_TRUE(worker.Offered(Work::Kind::kTask, "order-1", 1));
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "order-1"));
}

}  // namespace
}  // namespace perdure::partition::testing
