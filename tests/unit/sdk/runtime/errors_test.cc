// Exceptions to failures, their text, and options.
#include "perdure/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "perdure/log.h"
#include "perdure/options.h"
#include "perdure/registry.h"
#include "perdure/result.h"
#include "worker-sdk/src/runtime/convert.h"

namespace bank {
struct Declined : std::runtime_error {
  using std::runtime_error::runtime_error;
};
}  // namespace bank

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class E>
Failure FailureOf(const E& error) {
  return FailureFrom(std::make_exception_ptr(error));
}

TEST(FailureTest, TakesTheClassNameOfOtherExceptions) {
  const Failure failure = FailureOf(bank::Declined("no money"));
  EXPECT_EQ(failure.kind, FailureKind::kApplication);
  EXPECT_EQ(failure.type, "bank::Declined");
  EXPECT_EQ(failure.message, "no money");
  EXPECT_EQ(FailureFrom(std::make_exception_ptr(42)).type, "int");
  EXPECT_EQ(FailureFrom(std::make_exception_ptr(std::string("text"))).message, "text");
}

TEST(FailureTest, FollowsNestedExceptions) {
  Failure failure;
  try {
    try {
      throw bank::Declined("no money");
    } catch (...) {
      std::throw_with_nested(std::runtime_error("payment failed"));
    }
  } catch (...) {
    failure = CurrentFailure();
  }
  EXPECT_EQ(failure.type, "std::runtime_error");
  ASSERT_NE(failure.cause, nullptr);
  EXPECT_EQ(failure.cause->type, "bank::Declined");
  EXPECT_EQ(failure.Describe(), "std::runtime_error: payment failed: bank::Declined: no money");
}

TEST(FailureTest, ApplicationErrorsSayHowToRetry) {
  const Failure failure = FailureOf(
      ApplicationError("Busy", "later").RetryAfter(std::chrono::seconds(3)).Details(std::vector<int>{1, 2}));
  EXPECT_EQ(failure.type, "Busy");
  EXPECT_EQ(failure.retry_delay, std::chrono::seconds(3));
  EXPECT_EQ(FromPayload<std::vector<int>>(failure.details), (std::vector<int>{1, 2}));
  EXPECT_FALSE(failure.non_retryable);
  EXPECT_TRUE(FailureOf(NonRetryableError("Bad", "input")).non_retryable);
}

TEST(FailureTest, DescribesTheChainOnOneLine) {
  Failure declined = FailureOf(ApplicationError("CardDeclined", "the bank said no"));
  Failure task;
  task.kind = FailureKind::kTask;
  task.message = "the task failed";
  task.source = "task pay (seq 3, attempt 2)";
  task.cause = std::make_shared<const Failure>(declined);
  EXPECT_EQ(task.Describe(), "task pay (seq 3, attempt 2) failed: CardDeclined: the bank said no");
  EXPECT_TRUE(task.HasType("CardDeclined"));
  EXPECT_FALSE(task.HasType("Other"));
  EXPECT_EQ(task.Root().type, "CardDeclined");
  const TaskFailed error(task, "pay", 3, 2);
  EXPECT_STREQ(error.what(), "task pay (seq 3, attempt 2) failed: CardDeclined: the bank said no");
  EXPECT_FALSE(error.TimedOut());
}

TEST(FailureTest, SurvivesTheWire) {
  Failure inner = FailureOf(ApplicationError("A", "b").Details(std::string("d")).NonRetryable());
  Failure outer;
  outer.kind = FailureKind::kTimeout;
  outer.timeout = TimeoutKind::kHeartbeat;
  outer.retry_delay = std::chrono::milliseconds(5);
  outer.source = "here";
  outer.cause = std::make_shared<const Failure>(inner);
  const Failure back = runtime::FromProto(runtime::ToProto(outer));
  EXPECT_EQ(back.Describe(), outer.Describe());
  EXPECT_EQ(back.timeout, TimeoutKind::kHeartbeat);
  EXPECT_EQ(back.retry_delay, outer.retry_delay);
  EXPECT_TRUE(back.cause->non_retryable);
  EXPECT_EQ(back.cause->details, inner.details);
}

