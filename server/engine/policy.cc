// Id policies.
//
//   latest run     | policy                          | verdict
//   ---------------+---------------------------------+----------------------------------
//   none           | any                             | start
//   same request,  | any                             | use that run (a repeated request)
//    also earlier  |                                 |
//   open           | conflict: fail                  | refuse
//   open           | conflict: use existing          | use existing
//   open           | conflict: terminate existing    | terminate and start
//   closed         | reuse: allow                    | start
//   completed      | reuse: allow if failed          | refuse
//   closed else    | reuse: allow if failed          | start
//   closed         | reuse: reject                   | refuse
#include "server/engine/policy.h"

#include "absl/strings/str_cat.h"
#include "server/engine/describe.h"

namespace perdure::engine {
namespace {

absl::Status InTheWay(const v1::StartWorkflowRequest& request, const ExistingRun& run, const char* policy) {
  return absl::AlreadyExistsError(absl::StrCat("workflow '", request.workflow_id(), "' has run ", run.run_id,
                                               " (", StatusWord(run.status), "), and the ", policy));
}

}  // namespace

const std::string* StartedBy(const std::string& request_id, const ExistingRun& existing) {
  if (request_id.empty()) return nullptr;
  if (request_id == existing.start_request_id) return &existing.run_id;
  // Another start may have come between a request and its repetition: that must not undo the other one.
  for (const EarlierStart& start : existing.earlier) {
    if (request_id == start.request_id) return &start.run_id;
  }
  return nullptr;
}

StartVerdict JudgeStart(const v1::StartWorkflowRequest& request, const ExistingRun* existing) {
  using Kind = StartVerdict::Kind;
  if (existing == nullptr) return {Kind::kStart, {}, ""};
  if (const std::string* run_id = StartedBy(request.request_id(), *existing)) {
    return {Kind::kUseExisting, {}, *run_id};
  }
  if (existing->status == v1::RUN_STATUS_RUNNING) {
    switch (request.id_conflict_policy()) {
      case v1::ID_CONFLICT_POLICY_USE_EXISTING:
        return {Kind::kUseExisting, {}, existing->run_id};
      case v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING:
        return {Kind::kTerminateAndStart, {}, ""};
      default:
        return {Kind::kRefuse, InTheWay(request, *existing, "id conflict policy is FAIL"), ""};
    }
  }
  switch (request.id_reuse_policy()) {
    case v1::ID_REUSE_POLICY_REJECT:
      return {Kind::kRefuse, InTheWay(request, *existing, "id reuse policy is REJECT"), ""};
    case v1::ID_REUSE_POLICY_ALLOW_IF_FAILED:
      if (existing->status == v1::RUN_STATUS_COMPLETED || existing->status == v1::RUN_STATUS_CONTINUED) {
        return {Kind::kRefuse, InTheWay(request, *existing, "id reuse policy is ALLOW_IF_FAILED"), ""};
      }
      return {Kind::kStart, {}, ""};
    default:
      return {Kind::kStart, {}, ""};
  }
}

}  // namespace perdure::engine
