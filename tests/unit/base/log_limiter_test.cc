// What happens again and again is logged now and then.
#include "server/base/log_limiter.h"

#include <gtest/gtest.h>

namespace perdure::base {
namespace {

TEST(LogLimiterTest, LogsTheFirstThenOneAnIntervalWithTheCount) {
  LogLimiter limiter;
  EXPECT_EQ(limiter.Admit(1'000), 0u);
  EXPECT_EQ(limiter.Admit(1'000), std::nullopt);
  EXPECT_EQ(limiter.Admit(1'000 + LogLimiter::kIntervalMs - 1), std::nullopt);
  EXPECT_EQ(limiter.Admit(1'000 + LogLimiter::kIntervalMs), 2u);
  EXPECT_EQ(limiter.Admit(1'000 + LogLimiter::kIntervalMs), std::nullopt);
  EXPECT_EQ(limiter.Admit(1'000 + 3 * LogLimiter::kIntervalMs), 1u);
}

}  // namespace
}  // namespace perdure::base
