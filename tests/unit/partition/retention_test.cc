// Closed runs are deleted after their retention, by range, and nothing else is.
#include "tests/unit/partition/fixture.h"

namespace perdure::partition::testing {
namespace {

constexpr int64_t kWeekMs = 7LL * 24 * 3600 * 1000;

class RetentionTest : public PartitionTest {
 protected:
  void RunToEnd(const std::string& id, int64_t retention_ms) {
    worker.StartAndPlay(StartOf(id).Retention(retention_ms), {Complete()});
  }
};

TEST_F(RetentionTest, DeletesHistoryListAndIdRows) {
  for (int i = 0; i < 100; ++i) RunToEnd("order-" + std::to_string(i), 600'000);
  server.Checkpoint();
  EXPECT_EQ(disk().Count(KeyKind::kExpiry), 1u);
  server.Advance(600'000 - 10'000);
  EXPECT_THAT(disk().Runs(), SizeIs(100));
  server.Advance(120'000);
  EXPECT_THAT(disk().Runs(), IsEmpty());
  for (const KeyKind kind : {KeyKind::kLog, KeyKind::kList, KeyKind::kId, KeyKind::kExpiry}) {
    EXPECT_EQ(disk().Count(kind), 0u) << static_cast<int>(kind);
  }
  EXPECT_EQ(server.Metric("perdure_partition_runs_deleted_total"), 100);
  auto described = server.Describe("order-1");
  auto again = server.Start(StartOf("order-1").Reuse(v1::ID_REUSE_POLICY_REJECT));
  server.Settle();
  EXPECT_TRUE(absl::IsNotFound(described.status())) << described.status();
  EXPECT_TRUE(again->started());
}

TEST_F(RetentionTest, DeletesByRangeNotRowByRow) {
  for (int i = 0; i < 100; ++i) RunToEnd("same-id", 600'000);
  server.Checkpoint();
  server.Advance(600'000 - 10'000);
  const uint64_t before = server.store().Stats().entries;
  server.Advance(120'000);
  EXPECT_THAT(disk().Runs(), IsEmpty());
  // The expiry row, the id row, one range of histories and one of list rows; and a row of the journal,
  // perhaps.
  EXPECT_LE(server.store().Stats().entries - before, 5u);
}

TEST_F(RetentionTest, KeepsTheServersDefaultWithoutOneOfItsOwn) {
  worker.StartAndPlay(StartOf("order-1"), {Complete()});
  server.Checkpoint();
  server.Advance(kWeekMs - 60'000);
  EXPECT_THAT(disk().Runs(), SizeIs(1));
  server.Advance(180'000);
  EXPECT_THAT(disk().Runs(), IsEmpty());
}

TEST_F(RetentionTest, AnIdLeadsToAnEarlierRunThatIsKeptLonger) {
  const auto first = StartOf("order-1").Retention(3'600'000).RequestId("r1");
  worker.StartAndPlay(first, {Complete()});
  worker.StartAndPlay(StartOf("order-1").Retention(1'000).RequestId("r2"), {Complete()});
  worker.StartAndPlay(StartOf("order-1").Retention(1'000).RequestId("r3"), {Complete()});
  server.Checkpoint();
  server.Advance(120'000);
  ASSERT_THAT(disk().Runs(), SizeIs(1));
  server.Restart();
  auto described = server.Describe("order-1");
  auto refused = server.Start(StartOf("order-1").Reuse(v1::ID_REUSE_POLICY_REJECT));
  auto repeated = server.Start(first);
  server.Settle();
  EXPECT_EQ(described->started().request_id(), "r1");
  EXPECT_TRUE(absl::IsAlreadyExists(refused.status())) << refused.status();
  EXPECT_FALSE(repeated->started());
  server.Advance(3'700'000);
  EXPECT_THAT(disk().Runs(), IsEmpty());
  EXPECT_EQ(disk().Count(KeyKind::kId), 0u);
}

TEST_F(RetentionTest, AnIdThatLeadsToALaterRunStays) {
  RunToEnd("order-1", 600'000);
  server.Checkpoint();
  auto open = server.Start(StartOf("order-1"));
  server.Settle();
  server.Advance(720'000);
  EXPECT_THAT(disk().Runs(), ElementsAre(2));
  EXPECT_EQ(disk().IdRow("order-1")->run_id(), open->run_id());
  auto described = server.Describe("order-1");
  server.Settle();
  EXPECT_EQ(described->summary().run_id(), open->run_id());
}

TEST_F(RetentionTest, AnIdThatIsTakenAgainInTheVeryDrainOfTheSweepStays) {
  RunToEnd("order-1", 600'000);
  server.Checkpoint();
  FakeClock::Advance(720'000);
  auto open = server.Start(StartOf("order-1"));
  server.Drain();
  server.Settle();
  EXPECT_THAT(disk().Runs(), ElementsAre(2));
  EXPECT_EQ(disk().IdRow("order-1")->run_id(), open->run_id());
}

TEST_F(RetentionTest, NeighboursThatAreOpenOrExpireLaterStay) {
  RunToEnd("a", 600'000);
  StartSleeper("open", 3'600'000);
  RunToEnd("b", 600'000);
  RunToEnd("later", kWeekMs);
  RunToEnd("c", 600'000);
  server.Checkpoint();
  server.Advance(720'000);
  EXPECT_THAT(disk().Runs(), ElementsAre(2, 4));
  EXPECT_TRUE(disk().IdRow("open") && disk().IdRow("later"));
  EXPECT_EQ(disk().Count(KeyKind::kId), 2u);
  EXPECT_EQ(disk().Count(KeyKind::kList), 2u);
}

TEST_F(RetentionTest, RunsClosedBeforeACrashAreDeletedToo) {
  RunToEnd("before the checkpoint", 600'000);
  server.Checkpoint();
  RunToEnd("after it", 600'000);
  server.Restart();
  server.Checkpoint();
  server.Restart();
  server.Advance(720'000);
  EXPECT_THAT(disk().Runs(), IsEmpty());
}

TEST_F(RetentionTest, ASweepThatIsLostIsDoneAgain) {
  RunToEnd("order-1", 600'000);
  server.Checkpoint();
  FakeClock::Advance(720'000);
  server.Drain();
  server.Restart();
  EXPECT_THAT(disk().Runs(), SizeIs(1));
  server.Settle();
  EXPECT_THAT(disk().Runs(), IsEmpty());
}

TEST_F(RetentionTest, ASweepWhoseCommitIsSlowIsNotHarmedByTheNext) {
  RunToEnd("order-1", 600'000);
  server.Checkpoint();
  FakeClock::Advance(720'000);
  server.Drain();
  FakeClock::Advance(5'000);
  auto started = server.Start(StartOf("order-1"));
  server.Drain();
  FakeClock::Advance(5'000);
  server.Drain();
  server.Settle();
  EXPECT_TRUE(started->started());
  EXPECT_THAT(disk().Runs(), ElementsAre(2));
  EXPECT_EQ(disk().IdRow("order-1")->run_id(), started->run_id());
}

TEST_F(RetentionTest, ADeletedRunIsGoneForThoseWhoAskedForItBefore) {
  RunToEnd("order-1", 600'000);
  server.Checkpoint();
  FakeClock::Advance(720'000);
  // The sweep is staged and not durable: the run can still be read from the store, and must not come back to
  // stay.
  server.Drain();
  auto meanwhile = server.Describe("order-1");
  server.Settle();
  auto after = server.Describe("order-1");
  auto again = server.Start(StartOf("order-1").Reuse(v1::ID_REUSE_POLICY_REJECT));
  server.Settle();
  EXPECT_TRUE(meanwhile.done());
  EXPECT_TRUE(absl::IsNotFound(after.status())) << after.status();
  EXPECT_TRUE(again.ok()) << again.status();
}

class BoundedSweepTest : public PartitionTest {
 protected:
  static PartitionOptions Options() {
    PartitionOptions options = TestOptions();
    options.retention_batch_max = 10;
    return options;
  }
  BoundedSweepTest() : PartitionTest(Options()) {}
};

TEST_F(BoundedSweepTest, ASweepDeletesABoundedNumberAndTheNextGoesOn) {
  // A row of its own for each group: they expire minutes apart.
  for (int group = 0; group < 5; ++group) {
    for (int i = 0; i < 10; ++i) {
      const std::string id = std::to_string(group) + "-" + std::to_string(i);
      worker.StartAndPlay(StartOf(id).Retention(600'000 + 120'000 * group), {Complete()});
    }
  }
  server.Checkpoint();
  FakeClock::Advance(3'600'000);
  for (size_t left : {40u, 30u, 20u, 10u, 0u}) {
    server.Settle();
    EXPECT_THAT(disk().Runs(), SizeIs(left));
    FakeClock::Advance(1'000);
  }
}

}  // namespace
}  // namespace perdure::partition::testing
