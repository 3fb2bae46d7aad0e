// One process a directory.
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocks_fixture.h"
#include "storage/data_dir.h"
#include "store_process.h"

namespace perdure::storage {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(RocksLockTest, ASecondProcessIsRefusedAndToldWhoHoldsTheLock) {
  const TempDir dir;
  StoreProcess process(dir.path());
  ASSERT_NE(process.NextAcknowledged(), 0);
  const absl::Status refused = RocksStore::Open(SmallStore(dir.path())).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr(dir.path()), HasSubstr(dir / "LOCK"),
                    HasSubstr(absl::StrCat("process ", process.pid(), " (rocks_store_tes)")),
                    HasSubstr("Stop that process")));
  // The first goes on undisturbed.
  const uint64_t before = process.NextAcknowledged();
  EXPECT_GT(process.NextAcknowledged(), before);

  process.Kill();
  EXPECT_TRUE(RocksStore::Open(SmallStore(dir.path())).ok());
}

TEST(RocksLockTest, ASecondStoreInTheSameProcessIsRefused) {
  const TempDir dir;
  std::unique_ptr<Store> store = OpenStore(SmallStore(dir.path()));
  EXPECT_EQ(RocksStore::Open(SmallStore(dir.path() + "/")).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(LockHolder(dir / "LOCK"), absl::StrCat("process ", getpid(), " (rocks_store_tes)"))
      << "being refused must not release the lock";
  ASSERT_TRUE(PutOne(*store, "key", "value").ok());
  store.reset();
  EXPECT_EQ(*OpenStore(SmallStore(dir.path()))->Get("key"), "value");
}

TEST(RocksLockTest, RefusesTooSmallAMemoryBudget) {
  const TempDir dir;
  RocksStoreOptions options = SmallStore(dir.path());
  options.memory_budget_bytes = 1 << 20;
  EXPECT_THAT(RocksStore::Open(options).status().ToString(),
              HasSubstr("INVALID_ARGUMENT: memory_budget_bytes is 1048576; it must be at least 2097152"));
}

}  // namespace
}  // namespace perdure::storage
