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
  const std::string was = *server.store().Get(storage::HeadKey(0, 1));
  Write(storage::HeadKey(0, 1), "\xff\xff not a head");
  server.Recover();
  worker.Refill(queue, 10);
  server.Settle();
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "b"));
  EXPECT_FALSE(worker.Offered(Work::Kind::kActivation, "a"));
  // Its row is what finds it once it can be read.
  EXPECT_EQ(disk().Count(KeyKind::kReady), 1u);
  server.Crash();
  Write(storage::HeadKey(0, 1), was);
  server.Recover();
  worker.Refill(queue, 10);
  server.Settle();
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "a"));
}

// ---- rows that parse, and do not fit together ----

TEST_F(UnreadableTest, AHeadThatNeverWasIsolatesItsRun) {
  for (const char* id : {"a", "b"}) StartSleeper(id, 100'000);
  server.Checkpoint();
  server.Crash();
  records::HeadRecord head;
  ASSERT_TRUE(head.ParseFromString(*server.store().Get(storage::HeadKey(0, 1))));
  // Read as it is, its timer would fire for ever.
  *head.add_timers() = head.timers(0);
  Write(storage::HeadKey(0, 1), head.SerializeAsString());
  server.Recover();
  server.Advance(100'000);
  EXPECT_FALSE(worker.Offered(Work::Kind::kActivation, "a"));
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "b"));
}

TEST_F(UnreadableTest, AResultOfARunThatIsOnlySaidToBeClosedIsDataLoss) {
  StartSleeper("a", 3'600'000);
  server.Checkpoint();
  server.Crash();
  records::ListRecord row = *disk().ListRow(1);
  row.set_status(v1::RUN_STATUS_COMPLETED);
  Write(storage::ListKey(0, kNamespace, 1), row.SerializeAsString());
  server.Recover();
  auto result = server.Result("a");
  server.Settle();
  EXPECT_TRUE(absl::IsDataLoss(result.status())) << result.status();
}

TEST_F(UnreadableTest, SoIsOneOfARunInMemory) {
  worker.StartAndPlay(StartOf("a"), {Complete()});
  StartSleeper("b", 3'600'000);
  server.Crash();
  // The id and the list row of the one lead to the history of the other.
  records::IdRecord id = *disk().IdRow("a");
  id.set_run(2);
  Write(storage::IdKey(0, kNamespace, "a"), id.SerializeAsString());
  Write(storage::ListKey(0, kNamespace, 2), disk().ListRow(1)->SerializeAsString());
  server.Recover();
  auto result = server.Result("a");
  server.Settle();
  EXPECT_TRUE(absl::IsDataLoss(result.status())) << result.status();
}

TEST_F(UnreadableTest, RunsThatFollowEachOtherInACircleAreDataLoss) {
  worker.StartAndPlay(StartOf("a"), {Complete()});
  server.Crash();
  records::ListRecord row = *disk().ListRow(1);
  row.set_next_run_id(row.run_id());
  Write(storage::ListKey(0, kNamespace, 1), row.SerializeAsString());
  server.Recover();
  auto result = server.Result("a", 0, true);
  server.Settle();
  EXPECT_TRUE(absl::IsDataLoss(result.status())) << result.status();
}

TEST_F(UnreadableTest, AStartOverARunThatIsOnlySaidToBeOpenIsDataLoss) {
  worker.StartAndPlay(StartOf("a"), {Complete()});
  worker.StartAndPlay(StartOf("b"), {Complete()});
  server.Crash();
  // The id and the list row of one run lead to the history of another.
  records::IdRecord id = *disk().IdRow("a");
  records::ListRecord row = *disk().ListRow(1);
  id.set_run(2);
  row.set_status(v1::RUN_STATUS_RUNNING);
  Write(storage::IdKey(0, kNamespace, "a"), id.SerializeAsString());
  Write(storage::ListKey(0, kNamespace, 2), row.SerializeAsString());
  server.Recover();
  auto started = server.Start(StartOf("a").Conflict(v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING));
  server.Settle();
  EXPECT_TRUE(absl::IsDataLoss(started.status())) << started.status();
}

TEST_F(UnreadableTest, AHistoryInWrongOrderIsNotPagedForEver) {
  worker.StartAndPlay(StartOf("a"), {Complete()});
  server.Crash();
  records::LogRecord record;
  ASSERT_TRUE(record.ParseFromString(*server.store().Get(storage::LogKey(0, 1, 2))));
  *record.add_events() = record.events(0);
  Write(storage::LogKey(0, 1, 2), record.SerializeAsString());
  const absl::Status status = server.reader().ReadEvents(0, 1, 1, 1'000, 10, 1'000).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

TEST_F(UnreadableTest, ARunThatTheJournalDoesNotCountIsNotAnothers) {
  worker.StartAndPlay(StartOf("a"), {Schedule("charge")});
  server.Crash();
  for (const std::string& key : disk().Keys(KeyKind::kDirty)) {
    records::DirtyRecord record;
    ASSERT_TRUE(record.ParseFromString(*server.store().Get(key)));
    record.clear_next_run();
    Write(key, record.SerializeAsString());
  }
  server.Recover();
  EXPECT_EQ(server.recovered()[0].unreadable, 1);
}

TEST_F(UnreadableTest, AnExpiryRowOfARunThatCannotBeDeletesNothing) {
  worker.StartAndPlay(StartOf("a").Retention(10), {Complete()});
  server.Checkpoint();
  records::ExpiryRecord record;
  record.add_runs()->set_run(UINT64_MAX);
  record.mutable_runs(0)->set_namespace_(kNamespace);
  Write(storage::ExpiryKey(0, 1, 1), record.SerializeAsString());
  server.Advance(5'000);
  EXPECT_EQ(disk().Count(KeyKind::kExpiry), 0u);
}

TEST_F(UnreadableTest, AJournalThatCountsTooFarStopsTheStart) {
  worker.StartAndPlay(StartOf("a"), {Complete()});
  server.Crash();
  records::DirtyRecord record;
  record.set_next_run(UINT64_MAX);
  Write(storage::DirtyKey(0, 1'000), record.SerializeAsString());
  Recorder outbox;
  Committer committer(&server.store(), &outbox, server.options(), nullptr);
  Partition partition(0, &server.store(), &committer, server.options(), 1);
  EXPECT_TRUE(absl::IsDataLoss(partition.Recover(false).status()));
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
