// Id policies: what a start may do about a run that is there already.
#include "server/engine/policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure::engine::testing {
namespace {

using Kind = StartVerdict::Kind;
using ::testing::HasSubstr;

v1::StartWorkflowRequest Request() {
  v1::StartWorkflowRequest request;
  request.set_workflow_id("order-42");
  request.set_request_id("request-2");
  return request;
}

v1::StartWorkflowRequest WithReuse(v1::IdReusePolicy policy) {
  v1::StartWorkflowRequest request = Request();
  request.set_id_reuse_policy(policy);
  return request;
}

v1::StartWorkflowRequest WithConflict(v1::IdConflictPolicy policy) {
  v1::StartWorkflowRequest request = Request();
  request.set_id_conflict_policy(policy);
  return request;
}

ExistingRun Existing(v1::RunStatus status) { return {"run-1", status, "request-1", {}}; }

Kind Judge(const v1::StartWorkflowRequest& request, v1::RunStatus status) {
  const ExistingRun existing = Existing(status);
  return JudgeStart(request, &existing).kind;
}

TEST(StartPolicyTest, StartsUnderAFreshId) {
  for (const auto reuse : {v1::ID_REUSE_POLICY_ALLOW, v1::ID_REUSE_POLICY_REJECT}) {
    EXPECT_EQ(JudgeStart(WithReuse(reuse), nullptr).kind, Kind::kStart);
  }
}

TEST(StartPolicyTest, AnswersARepeatedRequestWithItsRunWhateverThePolicies) {
  v1::StartWorkflowRequest request = WithReuse(v1::ID_REUSE_POLICY_REJECT);
  request.set_id_conflict_policy(v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING);
  request.set_request_id("request-1");
  EXPECT_EQ(Judge(request, v1::RUN_STATUS_RUNNING), Kind::kUseExisting);
  EXPECT_EQ(Judge(request, v1::RUN_STATUS_COMPLETED), Kind::kUseExisting);
}

TEST(StartPolicyTest, TakesNoRequestWithoutAnIdForARepeatedOne) {
  v1::StartWorkflowRequest request = WithConflict(v1::ID_CONFLICT_POLICY_FAIL);
  request.clear_request_id();
  const ExistingRun existing{"run-1", v1::RUN_STATUS_RUNNING, "", {}};
  EXPECT_EQ(JudgeStart(request, &existing).kind, Kind::kRefuse);
}

TEST(StartPolicyTest, FollowsTheConflictPolicyWhileARunIsOpen) {
  EXPECT_EQ(Judge(WithConflict(v1::ID_CONFLICT_POLICY_UNSPECIFIED), v1::RUN_STATUS_RUNNING), Kind::kRefuse);
  EXPECT_EQ(Judge(WithConflict(v1::ID_CONFLICT_POLICY_FAIL), v1::RUN_STATUS_RUNNING), Kind::kRefuse);
  EXPECT_EQ(Judge(WithConflict(v1::ID_CONFLICT_POLICY_USE_EXISTING), v1::RUN_STATUS_RUNNING),
            Kind::kUseExisting);
  EXPECT_EQ(Judge(WithConflict(v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING), v1::RUN_STATUS_RUNNING),
            Kind::kTerminateAndStart);
}

TEST(StartPolicyTest, DoesNotLookAtTheConflictPolicyOnceTheRunIsClosed) {
  for (const auto conflict : {v1::ID_CONFLICT_POLICY_FAIL, v1::ID_CONFLICT_POLICY_USE_EXISTING,
                              v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING}) {
    EXPECT_EQ(Judge(WithConflict(conflict), v1::RUN_STATUS_COMPLETED), Kind::kStart);
  }
}

TEST(StartPolicyTest, FollowsTheReusePolicyOnceTheRunIsClosed) {
  for (const auto status : {v1::RUN_STATUS_COMPLETED, v1::RUN_STATUS_FAILED, v1::RUN_STATUS_CANCELLED,
                            v1::RUN_STATUS_TERMINATED, v1::RUN_STATUS_TIMED_OUT, v1::RUN_STATUS_CONTINUED}) {
    EXPECT_EQ(Judge(WithReuse(v1::ID_REUSE_POLICY_UNSPECIFIED), status), Kind::kStart);
    EXPECT_EQ(Judge(WithReuse(v1::ID_REUSE_POLICY_ALLOW), status), Kind::kStart);
    EXPECT_EQ(Judge(WithReuse(v1::ID_REUSE_POLICY_REJECT), status), Kind::kRefuse);
  }
}

TEST(StartPolicyTest, AllowsReuseAfterAFailureOnly) {
  const auto request = WithReuse(v1::ID_REUSE_POLICY_ALLOW_IF_FAILED);
  EXPECT_EQ(Judge(request, v1::RUN_STATUS_COMPLETED), Kind::kRefuse);
  EXPECT_EQ(Judge(request, v1::RUN_STATUS_CONTINUED), Kind::kRefuse);
  for (const auto status : {v1::RUN_STATUS_FAILED, v1::RUN_STATUS_CANCELLED, v1::RUN_STATUS_TERMINATED,
                            v1::RUN_STATUS_TIMED_OUT}) {
    EXPECT_EQ(Judge(request, status), Kind::kStart);
  }
}

TEST(StartPolicyTest, NamesTheRunInTheWayAndThePolicy) {
  const ExistingRun open = Existing(v1::RUN_STATUS_RUNNING);
  const StartVerdict conflict = JudgeStart(Request(), &open);
  EXPECT_EQ(conflict.status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(conflict.status.message()), HasSubstr("order-42"));
  EXPECT_THAT(std::string(conflict.status.message()), HasSubstr("run-1"));
  EXPECT_THAT(std::string(conflict.status.message()), HasSubstr("id conflict policy is FAIL"));
  const ExistingRun closed = Existing(v1::RUN_STATUS_COMPLETED);
  const StartVerdict reuse = JudgeStart(WithReuse(v1::ID_REUSE_POLICY_REJECT), &closed);
  EXPECT_THAT(std::string(reuse.status.message()), HasSubstr("id reuse policy is REJECT"));
}

TEST(StartPolicyTest, ARepeatedRequestGetsItsOwnRunThoughAnotherFollowed) {
  ExistingRun existing{
      "run-2", v1::RUN_STATUS_RUNNING, "request-2", {{"request-0", "run-0"}, {"request-1", "run-1"}}};
  v1::StartWorkflowRequest request;
  request.set_request_id("request-1");
  request.set_id_conflict_policy(v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING);
  const StartVerdict verdict = JudgeStart(request, &existing);
  EXPECT_EQ(verdict.kind, StartVerdict::Kind::kUseExisting);
  EXPECT_EQ(verdict.run_id, "run-1");
}

}  // namespace
}  // namespace perdure::engine::testing
