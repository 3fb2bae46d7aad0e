// Id policies: what a start may do about a run that is there already.
#ifndef PERDURE_SERVER_ENGINE_POLICY_H_
#define PERDURE_SERVER_ENGINE_POLICY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "perdure/v1/workflow_service.pb.h"

namespace perdure::engine {

// A start that was answered before.
struct EarlierStart {
  std::string request_id;
  std::string run_id;
};
// So many are remembered under each workflow id.
inline constexpr size_t kEarlierStartsMax = 8;

// The latest run under the workflow id, and what was started before it.
struct ExistingRun {
  std::string run_id;
  v1::RunStatus status = v1::RUN_STATUS_RUNNING;
  std::string start_request_id;
  std::vector<EarlierStart> earlier;
};

struct StartVerdict {
  enum class Kind {
    kStart,              // go ahead
    kUseExisting,        // answer with `run_id`
    kTerminateAndStart,  // close the existing run first
    kRefuse,             // `status` says why
  };
  Kind kind = Kind::kStart;
  absl::Status status;
  std::string run_id;
};

// The run that a start with this request id began; null: none that is known, as for an empty one.
const std::string* StartedBy(const std::string& request_id, const ExistingRun& existing);

StartVerdict JudgeStart(const v1::StartWorkflowRequest& request, const ExistingRun* existing);

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_POLICY_H_
