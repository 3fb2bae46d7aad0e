// Times and durations for people.
#include "cmd/perdure/time_text.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

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
