// Windows of rows that name runs: complete for the runs in them, and no larger than they may be.
#include "server/verify/mentions.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure::verify {
namespace {

using ::testing::SizeIs;

TEST(MentionWindowTest, HoldsAllIfTheyFit) {
  MentionWindow window(4);
  window.Begin(0);
  for (const uint64_t run : {7, 3, 7, 5}) window.Add({run, run * 10});
  window.Seal();
  EXPECT_EQ(window.end(), UINT64_MAX);
  EXPECT_THAT(window.Of(7), SizeIs(2));
  EXPECT_THAT(window.Of(3), SizeIs(1));
  EXPECT_THAT(window.Of(4), SizeIs(0));
}

TEST(MentionWindowTest, WindowsTogetherHoldEachMentionOnce) {
  std::mt19937 random(1);
  std::vector<Mention> rows;
  for (uint64_t i = 0; i < 1'000; ++i) rows.push_back({random() % 100, i});
  MentionWindow window(50);
  size_t seen = 0;
  int windows = 0;
  for (uint64_t begin = 0; begin != UINT64_MAX; begin = window.end(), ++windows) {
    window.Begin(begin);
    for (const Mention& row : rows) window.Add(row);
    window.Seal();
    EXPECT_LE(window.all().size(), 100u);
    seen += window.all().size();
    for (const Mention& m : window.all()) {
      EXPECT_GE(m.run, begin);
      EXPECT_LT(m.run, window.end());
    }
  }
  EXPECT_EQ(seen, rows.size());
  EXPECT_GT(windows, 10);
}

TEST(MentionWindowTest, ARunWithMoreThanFitsIsHeldWhole) {
  MentionWindow window(2);
  window.Begin(0);
  for (uint64_t i = 0; i < 20; ++i) window.Add({i % 2 == 0 ? 5u : 6u, i});
  window.Seal();
  EXPECT_EQ(window.end(), 6u);
  EXPECT_THAT(window.Of(5), SizeIs(10));
}

}  // namespace
}  // namespace perdure::verify
