// The faults of the in-memory store, each as a disk would show it.
#include "storage/memory_store.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "gtest/gtest.h"

namespace perdure::storage {
namespace {

class MemoryStoreTest : public testing::Test {
 protected:
  absl::Status Put(std::string_view key, std::string_view value) {
    Batch batch;
    batch.Put(key, value);
    return store_.Commit({&batch});
  }
  bool Has(std::string_view key) { return store_.Get(key).ok(); }

  MemoryStore store_;
};

TEST_F(MemoryStoreTest, FailsTheNthCommitAndEveryOneAfterIt) {
  store_.Inject(FaultPlan().FailCommit(3).With(absl::DataLossError("bad sector")));
  EXPECT_TRUE(Put("a", "").ok());
  EXPECT_TRUE(Put("b", "").ok());
  EXPECT_EQ(Put("c", ""), absl::DataLossError("bad sector"));
  EXPECT_EQ(Put("d", ""), absl::DataLossError("bad sector"));
  EXPECT_FALSE(Has("c"));
  EXPECT_FALSE(Has("d"));
  EXPECT_TRUE(Has("b")) << "reads go on";
  store_.Reopen();
  EXPECT_TRUE(Put("d", "").ok());
  EXPECT_TRUE(Has("d"));
}

TEST_F(MemoryStoreTest, AFailedCommitMayHaveBeenWritten) {
  store_.Inject(FaultPlan().FailCommit(1).AfterWriting());
  EXPECT_FALSE(Put("a", "").ok());
  store_.Reopen();
  EXPECT_TRUE(Has("a"));
}

TEST_F(MemoryStoreTest, LosesWhatWasNotSynced) {
  ASSERT_TRUE(Put("a", "synced").ok());
  store_.Inject(FaultPlan().DelaySync());
  ASSERT_TRUE(Put("a", "later").ok());
  ASSERT_TRUE(Put("b", "later").ok());
  EXPECT_EQ(*store_.Get("a"), "later");
  store_.LoseUnsynced();
  EXPECT_EQ(*store_.Get("a"), "synced");
  EXPECT_FALSE(Has("b"));
}

TEST_F(MemoryStoreTest, ASyncKeepsEverythingBeforeIt) {
  store_.Inject(FaultPlan().DelaySync());
  ASSERT_TRUE(Put("a", "").ok());
  store_.Sync();
  ASSERT_TRUE(Put("b", "").ok());
  store_.LoseUnsynced();
  EXPECT_TRUE(Has("a"));
  EXPECT_FALSE(Has("b"));
  // A synced commit carries those before it, as one log does.
  ASSERT_TRUE(Put("c", "").ok());
  store_.Inject(FaultPlan());
  ASSERT_TRUE(Put("d", "").ok());
  store_.LoseUnsynced();
  EXPECT_TRUE(Has("c"));
  EXPECT_TRUE(Has("d"));
}

TEST_F(MemoryStoreTest, ASnapshotSurvivesALoss) {
  ASSERT_TRUE(Put("a", "1").ok());
  const std::unique_ptr<ReadView> before = store_.Snapshot();
  store_.Inject(FaultPlan().DelaySync());
  ASSERT_TRUE(Put("a", "2").ok());
  const std::unique_ptr<ReadView> after = store_.Snapshot();
  store_.LoseUnsynced();
  ASSERT_TRUE(Put("a", "3").ok());
  EXPECT_EQ(*before->Get("a"), "1");
  EXPECT_EQ(*after->Get("a"), "1");
  EXPECT_EQ(*store_.Get("a"), "3");
}

TEST_F(MemoryStoreTest, AFullDiskRefusesUntilThereIsRoom) {
  store_.SetCapacity(10);
  ASSERT_TRUE(Put("a", "12345").ok());
  const absl::Status refused = Put("b", "12345");
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(), "the disk is full: 6 of 10 bytes are in use and 6 more were to be written");
  EXPECT_FALSE(Has("b"));
  EXPECT_EQ(store_.Stats().disk_free_bytes, 4);
  Batch batch;
  batch.Delete("a");
  EXPECT_TRUE(store_.Commit({&batch}).ok()) << "deletes always fit";
  EXPECT_TRUE(Put("b", "12345").ok());
  EXPECT_FALSE(Put("c", "12345").ok());
  store_.SetCapacity(20);
  EXPECT_TRUE(Put("c", "12345").ok());
}

TEST_F(MemoryStoreTest, ARefusedCommitIsNoneOfTheCounted) {
  store_.SetCapacity(0);
  store_.Inject(FaultPlan().FailCommit(1));
  EXPECT_EQ(Put("a", "").code(), absl::StatusCode::kResourceExhausted);
  store_.SetCapacity(std::nullopt);
  EXPECT_EQ(Put("a", "").code(), absl::StatusCode::kUnavailable);
}

TEST_F(MemoryStoreTest, ASlowCommitLetsReadsThroughAndShowsNothingOfItself) {
  ASSERT_TRUE(Put("a", "1").ok());
  std::mutex mu;
  std::condition_variable cv;
  bool entered = false;
  bool go_on = false;
  store_.Inject(FaultPlan().OnCommit([&] {
    std::unique_lock lock(mu);
    entered = true;
    cv.notify_all();
    cv.wait(lock, [&] { return go_on; });
  }));
  std::thread writer([&] { EXPECT_TRUE(Put("a", "2").ok()); });
  {
    std::unique_lock lock(mu);
    cv.wait(lock, [&] { return entered; });
  }
  EXPECT_EQ(*store_.Get("a"), "1");
  {
    const std::lock_guard lock(mu);
    go_on = true;
    cv.notify_all();
  }
  writer.join();
  EXPECT_EQ(*store_.Get("a"), "2");
}

}  // namespace
}  // namespace perdure::storage
