// Retries: how long to wait, and when to stop.
#include "server/engine/retry.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/harness.h"

namespace perdure::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kLeastChance = 0;
constexpr uint64_t kMostChance = std::numeric_limits<uint64_t>::max();

int64_t DelayMs(const v1::RetryPolicy& policy, int32_t attempt, uint64_t random = 0) {
  return RetryDelayMs(policy, attempt, Error("Flaky"), random).value_or(-1);
}

TEST(RetryDelayTest, GrowsByTheCoefficientUpToTheMaximum) {
  const v1::RetryPolicy policy = Policy().Initial(100).Coefficient(3).MaxInterval(1'000);
  EXPECT_EQ(DelayMs(policy, 1), 100);
  EXPECT_EQ(DelayMs(policy, 2), 300);
  EXPECT_EQ(DelayMs(policy, 3), 900);
  EXPECT_EQ(DelayMs(policy, 4), 1'000);
  EXPECT_EQ(DelayMs(policy, 1'000'000), 1'000);
}

TEST(RetryDelayTest, HasTheDocumentedDefaults) {
  const v1::RetryPolicy policy;
  EXPECT_EQ(DelayMs(policy, 1, kLeastChance), 180);
  EXPECT_NEAR(static_cast<double>(DelayMs(policy, 1, kMostChance)), 220, 1);
  EXPECT_NEAR(static_cast<double>(DelayMs(policy, 2, kMostChance / 2)), 400, 1);
  EXPECT_NEAR(static_cast<double>(DelayMs(policy, 50, kMostChance / 2)), 60'000, 1);
}

TEST(RetryDelayTest, StaysWithinTheJitter) {
  const v1::RetryPolicy policy = Policy().Initial(1'000).Jitter(0.25);
  EXPECT_EQ(DelayMs(policy, 1, kLeastChance), 750);
  EXPECT_EQ(DelayMs(policy, 1, kMostChance), 1'250);
  for (uint64_t random = 1; random != 0; random <<= 1) {
    EXPECT_GE(DelayMs(policy, 1, random), 750);
    EXPECT_LE(DelayMs(policy, 1, random), 1'250);
  }
  EXPECT_EQ(DelayMs(Policy().Initial(1'000).Jitter(-1), 1, kMostChance), 1'000);
}

TEST(RetryDelayTest, DoesNotOverflow) {
  const v1::RetryPolicy steep = Policy().Initial(1'000'000).Coefficient(1e300).MaxInterval(5'000);
  EXPECT_EQ(DelayMs(steep, 1'000), 5'000);
  const v1::RetryPolicy longest =
      Policy().Coefficient(10).MaxInterval(std::numeric_limits<int64_t>::max()).Jitter(1);
  for (const int32_t attempt : {1, 20, 400, std::numeric_limits<int32_t>::max()}) {
    EXPECT_GE(DelayMs(longest, attempt, kMostChance), 0);
    EXPECT_LE(DelayMs(longest, attempt, kMostChance), 10'000'000'000'000);
  }
}

TEST(RetryDelayTest, OfAPolicyThatIsNoNumberIsLong) {
  // No such policy is accepted; a damaged disk may hold one.
  v1::RetryPolicy policy = Policy();
  policy.set_jitter(NAN);
  EXPECT_GT(RetryDelayMs(policy, 1, Error("Busy"), 1).value(), 0);
}

TEST(RetryDelayTest, GivesTheDelayThatTheErrorAsksFor) {
  v1::Failure failure = Error("RateLimited");
  failure.set_retry_delay_ms(12'345);
  EXPECT_EQ(RetryDelayMs(Policy().MaxInterval(100), 1, failure, 0), 12'345);
  // But attempts are counted all the same.
  EXPECT_EQ(RetryDelayMs(Policy().MaxAttempts(2), 2, failure, 0), std::nullopt);
}

TEST(RetryDelayTest, StopsAtTheLastAttempt) {
  const v1::RetryPolicy policy = Policy().MaxAttempts(3);
  EXPECT_TRUE(RetryDelayMs(policy, 2, Error("Flaky"), 0).has_value());
  EXPECT_FALSE(RetryDelayMs(policy, 3, Error("Flaky"), 0).has_value());
  EXPECT_TRUE(RetryDelayMs(Policy().MaxAttempts(0), 1'000'000, Error("Flaky"), 0).has_value());
}

TEST(RetryPolicyTest, NamesWhatIsWrong) {
  EXPECT_EQ(WhyInvalid(v1::RetryPolicy()), "");
  EXPECT_EQ(WhyInvalid(Policy().MaxAttempts(5).Coefficient(1).Jitter(1)), "");
  EXPECT_THAT(WhyInvalid(Policy().Initial(-1)), HasSubstr("initial_interval_ms is -1"));
  EXPECT_THAT(WhyInvalid(Policy().MaxInterval(-2)), HasSubstr("max_interval_ms is -2"));
  EXPECT_THAT(WhyInvalid(Policy().MaxAttempts(-3)), HasSubstr("max_attempts is -3"));
  EXPECT_THAT(WhyInvalid(Policy().Coefficient(0.5)), HasSubstr("backoff_coefficient is 0.5"));
  EXPECT_THAT(WhyInvalid(Policy().Coefficient(INFINITY)), HasSubstr("backoff_coefficient is inf"));
  EXPECT_THAT(WhyInvalid(Policy().Coefficient(NAN)), HasSubstr("backoff_coefficient is nan"));
  EXPECT_THAT(WhyInvalid(Policy().Jitter(1.5)), HasSubstr("jitter is 1.5"));
  EXPECT_THAT(WhyInvalid(Policy().Jitter(NAN)), HasSubstr("jitter is nan"));
}

TEST(BackoffTest, DoublesUpToTheMaximum) {
  EXPECT_EQ(BackoffMs(1'000, 60'000, 1), 1'000);
  EXPECT_EQ(BackoffMs(1'000, 60'000, 2), 2'000);
  EXPECT_EQ(BackoffMs(1'000, 60'000, 6), 32'000);
  EXPECT_EQ(BackoffMs(1'000, 60'000, 7), 60'000);
  EXPECT_EQ(BackoffMs(1'000, 60'000, std::numeric_limits<int32_t>::max()), 60'000);
}

// ---- the same, as a run sees it ----

class RetryTest : public ::testing::Test {
 protected:
  void SetUp() override { h.Start(); }
  EngineHarness h;
};

TEST_F(RetryTest, TriesAgainAfterTheInterval) {
  h.AnswerActivation({Schedule("charge").Retry(Policy().Initial(200))});
  h.FailTask(1, Error("Flaky"));
  EXPECT_THAT(Events(h.last()), IsEmpty()) << "attempts that are retried are not history";
  EXPECT_EQ(h.phase(1), TaskPhase::kBackingOff);
  h.Advance(199);
  EXPECT_EQ(h.phase(1), TaskPhase::kBackingOff);
  h.Advance(1);
  EXPECT_THAT(Works(h.last()), ElementsAre("task 1 attempt 2"));
  EXPECT_EQ(h.task(1).last_failure().type(), "Flaky");
  EXPECT_EQ(h.task(1).last_failure().source(), "task charge (seq 1, attempt 1)");
  h.CompleteTask(1, "7");
  EXPECT_THAT(Events(h.last()), ElementsAre("task_completed"));
  EXPECT_EQ(h.last_event().task_completed().attempt(), 2);
  EXPECT_FALSE(h.stored().has_note(1));
}

TEST_F(RetryTest, StopsAtNonRetryableType) {
  h.AnswerActivation({Schedule("charge").Retry(Policy().NotRetrying("CardDeclined"))});
  h.FailTask(1, Error("Flaky"));
  h.Advance(200);
  h.FailTask(1, Error("CardDeclined", "insufficient funds"));
  EXPECT_THAT(Events(h.last()), ElementsAre("task_failed"));
  EXPECT_EQ(h.last_event().task_failed().failure().message(), "insufficient funds");
  EXPECT_EQ(h.last_event().task_failed().attempt(), 2);
  EXPECT_THAT(Works(h.last()), ElementsAre("activation 1"));
}

TEST_F(RetryTest, StopsAtNonRetryableError) {
  h.AnswerActivation({Schedule("charge")});
  v1::Failure failure = Error("CardDeclined");
  failure.set_non_retryable(true);
  h.FailTask(1, failure);
  EXPECT_THAT(Events(h.last()), ElementsAre("task_failed"));
}

TEST_F(RetryTest, StopsWhenAttemptsAreExhausted) {
  h.AnswerActivation({Schedule("charge").Retry(Policy().MaxAttempts(2))});
  h.FailTask(1, Error("Flaky", "first"));
  h.Advance(200);
  h.FailTask(1, Error("Flaky", "second"));
  EXPECT_THAT(Events(h.last()), ElementsAre("task_failed"));
  EXPECT_EQ(h.last_event().task_failed().failure().message(), "second");
  EXPECT_FALSE(h.stored().has_note(1));
}

TEST_F(RetryTest, IsCutShortByScheduleToClose) {
  h.AnswerActivation({Schedule("charge").ScheduleToClose(1'000).Retry(Policy().Initial(600).Coefficient(1))});
  h.FailTask(1, Error("Flaky"));
  h.Advance(600);
  h.FailTask(1, Error("Flaky", "second"));
  // The next attempt would begin after the deadline: there is no point in waiting for it.
  EXPECT_THAT(Events(h.last()), ElementsAre("task_failed"));
  EXPECT_EQ(h.last_event().task_failed().failure().message(), "second");
}

TEST_F(RetryTest, GoesOnAfterARestart) {
  h.AnswerActivation({Schedule("charge").Retry(Policy().Initial(500))});
  h.FailTask(1, Error("Flaky"));
  h.Advance(300);
  h.Restart();
  EXPECT_EQ(h.phase(1), TaskPhase::kBackingOff) << "a restart must not cut the wait short";
  h.Advance(200);
  EXPECT_THAT(Works(h.last()), ElementsAre("task 1 attempt 2"));
}

TEST_F(RetryTest, HandsHeartbeatDetailsToTheNextAttempt) {
  h.AnswerActivation({Schedule("import")});
  h.TakeTask(1);
  h.Heartbeat(1, "\"row 100\"");
  h.Heartbeat(1, "\"row 200\"");
  h.Heartbeat(1);
  h.FailTask(1, Error("Flaky"));
  h.Advance(200);
  EXPECT_EQ(h.task(1).heartbeat_details().data(), "\"row 200\"");
  // And to the one after that, though this one sent none.
  h.FailTask(1, Error("Flaky"));
  h.Restart();
  h.Advance(400);
  EXPECT_EQ(h.task(1).attempt(), 3);
  EXPECT_EQ(h.task(1).heartbeat_details().data(), "\"row 200\"");
}

TEST_F(RetryTest, DoesNotReportThePreviousAttemptsStart) {
  h.AnswerActivation({Schedule("charge").ScheduleToClose(5'000)});
  h.FailTask(1, Error("Flaky"));
  h.Advance(5'000);
  EXPECT_THAT(Events(h.last()), ElementsAre("task_failed"));
  EXPECT_EQ(h.last_event().task_failed().attempt(), 2);
  EXPECT_EQ(h.last_event().task_failed().started_unix_ms(), 0) << "no worker took the second attempt";
}

TEST_F(RetryTest, CutsAFailureOfAnySizeToTheLimit) {
  h.limits.payload_bytes_max = 1'000;
  h.AnswerActivation({Schedule("charge").Retry(Policy().MaxAttempts(1))});
  v1::Failure huge = Error("Huge", std::string(5'000, 'm'));
  huge.mutable_details()->set_data(std::string(5'000, 'd'));
  *huge.mutable_cause() = Error("Cause");
  h.FailTask(1, huge);
  const v1::Failure& kept = h.last_event().task_failed().failure();
  EXPECT_EQ(kept.type(), "Huge");
  EXPECT_LT(kept.ByteSizeLong(), 4'096U);
  EXPECT_FALSE(kept.has_details());
  EXPECT_THAT(kept.message(), HasSubstr("the limit payload_bytes_max is 1000"));
}

TEST_F(RetryTest, CutsAFailureWhoseCausesNestTooDeeplyToBeReadBack) {
  h.AnswerActivation({Schedule("charge").Retry(Policy().MaxAttempts(1))});
  v1::Failure failure = Error("Outermost");
  v1::Failure* innermost = &failure;
  for (int i = 0; i < 97; ++i) {
    innermost = innermost->mutable_cause();
    *innermost = Error("Cause");
  }
  h.FailTask(1, failure);
  // The harness read the history back already; a worker gets it in a frame, two levels further in.
  v1::ServerFrame frame;
  *frame.add_activations() = h.activation();
  EXPECT_TRUE(v1::ServerFrame().ParseFromString(frame.SerializeAsString()));
}

}  // namespace
}  // namespace perdure::engine::testing
