// The map that remembers: what it forgets, and that it forgets it.
#include "storage/versioned_map.h"

#include "gtest/gtest.h"

namespace perdure::storage {
namespace {

TEST(VersionedMapTest, ReadsWhatAVersionHeld) {
  VersionedMap map;
  map.Put("a", "1", 1);
  map.Put("a", "2", 2);
  map.Delete("a", 3);
  EXPECT_EQ(map.Get("a", 0), std::nullopt);
  EXPECT_EQ(map.Get("a", 1), "1");
  EXPECT_EQ(map.Get("a", 2), "2");
  EXPECT_EQ(map.Get("a", 3), std::nullopt);
  EXPECT_EQ(map.live_bytes(), 0);
}

TEST(VersionedMapTest, ForgetsWhatNobodyCanAskFor) {
  VersionedMap map;
  for (uint64_t version = 1; version <= 100; ++version) {
    map.Put("a", "value", version);
    map.Put("b", "value", version);
    if (version % 2 == 0) map.Delete("b", version);
  }
  EXPECT_GT(map.remembered(), 100);
  map.Forget(99);
  EXPECT_EQ(map.Get("a", 99), "value");
  EXPECT_EQ(map.Get("b", 99), "value");
  EXPECT_EQ(map.Get("b", 100), std::nullopt);
  map.Forget(100);
  EXPECT_EQ(map.remembered(), 1) << "the newest a, and nothing of b";
  EXPECT_EQ(map.live_bytes(), 6);
}

TEST(VersionedMapTest, RollsBack) {
  VersionedMap map;
  map.Put("a", "1", 1);
  map.Put("b", "1", 1);
  map.Put("a", "changed", 2);
  map.Delete("b", 2);
  map.Put("c", "new", 3);
  map.RollBack(1);
  EXPECT_EQ(map.Get("a", 9), "1");
  EXPECT_EQ(map.Get("b", 9), "1");
  EXPECT_EQ(map.Get("c", 9), std::nullopt);
  EXPECT_EQ(map.live_bytes(), 4);
  map.Put("a", "4", 4);
  map.Forget(4);
  EXPECT_EQ(map.Get("a", 4), "4");
  EXPECT_EQ(map.remembered(), 2);
}

TEST(VersionedMapTest, ReadsFromEitherEnd) {
  VersionedMap map;
  for (const char* key : {"a", "b", "c", "d", "e"}) map.Put(key, key, 1);
  map.DeleteRange("b", "d", 2);
  using Rows = std::vector<VersionedMap::Row>;
  EXPECT_EQ(map.First("a", "z", 2, 2), (Rows{{"a", "a"}, {"d", "d"}}));
  EXPECT_EQ(map.Last("a", "e", 2, 5), (Rows{{"d", "d"}, {"a", "a"}}));
  EXPECT_EQ(map.Last("a", "e", 1, 2), (Rows{{"d", "d"}, {"c", "c"}}));
}

}  // namespace
}  // namespace perdure::storage