TEST(OptionsTest, RefusesValuesThatMakeNoSense) {
  EXPECT_THROW(TaskOptions().StartToClose(std::chrono::seconds(-1)), std::invalid_argument);
  EXPECT_THROW(RetryPolicy().Backoff(0.5), std::invalid_argument);
  EXPECT_THROW(RetryPolicy().MaxAttempts(-1), std::invalid_argument);
  EXPECT_THROW(RetryPolicy().Jitter(2), std::invalid_argument);
}

TEST(OptionsTest, BecomeMessages) {
  const v1::RetryPolicy policy = runtime::ToProto(
      RetryPolicy().InitialInterval(Milliseconds(10)).Backoff(3).MaxAttempts(4).Jitter(0).NonRetryable("X"));
  EXPECT_EQ(policy.initial_interval_ms(), 10);
  EXPECT_EQ(policy.backoff_coefficient(), 3);
  EXPECT_EQ(policy.max_attempts(), 4);
  EXPECT_LT(policy.jitter(), 0);
  EXPECT_THAT(policy.non_retryable_types(), ElementsAre("X"));
  EXPECT_EQ(runtime::TimeoutsToProto(TaskOptions().Heartbeat(std::chrono::seconds(2))).heartbeat_ms(), 2000);
}

TEST(ResultTest, HoldsAValueOrAFailure) {
  const Result<int> good(5);
  EXPECT_TRUE(good.has_value());
  EXPECT_EQ(*good, 5);
  EXPECT_EQ(good.value_or(7), 5);
  EXPECT_THROW((void)good.error(), UsageError);

  const auto bad = Result<int>::Failed(std::make_exception_ptr(bank::Declined("no")));
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.error().type, "bank::Declined");
  EXPECT_TRUE(bad.HasType("bank::Declined"));
  EXPECT_EQ(bad.value_or(7), 7);
  EXPECT_THROW((void)bad.value(), bank::Declined);
  EXPECT_THROW(bad.Rethrow(), bank::Declined);

  EXPECT_TRUE(Result<void>());
  EXPECT_THROW(Result<void>::Failed(std::make_exception_ptr(bank::Declined("no"))).value(), bank::Declined);
  Result<std::unique_ptr<int>> moved(std::make_unique<int>(3));
  EXPECT_EQ(*std::move(moved).value(), 3);
}

TEST(RegistryTest, KnowsWhatIsHostedAndRefusesDoubles) {
  Registry registry;
  registry.AddTask("b", {});
  registry.AddTask("a", {});
  registry.AddWorkflow("w", {});
  EXPECT_THAT(registry.TaskTypes(), ElementsAre("a", "b"));
  EXPECT_THAT(registry.WorkflowTypes(), ElementsAre("w"));
  EXPECT_NE(registry.FindWorkflow("w"), nullptr);
  EXPECT_EQ(registry.FindWorkflow("x"), nullptr);
  EXPECT_THROW(registry.AddTask("a", {}), UsageError);
}

TEST(NameTest, IsCheckedWhereItIsDeclared) {
  EXPECT_THROW(Task<void()>(""), std::invalid_argument);
  EXPECT_THROW(Task<void()>("a\nb"), std::invalid_argument);
  EXPECT_THROW(Signal<int>(std::string(257, 'x')), std::invalid_argument);
}

TEST(LogTest, WritesIdsFirstAndQuotesWhatNeedsIt) {
  std::vector<std::string> lines;
  const auto sink = std::make_shared<const LogSink>(
      [&](const LogRecord& record) { lines.push_back(FormatLogRecord(record)); });
  bool muted = false;
  const Logger log(sink, {{"run_id", "r1"}}, &muted);
  log.Info("charged", "order", std::string("o 1"), "cents", 1250, "tags", std::vector<int>{1});
  muted = true;
  log.Error("unheard");
  EXPECT_THAT(lines, ElementsAre("info run_id=r1 order=\"o 1\" cents=1250 tags=[1] charged"));
}

}  // namespace
}  // namespace perdure
