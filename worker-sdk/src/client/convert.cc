#include "worker-sdk/src/client/convert.h"

#include <optional>

#include "worker-sdk/src/runtime/convert.h"

namespace perdure::client {
namespace {

TimePoint FromUnixMs(std::int64_t ms) { return TimePoint(std::chrono::milliseconds(ms)); }
std::optional<TimePoint> OptionalTime(std::int64_t ms) {
  return ms > 0 ? std::optional(FromUnixMs(ms)) : std::nullopt;
}
std::int64_t ToUnixMs(TimePoint time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

// For people who look at a run: a payload that does not decode is shown as it is.
Payload Decoded(const v1::Payload& payload, const PayloadConverter* converter) {
  Payload raw = runtime::FromProto(payload);
  try {
    return runtime::Decode(converter, raw);
  } catch (const Error&) {
    return raw;
  }
}

v1::IdReusePolicy ToProto(IdReuse reuse) {
  switch (reuse) {
    case IdReuse::kAllow:
      return v1::ID_REUSE_POLICY_ALLOW;
    case IdReuse::kAllowIfFailed:
      return v1::ID_REUSE_POLICY_ALLOW_IF_FAILED;
    case IdReuse::kReject:
      return v1::ID_REUSE_POLICY_REJECT;
  }
  return v1::ID_REUSE_POLICY_UNSPECIFIED;
}

v1::IdConflictPolicy ToProto(IdConflict conflict) {
  switch (conflict) {
    case IdConflict::kFail:
      return v1::ID_CONFLICT_POLICY_FAIL;
    case IdConflict::kUseExisting:
      return v1::ID_CONFLICT_POLICY_USE_EXISTING;
    case IdConflict::kTerminateExisting:
      return v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING;
  }
  return v1::ID_CONFLICT_POLICY_UNSPECIFIED;
}

std::string StateName(v1::PendingTask::State state) {
  switch (state) {
    case v1::PendingTask::STATE_QUEUED:
      return "queued";
    case v1::PendingTask::STATE_RUNNING:
      return "running";
    case v1::PendingTask::STATE_BACKING_OFF:
      return "backing off";
    case v1::PendingTask::STATE_HELD:
      return "held";
    default:
      return "unknown";
  }
}

PendingTaskInfo FromProto(const v1::PendingTask& task, const PayloadConverter* converter) {
  PendingTaskInfo info;
  info.seq = task.seq();
  info.task_type = task.task_type();
  info.task_queue = task.task_queue();
  info.state = StateName(task.state());
  info.attempt = task.attempt();
  info.scheduled = FromUnixMs(task.scheduled_unix_ms());
  info.next_attempt = OptionalTime(task.next_attempt_unix_ms());
  if (task.has_last_failure()) info.last_failure = runtime::FromProto(task.last_failure(), converter);
  info.identity = task.identity();
  info.heartbeat_details = Decoded(task.heartbeat_details(), converter);
  info.cancel_requested = task.cancel_requested();
  info.hosted = task.hosted();
  return info;
}

}  // namespace

v1::StartWorkflowRequest ToProto(const StartOptions& options, const PayloadConverter* converter) {
  v1::StartWorkflowRequest request;
  request.set_id_reuse_policy(ToProto(options.Reuse()));
  request.set_id_conflict_policy(ToProto(options.Conflict()));
  request.set_run_timeout_ms(options.RunTimeout().count());
  request.set_execution_timeout_ms(options.ExecutionTimeout().count());
  if (options.Retry().has_value()) *request.mutable_retry_policy() = runtime::ToProto(*options.Retry());
  request.set_start_delay_ms(options.Delay().count());
  request.set_retention_ms(options.Retention().count());
  for (const auto& [key, value] : options.Memo()) {
    (*request.mutable_memo())[key] = runtime::ToProto(runtime::Encode(converter, value));
  }
  return request;
}

v1::WorkflowFilter ToProto(const ListFilter& filter) {
  v1::WorkflowFilter out;
  for (const RunStatus status : filter.Statuses()) out.add_statuses(static_cast<v1::RunStatus>(status));
  out.set_workflow_type(filter.WorkflowType());
  out.set_task_queue(filter.TaskQueue());
  out.set_workflow_id(filter.WorkflowId());
  out.set_workflow_id_prefix(filter.WorkflowIdPrefix());
  if (filter.StartedFrom().has_value()) out.set_started_from_unix_ms(ToUnixMs(*filter.StartedFrom()));
  if (filter.StartedBefore().has_value()) out.set_started_before_unix_ms(ToUnixMs(*filter.StartedBefore()));
  return out;
}

RunSummary FromProto(const v1::WorkflowSummary& summary) {
  RunSummary out;
  out.workflow_id = summary.workflow_id();
  out.run_id = summary.run_id();
  out.workflow_type = summary.workflow_type();
  out.task_queue = summary.task_queue();
  out.status = static_cast<RunStatus>(summary.status());
  out.started = FromUnixMs(summary.start_time_unix_ms());
  out.closed = OptionalTime(summary.close_time_unix_ms());
  out.attempt = summary.attempt();
  out.history_events = summary.history_events();
  return out;
}

RunDescription FromProto(const v1::DescribeWorkflowResponse& response, const PayloadConverter* converter) {
  RunDescription out;
  out.summary = FromProto(response.summary());
  out.input = Decoded(response.started().input(), converter);
  for (const auto& [key, value] : response.started().memo()) out.memo[key] = Decoded(value, converter);
  for (const v1::PendingTask& task : response.pending_tasks()) {
    out.pending_tasks.push_back(FromProto(task, converter));
  }
  out.pending_task_count = response.pending_task_count();
  for (const v1::PendingTimer& timer : response.pending_timers()) {
    out.pending_timers.push_back({timer.seq(), timer.name(), FromUnixMs(timer.due_unix_ms())});
  }
  for (const v1::PendingStep& step : response.pending_steps()) out.pending_steps.push_back(step.name());
  out.cancel_requested = response.cancel_requested();
  out.result = Decoded(response.result(), converter);
  if (response.has_failure()) out.failure = runtime::FromProto(response.failure(), converter);
  out.notes.assign(response.notes().begin(), response.notes().end());
  out.history_bytes = response.history_bytes();
  return out;
}

ServerInfo FromProto(const v1::GetServerInfoResponse& response) {
  ServerInfo out;
  out.version = response.version();
  out.started = FromUnixMs(response.started_unix_ms());
  out.partitions = response.partitions();
  out.state = response.state();
  out.sessions = response.sessions_size();
  return out;
}

}  // namespace perdure::client
