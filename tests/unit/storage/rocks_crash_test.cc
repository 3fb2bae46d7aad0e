// What was acknowledged before a kill is there after it, over many kills of the same store.
#include <random>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "rocks_fixture.h"
#include "store_process.h"

namespace perdure::storage {
namespace {

TEST(RocksCrashTest, NothingAcknowledgedIsLostToKills) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  const TempDir dir;
  uint64_t acknowledged = 0;
  for (int round = 0; round < 12; ++round) {
    StoreProcess process(dir.path());
    // Memtables hold 512 KiB, so some rounds end before the first flush and some after several.
    for (uint32_t commits = 1 + random() % 600; commits > 0; --commits) {
      const uint64_t n = process.NextAcknowledged();
      ASSERT_NE(n, 0) << "the process ended by itself";
      acknowledged = n;
    }
    process.Kill();
    while (const uint64_t n = process.NextAcknowledged()) acknowledged = n;

    const std::unique_ptr<Store> store = OpenStore(SmallStore(dir.path()));
    uint64_t there = 0;
    auto it = store->Scan("key", "kez");
    for (; it->Valid(); it->Next()) {
      ++there;
      ASSERT_EQ(it->key(), StoreProcess::KeyOf(there));
      ASSERT_EQ(it->value(), StoreProcess::ValueOf(there));
    }
    ASSERT_TRUE(it->status().ok()) << it->status();
    // The one that was under way may have made it.
    ASSERT_GE(there, acknowledged);
    ASSERT_LE(there, acknowledged + 1);
  }
}

}  // namespace
}  // namespace perdure::storage
