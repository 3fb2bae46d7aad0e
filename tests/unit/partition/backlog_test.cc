// Work beyond the window of its queue: it waits on disk, and is offered again exactly once.
#include "tests/unit/partition/fixture.h"

namespace perdure::partition::testing {
namespace {

class BacklogTest : public PartitionTest {
 protected:
  const std::string task_queue = QueueKey(kNamespace, kTaskQueue, WorkKind::kTask, "charge");
  const std::string activation_queue = QueueKey(kNamespace, kTaskQueue, WorkKind::kActivation, kType);

  // Starts a run whose task finds no room in its queue.
  void SpillTask(const std::string& id) {
    worker.StartAndPlay(StartOf(id), {Schedule("charge")});
    worker.Spilled(worker.GetTask(id, 1).token());
    server.Settle();
  }
  void SpillActivation(const std::string& id) {
    server.Start(StartOf(id));
    server.Settle();
    worker.Spilled(worker.GetActivation(id).token());
    server.Settle();
  }
  // What dispatch was told last about the backlog of the queue.
  std::optional<bool> More(const std::string& queue) {
    std::optional<bool> more;
    while (auto told = worker.Get(Work::Kind::kRefilled)) {
      if (told->queue == queue) more = told->more;
    }
    return more;
  }
};

TEST_F(BacklogTest, SpilledWorkIsOfferedAgainOnRequestInTheOrderItCame) {
  for (int i = 1; i <= 5; ++i) {
    SpillTask("order-" + std::to_string(i));
    server.Advance(1);
  }
  EXPECT_EQ(disk().Count(KeyKind::kReady), 5u);
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask));
  worker.Refill(task_queue, 3);
  server.Drain();
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask));
  server.Commit();
  EXPECT_EQ(worker.CountOffered(Work::Kind::kTask), 3u);
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(worker.Offered(Work::Kind::kTask, "order-" + std::to_string(i)));
  EXPECT_EQ(More(task_queue), true);
  EXPECT_EQ(disk().Count(KeyKind::kReady), 2u);
  worker.Refill(task_queue, 10);
  server.Settle();
  EXPECT_EQ(worker.CountOffered(Work::Kind::kTask), 5u);
  EXPECT_EQ(More(task_queue), false);
  EXPECT_EQ(disk().Count(KeyKind::kReady), 0u);
}

TEST_F(BacklogTest, TheRefillIsToldAfterWhatItOffers) {
  SpillTask("order-1");
  More(task_queue);
  worker.Refill(task_queue, 1);
  server.Settle();
  ASSERT_EQ(server.outbox().work.size(), 2u);
  EXPECT_EQ(server.outbox().work[0].kind, Work::Kind::kTask);
  EXPECT_EQ(server.outbox().work[1].kind, Work::Kind::kRefilled);
  EXPECT_EQ(server.outbox().work[1].count, 1);
}

TEST_F(BacklogTest, SpilledActivationsToo) {
  SpillActivation("order-1");
  server.Signal("order-1", "paid");
  server.Settle();
  EXPECT_FALSE(worker.Offered(Work::Kind::kActivation));
  worker.Refill(activation_queue, 10);
  server.Settle();
  EXPECT_EQ(worker.GetActivation("order-1").events_size(), 2);
}

TEST_F(BacklogTest, ARefillThatComesBeforeTheSpillIsDurableFindsItInTheEnd) {
  worker.StartAndPlay(StartOf("order-1"), {Schedule("charge")});
  worker.Spilled(worker.GetTask("order-1", 1).token());
  server.Drain();
  worker.Refill(task_queue, 10);
  server.Drain();
  server.Settle();
  // Dispatch must know that there is something, now that it can be found.
  EXPECT_EQ(More(task_queue), true);
  worker.Refill(task_queue, 10);
  server.Settle();
  EXPECT_TRUE(worker.Offered(Work::Kind::kTask, "order-1"));
  EXPECT_EQ(More(task_queue), false);
}

TEST_F(BacklogTest, TwoRefillsAtOnceOfferEachItemOnce) {
  for (int i = 1; i <= 4; ++i) SpillTask("order-" + std::to_string(i));
  worker.Refill(task_queue, 2);
  server.Drain();
  worker.Refill(task_queue, 4);
  server.Drain();
  server.Settle();
  EXPECT_EQ(worker.CountOffered(Work::Kind::kTask), 4u);
}

TEST_F(BacklogTest, TheBacklogIsFoundAgainAfterACrash) {
  SpillTask("order-1");
  SpillActivation("order-2");
  server.Checkpoint();
  EXPECT_THAT(disk().ReadJournal().dirty, IsEmpty());
  server.Restart();
  EXPECT_EQ(server.recovered()[0].runs, 0);
  server.Settle();
  EXPECT_EQ(server.Metric("perdure_partition_loads_total"), 0);
  EXPECT_EQ(worker.CountOffered(Work::Kind::kRefilled), 2u);
  EXPECT_EQ(More(task_queue), true);
  worker.Refill(task_queue, 10);
  worker.Refill(activation_queue, 10);
  server.Settle();
  EXPECT_EQ(worker.CountOffered(Work::Kind::kTask), 1u);
  EXPECT_EQ(worker.CountOffered(Work::Kind::kActivation), 1u);
  // What was offered is in the journal by now: it survives the next crash.
  server.Restart();
  server.Settle();
  EXPECT_TRUE(worker.Offered(Work::Kind::kTask, "order-1"));
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "order-2"));
}

