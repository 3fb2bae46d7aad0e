// Times and durations for people.
#include "cmd/perdure/time_text.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <limits>

namespace perdure::cli {
namespace {

TEST(ShortDurationTest, ChoosesTheUnit) {
  EXPECT_EQ(ShortDuration(0), "0ms");
  EXPECT_EQ(ShortDuration(999), "999ms");
  EXPECT_EQ(ShortDuration(1249), "1.24s");
  EXPECT_EQ(ShortDuration(59'999), "59.9s");
  EXPECT_EQ(ShortDuration(185'000), "3m05s");
  EXPECT_EQ(ShortDuration(7'500'000), "2h05m");
  EXPECT_EQ(ShortDuration(int64_t{76} * 3'600'000), "3d04h");
  EXPECT_EQ(ShortDuration(-1500), "-1.50s");
}

TEST(BetweenTest, EndsAtTheLongestThereIs) {
  constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
  constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(Between(500, 2000), 1500);
  EXPECT_EQ(Between(2000, 500), -1500);
  EXPECT_EQ(Between(kFirst, 1'700'000'000'000), kLast);
  EXPECT_EQ(Between(kLast, -2), -kLast);
  EXPECT_EQ(Between(0, kFirst), -kLast);
  // A sleep without end; and a server that says nonsense.
  EXPECT_EQ(RelativeTime(kLast, 1'700'000'000'000), "in 106751971491d08h");
  EXPECT_EQ(RelativeTime(kFirst, 1'700'000'000'000), "106751991167d07h ago");
  EXPECT_EQ(ShortDuration(kFirst), "-106751991167d07h");
}

TEST(TimeTest, IsAbsoluteAndRelative) {
  setenv("TZ", "UTC", 1);
  tzset();
  EXPECT_EQ(AbsoluteTime(1'795'382'680'123), "2026-11-22 21:24:40");
  EXPECT_EQ(FullTime(1'795'382'680'000, 1'795'382'865'000), "2026-11-22 21:24:40 (3m05s ago)");
  EXPECT_EQ(RelativeTime(2000, 500), "in 1.50s");
  EXPECT_EQ(RelativeTime(2000, 2000), "now");
  EXPECT_EQ(FullTime(0, 5), "");
}

}  // namespace
}  // namespace perdure::cli
