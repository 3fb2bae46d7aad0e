// The clock that never goes back.
#include "server/base/clock.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace perdure::base {
namespace {

class ClockTest : public ::testing::Test {
 protected:
  ClockTest() {
    steady = 5'000;
    wall = 1'000'000;
  }
  // Time goes by, on both clocks.
  static void Pass(int64_t ms) {
    steady += ms;
    wall += ms;
  }
  static int64_t Steady() { return steady; }
  static int64_t Wall() { return wall; }

  static inline int64_t steady = 0;
  static inline int64_t wall = 0;
};

TEST_F(ClockTest, BeginsWithTheWallClock) {
  Clock clock(&Steady, &Wall);
  EXPECT_EQ(clock.NowMs(), 1'000'000);
  Pass(250);
  EXPECT_EQ(clock.NowMs(), 1'000'250);
  EXPECT_EQ(clock.AheadMs(), 0);
}

TEST_F(ClockTest, GoesOnWhenTheWallClockIsSetBack) {
  Clock clock(&Steady, &Wall);
  Pass(1'000);
  wall -= 3'600'000;
  EXPECT_EQ(clock.NowMs(), 1'001'000);
  Pass(500);
  EXPECT_EQ(clock.NowMs(), 1'001'500) << "it must neither go back nor stand still";
  EXPECT_EQ(clock.AheadMs(), 3'600'000);
}

TEST_F(ClockTest, FollowsWhenTheWallClockIsSetForward) {
  Clock clock(&Steady, &Wall);
  wall += 7'200'000;
  EXPECT_EQ(clock.NowMs(), 8'200'000);
  Pass(10);
  EXPECT_EQ(clock.NowMs(), 8'200'010);
}

TEST_F(ClockTest, StaysWhereAStepForwardHasLedWhenItIsTakenBack) {
  Clock clock(&Steady, &Wall);
  wall += 60'000;
  EXPECT_EQ(clock.NowMs(), 1'060'000);
  wall -= 60'000;
  Pass(5);
  EXPECT_EQ(clock.NowMs(), 1'060'005);
  // The wall clock catches up, and leads again.
  wall += 60'000;
  Pass(5);
  EXPECT_EQ(clock.NowMs(), 1'060'010);
  wall += 1;
  EXPECT_EQ(clock.NowMs(), 1'060'011);
}

TEST(ProcessClockTest, NoThreadSeesItGoBack) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      int64_t last = 0;
      for (int i = 0; i < 20'000; ++i) {
        const int64_t now = NowMs();
        ASSERT_GE(now, last);
        last = now;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace perdure::base