TEST_F(BacklogTest, ACrashBeforeTheRefillIsDurableOffersItOnceMore) {
  SpillTask("order-1");
  server.Checkpoint();
  worker.Refill(task_queue, 10);
  server.Drain();
  server.Restart();
  server.Settle();
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask));
  EXPECT_EQ(More(task_queue), true);
  worker.Refill(task_queue, 10);
  server.Settle();
  EXPECT_TRUE(worker.Offered(Work::Kind::kTask, "order-1"));
}

TEST_F(BacklogTest, ARunThatClosedMeanwhileStaysClosed) {
  SpillTask("order-1");
  server.Terminate("order-1");
  server.Settle();
  worker.Refill(task_queue, 10);
  server.Settle();
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask));
  EXPECT_EQ(disk().Count(KeyKind::kReady), 0u);
  server.Checkpoint();
  EXPECT_THAT(disk().Leftovers(), IsEmpty());
  server.Restart();
  auto described = server.Describe("order-1");
  auto result = server.Result("order-1", 1'000);
  server.Settle();
  EXPECT_EQ(described->summary().status(), v1::RUN_STATUS_TERMINATED);
  EXPECT_EQ(result->status(), v1::RUN_STATUS_TERMINATED);
}

TEST_F(BacklogTest, ARunThatWasDeletedMeanwhileIsPassedOver) {
  worker.StartAndPlay(StartOf("order-1").Retention(600'000), {Schedule("charge")});
  worker.Spilled(worker.GetTask("order-1", 1).token());
  server.Terminate("order-1");
  server.Checkpoint();
  server.Advance(720'000);
  ASSERT_THAT(disk().Runs(), IsEmpty());
  worker.Refill(task_queue, 10);
  server.Settle();
  EXPECT_EQ(disk().Count(KeyKind::kReady), 0u);
  EXPECT_EQ(More(task_queue), false);
}

// A task waited on disk, its backoff behind it; then the machine came up with a clock that was set back.
TEST_F(BacklogTest, ATaskWhoseBackoffIsNotOverAnyMoreIsNotForgotten) {
  worker.StartAndPlay(StartOf("order-1"), {Schedule("charge").Retry(Policy().Initial(60'000))});
  worker.Fail(worker.TakeTask("order-1", 1), Error("Busy"));
  server.Settle();
  server.Advance(60'000);
  worker.Spilled(worker.GetTask("order-1", 1).token());
  server.Settle();
  server.Checkpoint();
  FakeClock::Advance(-50'000);
  server.Restart();
  worker.Refill(task_queue, 10);
  server.Settle();
  EXPECT_EQ(disk().Count(KeyKind::kReady), 0u);
  EXPECT_THAT(disk().Problems(), IsEmpty());
  server.Restart();
  server.Advance(60'000);
  EXPECT_TRUE(worker.Offered(Work::Kind::kTask, "order-1", 1));
}

TEST_F(BacklogTest, ACancelledTaskIsNotOfferedAgain) {
  SpillTask("order-1");
  server.Signal("order-1", "stop");
  worker.Play("order-1", {engine::testing::CancelTask(1)});
  worker.Refill(task_queue, 10);
  server.Settle();
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask));
}

TEST_F(BacklogTest, OtherQueuesAreLeftAlone) {
  SpillTask("order-1");
  worker.Refill(QueueKey(kNamespace, kTaskQueue, WorkKind::kTask, "charge2"), 10);
  worker.Refill(QueueKey(kNamespace, "orders2", WorkKind::kTask, "charge"), 10);
  server.Settle();
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask));
}

// A thousand waiting items cost disk, not memory.
class EvictedBacklogTest : public BacklogTest {
 protected:
  static PartitionOptions Options() {
    PartitionOptions options = TestOptions();
    options.run_cache_bytes_max = 20'000;
    return options;
  }
  EvictedBacklogTest() : small(Options()), hands(&small) {}
  TestServer small;
  FakeWorker hands;
};

TEST_F(EvictedBacklogTest, SpilledRunsLeaveMemoryAndAreRefilled) {
  for (int i = 0; i < 1'000; ++i) {
    small.Start(StartOf("order-" + std::to_string(i)));
    small.Settle();
    hands.Spilled(hands.Get(Work::Kind::kActivation)->activation->token());
    small.Settle();
  }
  EXPECT_LE(small.Metric("perdure_partition_cached_bytes"), 40'000);
  EXPECT_THAT(Disk(small.store()).Problems(), IsEmpty());
  int offered = 0;
  for (int i = 0; i < 1'000 && Disk(small.store()).Count(KeyKind::kReady) > 0; ++i) {
    hands.Refill(activation_queue, 10);
    small.Settle();
    while (auto work = hands.Get(Work::Kind::kActivation)) {
      ++offered;
      hands.Advance(*work->activation, {Complete()});
    }
    small.Settle();
    EXPECT_LE(small.Metric("perdure_partition_cached_bytes"), 60'000);
  }
  EXPECT_EQ(offered, 1'000);
  small.Checkpoint();
  EXPECT_THAT(Disk(small.store()).Leftovers(), IsEmpty());
}

}  // namespace
}  // namespace perdure::partition::testing
