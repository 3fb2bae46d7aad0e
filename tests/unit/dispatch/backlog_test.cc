// A queue's window in memory, and the work beyond it.
#include "tests/unit/dispatch/harness.h"

namespace perdure::dispatch {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class BacklogTest : public DispatchTest {
 protected:
  // The partitions asked, and for how many items.
  std::vector<std::pair<uint32_t, int64_t>> Asked() const {
    std::vector<std::pair<uint32_t, int64_t>> asked;
    for (const auto& [partition, report] : upstream.posted) {
      if (const Refill* refill = std::get_if<Refill>(&report.what))
        asked.emplace_back(partition, refill->items);
    }
    return asked;
  }
  // A partition brings items back, as it does: right before its kRefilled, in one release.
  void BringBack(std::vector<Offering> offerings, bool more) {
    std::vector<Work> work;
    for (const Offering& offering : offerings) work.push_back(offering.Make());
    Work refilled;
    refilled.kind = Work::Kind::kRefilled;
    refilled.queue = work.front().queue;
    refilled.token.set_partition(offerings.front().Token().partition());
    refilled.count = static_cast<int64_t>(offerings.size());
    refilled.more = more;
    work.push_back(std::move(refilled));
    Release(std::move(work));
  }
};

TEST_F(BacklogTest, TheWindowIsBoundedByItems) {
  options.queue_window_max = 3;
  for (uint64_t n = 1; n <= 5; ++n) Offer(Task("charge", n).Partition(1));
  EXPECT_EQ(QueueOf("charge").depth(), 3);
  EXPECT_EQ(QueueOf("charge").spilled(), 2);
  EXPECT_THAT(upstream.Of<Spilled>(), ElementsAre(About(4), About(5)));
  EXPECT_EQ(upstream.posted.back().first, 1u);
}

TEST_F(BacklogTest, TheWindowIsBoundedByBytes) {
  options.queue_window_bytes_max = 12'000;
  for (uint64_t n = 1; n <= 5; ++n) Offer(Task("charge", n).Bytes(3'000));
  EXPECT_EQ(QueueOf("charge").depth(), 3);
  EXPECT_THAT(upstream.Of<Spilled>(), SizeIs(2));
}

TEST_F(BacklogTest, AllWindowsTogetherAreBounded) {
  options.queued_bytes_max = 12'000;
  for (uint64_t n = 1; n <= 3; ++n) Offer(Task("charge", n).Bytes(3'000));
  Offer(Task("ship", 11).Bytes(3'000));
  Offer(Task("ship", 12).Bytes(3'000));
  EXPECT_EQ(QueueOf("charge").depth(), 3);
  EXPECT_EQ(QueueOf("ship").depth(), 0) << "one in each of many queues would be without bound";
  EXPECT_THAT(upstream.Of<Spilled>(), ElementsAre(About(11), About(12)));
}

TEST_F(BacklogTest, ManyQueuesOfLargeItemsStayWithinTheLimitOfAll) {
  options.queued_bytes_max = 10 << 20;
  for (uint64_t n = 1; n <= 200; ++n) Offer(Task("type" + std::to_string(n), n).Bytes(3 << 20));
  int64_t in_memory = 0;
  for (uint64_t n = 1; n <= 200; ++n) in_memory += QueueOf("type" + std::to_string(n)).depth();
  EXPECT_EQ(in_memory, 3);
  EXPECT_THAT(upstream.Of<Spilled>(), SizeIs(197));
  for (int i = 0; i < 10; ++i) dispatcher().Tick();
  EXPECT_THAT(Asked(), IsEmpty()) << "there is no room for any of it";
}

TEST_F(BacklogTest, AnItemLargerThanTheLimitOfAllGetsInAlone) {
  options.queued_bytes_max = 12'000;
  Offer(Task("charge", 1).Bytes(50'000));
  EXPECT_EQ(QueueOf("charge").depth(), 1);
  Offer(Task("ship", 2).Bytes(10));
  EXPECT_EQ(QueueOf("ship").depth(), 0);
}

// Nothing of its own would ever make such a queue ask.
TEST_F(BacklogTest, AQueueWithoutRoomAsksWhenOthersLeaveSome) {
  options.queued_bytes_max = 12'000;
  for (uint64_t n = 1; n <= 3; ++n) Offer(Task("charge", n).Bytes(3'000));
  Offer(Task("ship", 11).Bytes(3'000));
  Offer(Task("pack", 21).Bytes(3'000));
  ASSERT_THAT(upstream.Of<Spilled>(), ElementsAre(About(11), About(21)));
  EXPECT_THAT(Asked(), IsEmpty());
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  EXPECT_THAT(Asked(), SizeIs(1)) << "the room is for one of the two";
  dispatcher().Tick();
  EXPECT_THAT(Asked(), SizeIs(1)) << "and stays his until he answers";
  BringBack({Task("ship", 111).Bytes(3'000)}, false);
  EXPECT_EQ(QueueOf("ship").depth(), 1);
  upstream.Forget();
  Withdraw(Task("charge", 2).Token());
  dispatcher().Tick();
  EXPECT_THAT(Asked(), ElementsAre(std::pair(0u, 1)));
  BringBack({Task("pack", 121).Bytes(3'000)}, false);
  EXPECT_EQ(QueueOf("pack").depth(), 1);
}

// Queues that nobody serves must not keep the work of others on disk.
TEST_F(BacklogTest, WithoutAnyRoomAFreeWorkerGetsWhatIsOnDisk) {
  options.queued_bytes_max = 12'000;
  for (uint64_t n = 1; n <= 3; ++n) Offer(Task("unserved", n).Bytes(3'000));
  for (uint64_t n = 11; n <= 15; ++n) Offer(Task("charge", n).Bytes(3'000));
  ASSERT_EQ(QueueOf("charge").depth(), 0);
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 2));
  ASSERT_THAT(Asked(), ElementsAre(std::pair(0u, 2))) << "as many as it takes";
  upstream.Forget();
  BringBack({Task("charge", 111).Bytes(3'000), Task("charge", 112).Bytes(3'000)}, true);
  const Inbox in = worker.Receive();
  EXPECT_THAT(Numbers(in.tasks), ElementsAre(111, 112));
  EXPECT_THAT(Asked(), IsEmpty()) << "it has no credits left";
  ASSERT_TRUE(worker.Answer(in.tasks.at(0), 1).ok());
  EXPECT_THAT(Asked(), ElementsAre(std::pair(0u, 1)));
}

TEST_F(BacklogTest, AnItemLargerThanTheWindowGetsInAlone) {
  options.queue_window_bytes_max = 1'000;
  Offer(Task("charge", 1).Bytes(50'000));
  Offer(Task("charge", 2).Bytes(50'000));
  EXPECT_EQ(QueueOf("charge").depth(), 1);
  EXPECT_THAT(upstream.Of<Spilled>(), ElementsAre(About(2)));
}

TEST_F(BacklogTest, ARefillIsAskedForOncePerPartitionAtHalfTheWindow) {
  options.queue_window_max = 8;
  for (uint64_t n = 1; n <= 8; ++n) Offer(Task("charge", n));
  Offer(Task("charge", 9).Partition(0));
  Offer(Task("charge", 10).Partition(1));
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  Inbox in = worker.Receive();
  for (uint64_t n = 1; n <= 2; ++n) {
    ASSERT_TRUE(worker.Answer(in.tasks.at(0), n).ok());
    in = worker.Receive();
  }
  EXPECT_EQ(QueueOf("charge").depth(), 5);
  EXPECT_THAT(Asked(), IsEmpty()) << "the window is still more than half full";
  ASSERT_TRUE(worker.Answer(in.tasks.at(0), 3).ok());
  EXPECT_THAT(Asked(), UnorderedElementsAre(std::pair(0u, 2), std::pair(1u, 2)));
  in = worker.Receive();
  ASSERT_TRUE(worker.Answer(in.tasks.at(0), 4).ok());
  EXPECT_THAT(Asked(), SizeIs(2)) << "both are asked already";
}

TEST_F(BacklogTest, ARefillIsAskedForAgainWhereMoreWaits) {
  options.queue_window_max = 4;
  for (uint64_t n = 1; n <= 10; ++n) Offer(Task("charge", n));
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 4));
  EXPECT_THAT(Asked(), ElementsAre(std::pair(0u, 2)));
  upstream.Forget();
  BringBack({Task("charge", 105), Task("charge", 106)}, true);
  EXPECT_EQ(QueueOf("charge").depth(), 2);
  EXPECT_THAT(Asked(), ElementsAre(std::pair(0u, 2)));
  upstream.Forget();
  BringBack({Task("charge", 107), Task("charge", 108)}, true);
  EXPECT_EQ(QueueOf("charge").depth(), 4);
  EXPECT_THAT(Asked(), IsEmpty()) << "the window is full";
  EXPECT_EQ(QueueOf("charge").spilled(), 2);
}

// When a partition looks for work on disk, what was spilled a moment ago may still be on its way there: the
// report in its mailbox, or the row in the batch that is being written. Believed at once, "no more" would
// leave it there for good.
TEST_F(BacklogTest, IsAskedForUntilNothingCanBeOnItsWayToDisk) {
  options.queue_window_max = 2;
  for (uint64_t n = 1; n <= 3; ++n) Offer(Task("charge", n));
  ASSERT_THAT(upstream.Of<Spilled>(), ElementsAre(About(3)));
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 2));
  ASSERT_THAT(Asked(), SizeIs(1));
  Refilled(Task("charge", 0), 0, false);
  ASSERT_THAT(Asked(), SizeIs(2)) << "the report may have come after the question";
  Refilled(Task("charge", 0), 0, false);
  ASSERT_THAT(Asked(), SizeIs(3)) << "the row may not have been durable";
  Refilled(Task("charge", 0), 0, false);
  EXPECT_THAT(Asked(), SizeIs(3));
  EXPECT_EQ(QueueOf("charge").spilled(), 0);
}

TEST_F(BacklogTest, IsLookedForAfterARestart) {
  Refilled(Task("charge", 0).Partition(1), 0, true);
  EXPECT_THAT(Asked(), ElementsAre(std::pair(1u, options.queue_window_max)));
  upstream.Forget();
  Refilled(Task("charge", 0).Partition(1), 0, false);
  EXPECT_THAT(Asked(), IsEmpty());
  dispatcher().Tick();
  EXPECT_EQ(QueueOf("charge").type(), "");
}

// Else work on disk would wait for as long as new work keeps the window more than half full.
TEST_F(BacklogTest, NewWorkGoesBehindWhatWaitsOnDisk) {
  options.queue_window_max = 4;
  for (uint64_t n = 1; n <= 5; ++n) Offer(Task("charge", n));
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  ASSERT_EQ(QueueOf("charge").depth(), 3);
  Offer(Task("charge", 6));
  EXPECT_EQ(QueueOf("charge").depth(), 3);
  EXPECT_THAT(upstream.Of<Spilled>(), ElementsAre(About(5), About(6)));

  ASSERT_TRUE(worker.Answer(worker.Receive().tasks.at(0), 1).ok());
  ASSERT_THAT(Asked(), SizeIs(1));
  BringBack({Task("charge", 105), Task("charge", 106)}, false);
  EXPECT_EQ(QueueOf("charge").depth(), 4);
  ASSERT_TRUE(worker.Answer(worker.Receive().tasks.at(0), 2).ok());
  Offer(Task("charge", 7));
  EXPECT_EQ(QueueOf("charge").depth(), 4) << "nothing older is on disk any more";
}

TEST_F(BacklogTest, NewWorkGoesToAFreeWorkerAllTheSame) {
  options.queue_window_max = 1;
  Offer(Task("charge", 1));
  Offer(Task("charge", 2));
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 5));
  Offer(Task("charge", 3));
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(1, 3));
}

// Large items: a window that is full by bytes has room by items. Asking for that many would send them to and
// fro.
TEST_F(BacklogTest, AsksForNoMoreThanFitsByBytes) {
  options.queue_window_bytes_max = 100'000;
  uint64_t n = 0;
  while (upstream.Of<Spilled>().empty()) Offer(Task("charge", ++n).Bytes(10'000));
  const int64_t depth = QueueOf("charge").depth();
  EXPECT_THAT(Asked(), IsEmpty());
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, static_cast<int>(depth)));
  int64_t asked = 0;
  for (const auto& [partition, items] : Asked()) asked += items;
  EXPECT_GE(asked, 1);
  EXPECT_LE(asked, depth);
}

TEST_F(BacklogTest, DoesNotSendTheSameItemToAndFro) {
  options.queued_bytes_max = 24'000;
  for (uint64_t n = 1; n <= 5; ++n) Offer(Task("other", n).Bytes(3'000));
  for (uint64_t n = 11; n <= 13; ++n) Offer(Task("charge", n).Bytes(100));
  Offer(Task("charge", 14).Bytes(9'000));
  ASSERT_THAT(upstream.Of<Spilled>(), ElementsAre(About(14)));
  upstream.Forget();
  int rounds = 0;
  for (uint64_t next = 100; !Asked().empty() || rounds == 0; ++rounds) {
    ASSERT_LT(rounds, 3) << "it is asked for over and over, though there is no room for it";
    upstream.Forget();
    BringBack({Task("charge", next++).Bytes(9'000)}, false);
  }
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 5));
  EXPECT_THAT(Asked(), SizeIs(1)) << "a free worker takes it, whatever its size";
}

TEST_F(BacklogTest, RefillsWhenWithdrawalsEmptyTheWindow) {
  options.queue_window_max = 2;
  for (uint64_t n = 1; n <= 3; ++n) Offer(Task("charge", n));
  Withdraw(Task("charge", 1).Token());
  EXPECT_THAT(Asked(), SizeIs(1));
}

TEST_F(BacklogTest, AQueueWithABacklogDoesNotDisappear) {
  options.queue_window_max = 1;
  Offer(Task("charge", 1));
  Offer(Task("charge", 2));
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 5));
  worker.Receive();
  worker.Cut();
  dispatcher().Tick();
  EXPECT_EQ(QueueOf("charge").spilled(), 1);
}

}  // namespace
}  // namespace perdure::dispatch
