// Durations and sizes, read and written.
#include "server/base/units.h"

#include <gtest/gtest.h>

namespace perdure::base {
namespace {

TEST(DurationTest, ReadsWhatPeopleWrite) {
  EXPECT_EQ(*ParseDurationMs("500ms"), 500);
  EXPECT_EQ(*ParseDurationMs("5s"), 5000);
  EXPECT_EQ(*ParseDurationMs("1.5s"), 1500);
  EXPECT_EQ(*ParseDurationMs("1h30m"), 5'400'000);
  EXPECT_EQ(*ParseDurationMs("7d"), 604'800'000);
  EXPECT_EQ(*ParseDurationMs("250"), 250);
  EXPECT_EQ(*ParseDurationMs("0"), 0);
}

TEST(DurationTest, RefusesWhatItCannotRead) {
  for (const char* bad : {"", "s", "-5s", "5 s", "5sec", "5s3", "1..5s", "0.0001s", "99999999999999999999s",
                          "9999999999999999d", "1e3s", "5s-"}) {
    EXPECT_FALSE(ParseDurationMs(bad).ok()) << bad;
  }
  EXPECT_EQ(ParseDurationMs("soon").status().message(),
            "'soon' is not a duration: write 500ms, 30s, 5m, 1h30m or 7d");
}

TEST(DurationTest, FormatsToWhatItReads) {
  for (const int64_t ms :
       {int64_t{0}, int64_t{1}, int64_t{90'000}, int64_t{604'800'000}, int64_t{1'234'567'890'123}}) {
    EXPECT_EQ(*ParseDurationMs(FormatDurationMs(ms)), ms) << FormatDurationMs(ms);
  }
  EXPECT_EQ(FormatDurationMs(90'000), "1m30s");
  EXPECT_EQ(FormatDurationMs(-1500), "-1s500ms");
}

TEST(BytesTest, ReadsWhatPeopleWrite) {
  EXPECT_EQ(*ParseBytes("4096"), 4096);
  EXPECT_EQ(*ParseBytes("64KiB"), 65536);
  EXPECT_EQ(*ParseBytes("64MiB"), 67'108'864);
  EXPECT_EQ(*ParseBytes("1.5GiB"), 1'610'612'736);
  EXPECT_EQ(*ParseBytes("2MB"), 2'000'000);
}

TEST(BytesTest, RefusesWhatItCannotRead) {
  for (const char* bad : {"", "MiB", "-1", "64M", "1MiB2", "1KiB1KiB", "99999999TiB", "0.1B"}) {
    EXPECT_FALSE(ParseBytes(bad).ok()) << bad;
  }
}

TEST(BytesTest, FormatsToWhatItReads) {
  EXPECT_EQ(FormatBytes(65536), "64KiB");
  EXPECT_EQ(FormatBytes(1000), "1000B");
  EXPECT_EQ(FormatBytes(0), "0B");
  EXPECT_EQ(FormatBytes(int64_t{256} << 20), "256MiB");
}

}  // namespace
}  // namespace perdure::base
