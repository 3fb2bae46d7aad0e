// Epochs grow, whatever the clock does.
#include "storage/epoch.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/keyspace.h"
#include "storage/memory_store.h"

namespace perdure::storage {
namespace {

constexpr int64_t kNowMs = 1'800'000'000'000;

TEST(EpochTest, FollowsTheClock) {
  MemoryStore store;
  EXPECT_EQ(DrawEpoch(store, kNowMs).value(), static_cast<uint64_t>(kNowMs) << 20);
  EXPECT_EQ(DrawEpoch(store, kNowMs + 86'400'000).value(), static_cast<uint64_t>(kNowMs + 86'400'000) << 20);
}

TEST(EpochTest, GrowsWhenTheClockDoesNot) {
  MemoryStore store;
  const uint64_t first = DrawEpoch(store, kNowMs).value();
  EXPECT_EQ(DrawEpoch(store, kNowMs).value(), first + kEpochStride);
  EXPECT_EQ(DrawEpoch(store, kNowMs - 86'400'000).value(), first + 2 * kEpochStride) << "set back by a day";
  EXPECT_EQ(DrawEpoch(store, -5).value(), first + 3 * kEpochStride);
}

TEST(EpochTest, IsSyncedBeforeItIsUsed) {
  MemoryStore store;
  const uint64_t first = DrawEpoch(store, kNowMs).value();
  store.Inject(FaultPlan().FailCommit(1));
  EXPECT_FALSE(DrawEpoch(store, kNowMs).ok());
  EXPECT_EQ(store.Get(EpochKey()).value(), std::to_string(first));
}

TEST(EpochTest, RefusesARecordItCannotRead) {
  MemoryStore store;
  Batch batch(kGlobalPartition);
  batch.Put(EpochKey(), "twelve\n");
  ASSERT_TRUE(store.Commit({&batch}).ok());
  const absl::Status status = DrawEpoch(store, kNowMs).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("twelve\\n"));
}

}  // namespace
}  // namespace perdure::storage
