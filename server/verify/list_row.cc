#include "server/verify/list_row.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/partition/partition.h"

namespace perdure::verify {
namespace {

void CompareClosed(Difference& diff, const engine::RunState& s, const internal::v1::ListRecord& row) {
  const v1::RunStarted& started = s.started();
  const int64_t closed_ms = s.closing_event->time_unix_ms();
  diff.Field("close_time_unix_ms", closed_ms, row.close_time_unix_ms());
  diff.Field("history_events", s.last_event_id, row.history_events());
  diff.Field("history_bytes", s.history_bytes, row.history_bytes());
  if (started.retention_ms() > 0) {
    diff.Field("expires_unix_ms", closed_ms + started.retention_ms(), row.expires_unix_ms());
  } else if (row.expires_unix_ms() < closed_ms) {
    diff.Field("expires_unix_ms", absl::StrCat("at least ", closed_ms), absl::StrCat(row.expires_unix_ms()));
  }
  if (!row.next_run_id().empty() && partition::RunOf(row.next_run_id()).value_or(0) <= s.run) {
    diff.Field("next_run_id", std::string("the id of a later run"), row.next_run_id());
  }
}

}  // namespace

Difference ListRowDifference(const engine::RunState& s, const internal::v1::ListRecord& row) {
  Difference diff;
  const v1::RunStarted& started = s.started();
  diff.Field("workflow_id", started.workflow_id(), row.workflow_id());
  diff.Field("run_id", started.run_id(), row.run_id());
  diff.Field("status", v1::RunStatus_Name(s.status), v1::RunStatus_Name(row.status()));
  diff.Field("workflow_type", started.workflow_type(), row.workflow_type());
  diff.Field("task_queue", started.task_queue(), row.task_queue());
  diff.Field("start_time_unix_ms", s.started_event->time_unix_ms(), row.start_time_unix_ms());
  diff.Field("attempt", started.attempt(), row.attempt());
  diff.Field("start_request_id", started.request_id(), row.start_request_id());
  if (s.closing_event) {
    CompareClosed(diff, s, row);
  } else {
    diff.Field("close_time_unix_ms", int64_t{0}, row.close_time_unix_ms());
    diff.Field("expires_unix_ms", int64_t{0}, row.expires_unix_ms());
  }
  return diff;
}

}  // namespace perdure::verify
