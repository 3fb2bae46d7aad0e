// The small language in which tests say what clients ask for.
//
//   server.Start(StartOf("order-1").RequestId("r1").Delay(500));
#ifndef PERDURE_TESTS_UNIT_PARTITION_REQUESTS_H_
#define PERDURE_TESTS_UNIT_PARTITION_REQUESTS_H_

#include <cstdint>
#include <string>
#include <utility>

#include "perdure/v1/workflow_service.pb.h"
#include "tests/unit/engine/commands.h"

namespace perdure::partition::testing {

inline const char kType[] = "order";
inline const char kTaskQueue[] = "orders";
inline const char kNamespace[] = "default";

class StartOf {
 public:
  explicit StartOf(std::string workflow_id) {
    r_.set_workflow_id(std::move(workflow_id));
    r_.set_workflow_type(kType);
    r_.set_task_queue(kTaskQueue);
  }
  StartOf& Namespace(std::string ns) { return r_.set_namespace_(std::move(ns)), *this; }
  StartOf& Type(std::string type) { return r_.set_workflow_type(std::move(type)), *this; }
  StartOf& Queue(std::string queue) { return r_.set_task_queue(std::move(queue)), *this; }
  StartOf& Input(std::string json) {
    return *r_.mutable_input() = engine::testing::Json(std::move(json)), *this;
  }
  StartOf& RequestId(std::string id) { return r_.set_request_id(std::move(id)), *this; }
  StartOf& Reuse(v1::IdReusePolicy policy) { return r_.set_id_reuse_policy(policy), *this; }
  StartOf& Conflict(v1::IdConflictPolicy policy) { return r_.set_id_conflict_policy(policy), *this; }
  StartOf& Delay(int64_t ms) { return r_.set_start_delay_ms(ms), *this; }
  StartOf& RunTimeout(int64_t ms) { return r_.set_run_timeout_ms(ms), *this; }
  StartOf& Retry(const v1::RetryPolicy& policy) { return *r_.mutable_retry_policy() = policy, *this; }
  StartOf& Retention(int64_t ms) { return r_.set_retention_ms(ms), *this; }
  operator v1::StartWorkflowRequest() const { return r_; }  // NOLINT: a start is its request

 private:
  v1::StartWorkflowRequest r_;
};

// An empty run id: the latest run.
inline v1::WorkflowExecution Execution(std::string workflow_id, std::string run_id = "") {
  v1::WorkflowExecution execution;
  execution.set_workflow_id(std::move(workflow_id));
  execution.set_run_id(std::move(run_id));
  return execution;
}

}  // namespace perdure::partition::testing

#endif  // PERDURE_TESTS_UNIT_PARTITION_REQUESTS_H_
