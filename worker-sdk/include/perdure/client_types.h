// What a Client tells about runs: plain values.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_CLIENT_TYPES_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_CLIENT_TYPES_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdure/errors.h"
#include "perdure/payload.h"

namespace perdure {

using TimePoint = std::chrono::system_clock::time_point;

// The numbers are those of perdure.v1.RunStatus.
enum class RunStatus {
  kUnspecified = 0,
  kRunning = 1,
  kCompleted = 2,
  kFailed = 3,
  kCancelled = 4,
  kTerminated = 5,
  kTimedOut = 6,
  kContinued = 7,
};

// "running", "timed out", ...
std::string_view RunStatusName(RunStatus status);

struct RunSummary {
  std::string workflow_id;
  std::string run_id;
  std::string workflow_type;
  std::string task_queue;
  RunStatus status = RunStatus::kUnspecified;
  TimePoint started;
  std::optional<TimePoint> closed;
  // More than 1 for a run that follows failed ones.
  int attempt = 1;
  std::int64_t history_events = 0;
};

struct PendingTaskInfo {
  std::int64_t seq = 0;
  std::string task_type;
  std::string task_queue;
  // "queued", "running", "backing off", "held".
  std::string state;
  int attempt = 1;
  TimePoint scheduled;
  std::optional<TimePoint> next_attempt;
  std::optional<Failure> last_failure;
  // Of the worker that has it.
  std::string identity;
  Payload heartbeat_details;
  bool cancel_requested = false;
  // Whether a connected worker hosts it.
  bool hosted = false;
};

struct PendingTimerInfo {
  std::int64_t seq = 0;
  std::string name;
  TimePoint due;
};

struct RunDescription {
  RunSummary summary;
  Payload input;
  std::map<std::string, Payload> memo;
  // The first 100.
  std::vector<PendingTaskInfo> pending_tasks;
  std::int64_t pending_task_count = 0;
  std::vector<PendingTimerInfo> pending_timers;
  std::vector<std::string> pending_steps;
  bool cancel_requested = false;
  // With a run that is closed.
  Payload result;
  std::optional<Failure> failure;
  // Sentences about what holds the run up.
  std::vector<std::string> notes;
  std::int64_t history_bytes = 0;
};

struct ServerInfo {
  std::string version;
  TimePoint started;
  int partitions = 0;
  std::string state;
  int sessions = 0;
};

// Which runs to list or count; all that is set must hold.
//   client.List(ListFilter().Status(RunStatus::kRunning).WorkflowType("order_fulfillment"))
class ListFilter {
 public:
  ListFilter() {}

  // Called several times: any of these.
  ListFilter& Status(RunStatus value) {
    statuses_.push_back(value);
    return *this;
  }
  ListFilter& WorkflowType(std::string value) {
    workflow_type_ = std::move(value);
    return *this;
  }
  ListFilter& TaskQueue(std::string value) {
    task_queue_ = std::move(value);
    return *this;
  }
  ListFilter& WorkflowId(std::string value) {
    workflow_id_ = std::move(value);
    return *this;
  }
  ListFilter& WorkflowIdPrefix(std::string value) {
    workflow_id_prefix_ = std::move(value);
    return *this;
  }
  ListFilter& StartedFrom(TimePoint value) {
    started_from_ = value;
    return *this;
  }
  ListFilter& StartedBefore(TimePoint value) {
    started_before_ = value;
    return *this;
  }

  const std::vector<RunStatus>& Statuses() const { return statuses_; }
  const std::string& WorkflowType() const { return workflow_type_; }
  const std::string& TaskQueue() const { return task_queue_; }
  const std::string& WorkflowId() const { return workflow_id_; }
  const std::string& WorkflowIdPrefix() const { return workflow_id_prefix_; }
  const std::optional<TimePoint>& StartedFrom() const { return started_from_; }
  const std::optional<TimePoint>& StartedBefore() const { return started_before_; }

 private:
  std::vector<RunStatus> statuses_;
  std::string workflow_type_;
  std::string task_queue_;
  std::string workflow_id_;
  std::string workflow_id_prefix_;
  std::optional<TimePoint> started_from_;
  std::optional<TimePoint> started_before_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_CLIENT_TYPES_H_
