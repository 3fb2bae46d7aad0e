#include "tests/bench/proc.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace perdure::bench {
namespace {

TEST(BenchProcTest, FindsTimesBehindAnOddCommandName) {
  EXPECT_EQ(ParseCpuTicks("12 (a) R 7 (b) S 1 12 12 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 5"), 300);
  EXPECT_EQ(ParseCpuTicks("12 (short) S 1 2"), std::nullopt);
  EXPECT_EQ(ParseCpuTicks(""), std::nullopt);
}

TEST(BenchProcTest, ReadsAFieldOfStatus) {
  constexpr const char* kStatus = "Name:\tperdured\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\nThreads:\t9\n";
  EXPECT_EQ(ParseStatusKib(kStatus, "VmHWM"), 2048);
  EXPECT_EQ(ParseStatusKib(kStatus, "VmRSS"), 1024);
  EXPECT_EQ(ParseStatusKib(kStatus, "VmSwap"), std::nullopt);
}

TEST(BenchProcTest, AddsUpTheHostsTime) {
  const auto cpu = ParseHostCpu("cpu  100 1 20 300 4 5 6 7 50 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n");
  ASSERT_TRUE(cpu.has_value());
  EXPECT_EQ(cpu->total, 443);  // guest time is in user time already
  EXPECT_EQ(cpu->idle, 304);
  EXPECT_EQ(cpu->steal, 7);
  EXPECT_FALSE(ParseHostCpu("intr 1 2 3 4 5 6 7 8 9").has_value());
}

TEST(BenchProcTest, KnowsThisProcess) {
  EXPECT_TRUE(CpuSeconds(getpid()).has_value());
  EXPECT_GT(StatusMib(getpid(), "VmRSS").value_or(0), 0);
  EXPECT_TRUE(ReadHostCpu().has_value());
}

}  // namespace
}  // namespace perdure::bench
