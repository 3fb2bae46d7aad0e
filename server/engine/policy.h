// Id policies: what a start may do about a run that is there already.
#ifndef PERDURE_SERVER_ENGINE_POLICY_H_
#define PERDURE_SERVER_ENGINE_POLICY_H_

#include <string>

#include "absl/status/status.h"
#include "perdure/v1/workflow_service.pb.h"

namespace perdure::engine {

// The latest run under the workflow id.
struct ExistingRun {
  std::string run_id;
  v1::RunStatus status = v1::RUN_STATUS_RUNNING;
  std::string start_request_id;
};

struct StartVerdict {
  enum class Kind {
    kStart,              // go ahead
    kUseExisting,        // answer with the existing run
    kTerminateAndStart,  // close the existing run first
    kRefuse,             // `status` says why
  };
  Kind kind = Kind::kStart;
  absl::Status status;
};

StartVerdict JudgeStart(const v1::StartWorkflowRequest& request, const ExistingRun* existing);

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_POLICY_H_
