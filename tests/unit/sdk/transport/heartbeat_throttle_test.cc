#include "worker-sdk/src/tasks/heartbeat_throttle.h"

#include <gtest/gtest.h>

namespace perdure::tasks {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Time = HeartbeatThrottle::Clock::time_point;

Payload Details(const char* text) { return {"json", text, ""}; }

TEST(HeartbeatThrottleTest, SendsTheFirstAtOnceAndTheLatestAfterAThirdOfTheTimeout) {
  HeartbeatThrottle throttle(seconds(3));
  const Time t0{};
  auto first = throttle.Offer(t0, Details("1"));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->details->data, "1");
  EXPECT_FALSE(throttle.Due().has_value());

  EXPECT_FALSE(throttle.Offer(t0 + milliseconds(10), Details("2")).has_value());
  EXPECT_FALSE(throttle.Offer(t0 + milliseconds(990), Details("3")).has_value());
  ASSERT_TRUE(throttle.Due().has_value());
  EXPECT_EQ(*throttle.Due(), t0 + seconds(1));
  EXPECT_FALSE(throttle.TakeIfDue(t0 + milliseconds(999)).has_value());

  auto second = throttle.TakeIfDue(t0 + seconds(1));
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->details->data, "3");
  EXPECT_FALSE(throttle.Due().has_value());
  EXPECT_FALSE(throttle.TakeIfDue(t0 + seconds(10)).has_value());
}

TEST(HeartbeatThrottleTest, ASignOfLifeKeepsDetailsThatWait) {
  HeartbeatThrottle throttle(seconds(3));
  const Time t0{};
  throttle.Offer(t0, std::nullopt);
  throttle.Offer(t0 + milliseconds(1), Details("kept"));
  throttle.Offer(t0 + milliseconds(2), std::nullopt);
  auto beat = throttle.TakeNow();
  ASSERT_TRUE(beat.has_value() && beat->details.has_value());
  EXPECT_EQ(beat->details->data, "kept");
}

TEST(HeartbeatThrottleTest, HasADefaultAndAFloor) {
  EXPECT_EQ(HeartbeatThrottle(milliseconds(0)).interval(), kHeartbeatIntervalDefault);
  EXPECT_EQ(HeartbeatThrottle(milliseconds(3)).interval(), kHeartbeatIntervalMin);
}

TEST(HeartbeatThrottleTest, AMillionCallsSendAsManyAsThereAreIntervals) {
  HeartbeatThrottle throttle(milliseconds(300));
  int sent = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    // One call a microsecond: a second in all.
    sent += throttle.Offer(Time{} + std::chrono::microseconds(i), Details("x")).has_value();
  }
  EXPECT_EQ(sent, 10);
}

}  // namespace
}  // namespace perdure::tasks
