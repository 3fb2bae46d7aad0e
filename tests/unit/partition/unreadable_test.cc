// A record that cannot be read takes down its own run and no other.
#include "tests/unit/partition/fixture.h"

namespace perdure::partition::testing {
namespace {

class UnreadableTest : public PartitionTest {
 protected:
  void TearDown() override {}  // the disk is broken on purpose

  void Write(std::string_view key, std::string_view value) {
    storage::Batch batch;
    batch.Put(key, value);
    ASSERT_TRUE(server.store().Commit({&batch}).ok());
  }
  // The record that begins with this event. What it was.
  std::string Corrupt(uint64_t run, uint64_t first_event, std::string_view value = "\xff\xff not a record") {
    const auto key = storage::LogKey(0, run, first_event);
    std::string was = *server.store().Get(key);
    Write(key, value);
    return was;
  }
};

TEST_F(UnreadableTest, RecoveryGoesOnWithTheOthers) {
  for (const char* id : {"a", "b", "c"}) worker.StartAndPlay(StartOf(id), {Schedule("charge")});
  server.Crash();
  Corrupt(2, 2);
  server.Recover();
  EXPECT_EQ(server.recovered()[0].runs, 2);
  EXPECT_EQ(server.recovered()[0].unreadable, 1);
  server.Settle();
  EXPECT_TRUE(worker.Offered(Work::Kind::kTask, "a"));
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask, "b"));
  EXPECT_TRUE(worker.Offered(Work::Kind::kTask, "c"));
  auto described = server.Describe("b");
  auto signalled = server.Signal("b", "paid");
  auto other = server.Signal("a", "paid");
  server.Settle();
  EXPECT_TRUE(absl::IsDataLoss(described.status())) << described.status();
  EXPECT_TRUE(absl::IsDataLoss(signalled.status())) << signalled.status();
  EXPECT_TRUE(other.ok());
  EXPECT_GE(server.Metric("perdure_partition_unreadable_runs_total"), 2);
}

TEST_F(UnreadableTest, AGapInTheHistoryIsNoticed) {
  worker.StartAndPlay(StartOf("a"), {Timer(3'600'000)});
  server.Signal("a", "paid");
  server.Settle();
  server.Crash();
  storage::Batch batch;
  batch.Delete(storage::LogKey(0, 1, 2));
  ASSERT_TRUE(server.store().Commit({&batch}).ok());
  server.Recover();
  EXPECT_EQ(server.recovered()[0].unreadable, 1);
}

TEST_F(UnreadableTest, AnUnreadableRunIsFoundAgainOnceItCanBeRead) {
  // By a newer version of the server, say: checkpoints in between must not forget the run.
  for (const char* id : {"a", "b"}) worker.StartAndPlay(StartOf(id), {Schedule("charge")});
  server.Crash();
  const std::string was = Corrupt(2, 2);
  server.Recover();
  for (int i = 0; i < 3; ++i) {
    server.Signal("a", "paid");
    server.Checkpoint();
    server.Restart();
    server.Settle();
  }
  server.Crash();
  Write(storage::LogKey(0, 2, 2), was);
  server.Recover();
  server.Settle();
  EXPECT_TRUE(worker.Offered(Work::Kind::kTask, "b"));
}

TEST_F(UnreadableTest, ATimerOfAnUnreadableRunDoesNotStopTheOthers) {
  for (const char* id : {"a", "b", "c"}) StartSleeper(id, 100'000);
  server.Checkpoint();
  server.Crash();
  Write(storage::HeadKey(0, 2), "\xff\xff not a head");
  server.Recover();
  server.Advance(100'000);
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "a"));
  EXPECT_FALSE(worker.Offered(Work::Kind::kActivation, "b"));
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "c"));
}

TEST_F(UnreadableTest, AnUnreadableNoteIsolatesItsRun) {
  worker.StartAndPlay(StartOf("a"), {Schedule("charge")});
  worker.Fail(worker.TakeTask("a", 1), Error("Busy"));
  StartSleeper("b", 1'000);
  server.Crash();
  Write(storage::NoteKey(0, 1, 1), "\xff\xff not a note");
  server.Recover();
  EXPECT_EQ(server.recovered()[0].unreadable, 1);
  server.Advance(1'000);
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "b"));
}

TEST_F(UnreadableTest, AResultThatCannotBeReadIsDataLoss) {
  worker.StartAndPlay(StartOf("a"), {Complete()});
  server.Crash();
  Corrupt(1, 2);
  server.Recover();
  auto result = server.Result("a", 10'000);
  server.Settle();
  EXPECT_TRUE(absl::IsDataLoss(result.status())) << result.status();
}

TEST_F(UnreadableTest, AnAnswerToAnUnreadableRunIsAcknowledged) {
  worker.StartAndPlay(StartOf("a"), {Schedule("charge")});
  const v1::TaskDelivery task = worker.TakeTask("a", 1);
  server.Settle();
  server.Crash();
  Corrupt(1, 1);
  server.Recover(true);
  worker.TakenOver(task.token());
  const uint64_t answer = worker.Complete(task, "1");
  server.Settle();
  EXPECT_TRUE(worker.Acked(answer));
  EXPECT_TRUE(worker.Offered(Work::Kind::kCancelTask));
}

TEST_F(UnreadableTest, ABacklogPassesOverAnUnreadableRun) {
  const std::string queue = QueueKey(kNamespace, kTaskQueue, WorkKind::kActivation, kType);
  for (const char* id : {"a", "b"}) {
    server.Start(StartOf(id));
    server.Settle();
    worker.Spilled(worker.GetActivation(id).token());
    server.Settle();
  }
  server.Checkpoint();
  server.Crash();
  Write(storage::HeadKey(0, 1), "\xff\xff not a head");
  server.Recover();
  worker.Refill(queue, 10);
  server.Settle();
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "b"));
  EXPECT_EQ(disk().Count(KeyKind::kReady), 0u);
}

TEST_F(UnreadableTest, AJournalThatCannotBeReadStopsTheStart) {
  worker.StartAndPlay(StartOf("a"), {Complete()});
  server.Crash();
  Write(disk().Keys(KeyKind::kDirty).front(), "\xff\xff not a record");
  Recorder outbox;
  Committer committer(&server.store(), &outbox, server.options(), nullptr);
  Partition partition(0, &server.store(), &committer, server.options(), 1);
  const absl::StatusOr<RecoveryStats> stats = partition.Recover(false);
  EXPECT_TRUE(absl::IsDataLoss(stats.status())) << stats.status();
}

}  // namespace
}  // namespace perdure::partition::testing
