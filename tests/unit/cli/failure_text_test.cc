// Failures for people.
#include "cmd/perdure/failure_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure::cli {
namespace {

v1::Failure Failure(v1::Failure::Kind kind, const std::string& type, const std::string& message) {
  v1::Failure failure;
  failure.set_kind(kind);
  failure.set_type(type);
  failure.set_message(message);
  return failure;
}

TEST(FailureLineTest, NamesSourceKindAndMessage) {
  EXPECT_EQ(FailureLine(Failure(v1::Failure::KIND_APPLICATION, "CardDeclined", "no funds")),
            "CardDeclined: no funds");
  EXPECT_EQ(FailureLine(Failure(v1::Failure::KIND_WORKER_LOST, "", "")), "worker lost");
  EXPECT_EQ(FailureLine({}), "failed");
  v1::Failure timeout = Failure(v1::Failure::KIND_TIMEOUT, "", "no heartbeat for 5s");
  timeout.set_timeout(v1::Failure::TIMEOUT_HEARTBEAT);
  timeout.set_source("task ship (seq 3, attempt 2)");
  EXPECT_EQ(FailureLine(timeout), "task ship (seq 3, attempt 2): heartbeat timeout: no heartbeat for 5s");
  timeout.set_timeout(v1::Failure::TIMEOUT_START_TO_CLOSE);
  timeout.clear_source();
  EXPECT_EQ(FailureLine(timeout), "start-to-close timeout: no heartbeat for 5s");
}

TEST(FailureLinesTest, FollowsCausesAndKeepsLines) {
  v1::Failure failure = Failure(v1::Failure::KIND_TASK, "", "");
  failure.set_source("task charge (seq 2, attempt 3)");
  *failure.mutable_cause() = Failure(v1::Failure::KIND_NON_DETERMINISM, "", "recorded | issued\na | b\n\x1b");
  EXPECT_THAT(FailureLines(failure),
              testing::ElementsAre("task charge (seq 2, attempt 3): failed",
                                   "caused by: non-determinism: recorded | issued", "  a | b", "  \\x1b"));
  EXPECT_EQ(RootCause(failure).kind(), v1::Failure::KIND_NON_DETERMINISM);
}

TEST(FailureLinesTest, EndsSomewhere) {
  v1::Failure failure;
  v1::Failure* at = &failure;
  for (int i = 0; i < 90; ++i) at = at->mutable_cause();
  EXPECT_EQ(FailureLines(failure).size(), 51u);
}

}  // namespace
}  // namespace perdure::cli
