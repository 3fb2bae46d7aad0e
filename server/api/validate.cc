#include "server/api/validate.h"

#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/base/utf8.h"
#include "server/engine/retry.h"

namespace perdure::api {
namespace {

// Points in time stay far from overflow: a thousand years.
constexpr int64_t kDurationMsMax = 1000LL * 366 * 24 * 3600 * 1000;
constexpr size_t kShownBytes = 60;
constexpr size_t kEncodingBytesMax = 64;
constexpr size_t kPayloadTypeBytesMax = 1'000;
// There are fewer statuses than this.
constexpr int kFilterStatusesMax = 32;
constexpr int64_t kPageTokenBytesMax = 8'192;

// A value for an error message: escaped and cut.
std::string Shown(std::string_view value) {
  std::string_view shown = value.substr(0, kShownBytes);
  // Not in the middle of a character.
  while (shown.size() < value.size() && !shown.empty() && (value[shown.size()] & 0xc0) == 0x80)
    shown.remove_suffix(1);
  const absl::string_view text(shown.data(), shown.size());
  return absl::StrCat("'", base::IsValidUtf8(shown) ? absl::Utf8SafeCHexEscape(text) : absl::CHexEscape(text),
                      shown.size() < value.size() ? "...'" : "'");
}

template <typename... Args>
absl::Status Invalid(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

absl::Status Text(const char* field, const std::string& value, int64_t bytes_max, const char* limit) {
  if (static_cast<int64_t>(value.size()) > bytes_max) {
    return Invalid(field, " has ", value.size(), " bytes, but ", limit, " is ", bytes_max, ": ",
                   Shown(value));
  }
  if (!base::IsValidUtf8(value)) return Invalid(field, " is not valid UTF-8: ", Shown(value));
  for (std::string_view rest = value; !rest.empty();) {
    const base::Utf8Char c = base::DecodeUtf8(rest);
    if (base::IsControl(c.code)) return Invalid(field, " has a control character: ", Shown(value));
    rest.remove_prefix(static_cast<size_t>(c.bytes));
  }
  return absl::OkStatus();
}

absl::Status Name(const char* field, const std::string& value, const ApiLimits& l) {
  if (value.empty()) return Invalid(field, " is empty; give 1 to ", l.name_bytes_max, " bytes");
  return Text(field, value, l.name_bytes_max, "name_bytes_max");
}

absl::Status Optional(const char* field, const std::string& value, const ApiLimits& l) {
  return Text(field, value, l.name_bytes_max, "name_bytes_max");
}

absl::Status WorkflowIdOf(const char* field, const std::string& value, const ApiLimits& l) {
  if (value.empty()) return Invalid(field, " is empty; give 1 to ", l.id_bytes_max, " bytes");
  return Text(field, value, l.id_bytes_max, "id_bytes_max");
}

absl::Status Execution(const v1::WorkflowExecution& e, const ApiLimits& l) {
  RETURN_IF_ERROR(WorkflowIdOf("execution.workflow_id", e.workflow_id(), l));
  return Optional("execution.run_id", e.run_id(), l);
}

absl::Status Data(const char* field, const v1::Payload& p, const ApiLimits& l) {
  if (static_cast<int64_t>(p.data().size()) > l.payload_bytes_max) {
    return Invalid(field, " has ", p.data().size(), " bytes, but payload_bytes_max is ", l.payload_bytes_max,
                   "; keep large data elsewhere and pass a reference");
  }
  if (p.encoding().size() > kEncodingBytesMax) {
    return Invalid(field, ".encoding has ", p.encoding().size(), " bytes, but the limit is ",
                   kEncodingBytesMax, ": ", Shown(p.encoding()));
  }
  if (p.type().size() > kPayloadTypeBytesMax) {
    return Invalid(field, ".type has ", p.type().size(), " bytes, but the limit is ", kPayloadTypeBytesMax,
                   ": ", Shown(p.type()));
  }
  return absl::OkStatus();
}

absl::Status Duration(const char* field, int64_t ms) {
  if (ms < 0) return Invalid(field, " is ", ms, "; it must not be negative");
  if (ms > kDurationMsMax) return Invalid(field, " is ", ms, "; it must be at most ", kDurationMsMax);
  return absl::OkStatus();
}

absl::Status Memo(const v1::StartWorkflowRequest& r, const ApiLimits& l) {
  if (r.memo_size() > l.memo_entries_max) {
    return Invalid("memo has ", r.memo_size(), " entries, but memo_entries_max is ", l.memo_entries_max);
  }
  size_t bytes = 0;
  for (const auto& [key, value] : r.memo()) {
    RETURN_IF_ERROR(Name("memo key", key, l));
    RETURN_IF_ERROR(Data("memo value", value, l));
    bytes += key.size() + value.data().size();
  }
  if (static_cast<int64_t>(bytes) > l.memo_bytes_max) {
    return Invalid("memo has ", bytes, " bytes, but memo_bytes_max is ", l.memo_bytes_max);
  }
  return absl::OkStatus();
}

absl::Status Retry(const v1::RetryPolicy& p, const ApiLimits& l) {
  if (std::string why = engine::WhyInvalid(p); !why.empty()) return Invalid("retry_policy.", why);
  if (p.non_retryable_types_size() > l.non_retryable_types_max) {
    return Invalid("retry_policy.non_retryable_types has ", p.non_retryable_types_size(),
                   " entries, but non_retryable_types_max is ", l.non_retryable_types_max);
  }
  for (const std::string& type : p.non_retryable_types()) {
    RETURN_IF_ERROR(Name("retry_policy.non_retryable_types", type, l));
  }
  return absl::OkStatus();
}

absl::Status PageToken(const std::string& token) {
  return Text("page_token", token, kPageTokenBytesMax, "the limit");
}

absl::Status Filter(const v1::WorkflowFilter& f, const ApiLimits& l) {
  if (f.statuses_size() > kFilterStatusesMax) {
    return Invalid("filter.statuses has ", f.statuses_size(), " entries, but the limit is ",
                   kFilterStatusesMax);
  }
  for (const int status : f.statuses()) {
    if (!v1::RunStatus_IsValid(status) || status == v1::RUN_STATUS_UNSPECIFIED) {
      return Invalid("filter.statuses has ", status, ", which is not a status");
    }
  }
  RETURN_IF_ERROR(Optional("filter.workflow_type", f.workflow_type(), l));
  RETURN_IF_ERROR(Optional("filter.task_queue", f.task_queue(), l));
  RETURN_IF_ERROR(Text("filter.workflow_id", f.workflow_id(), l.id_bytes_max, "id_bytes_max"));
  return Text("filter.workflow_id_prefix", f.workflow_id_prefix(), l.id_bytes_max, "id_bytes_max");
}

}  // namespace

absl::Status Validate(const v1::StartWorkflowRequest& r, const ApiLimits& l) {
  RETURN_IF_ERROR(Optional("namespace", r.namespace_(), l));
  RETURN_IF_ERROR(WorkflowIdOf("workflow_id", r.workflow_id(), l));
  RETURN_IF_ERROR(Name("workflow_type", r.workflow_type(), l));
  RETURN_IF_ERROR(Name("task_queue", r.task_queue(), l));
  RETURN_IF_ERROR(Data("input", r.input(), l));
  RETURN_IF_ERROR(Optional("request_id", r.request_id(), l));
  RETURN_IF_ERROR(Text("identity", r.identity(), l.id_bytes_max, "id_bytes_max"));
  RETURN_IF_ERROR(Duration("run_timeout_ms", r.run_timeout_ms()));
  RETURN_IF_ERROR(Duration("execution_timeout_ms", r.execution_timeout_ms()));
  RETURN_IF_ERROR(Duration("start_delay_ms", r.start_delay_ms()));
  RETURN_IF_ERROR(Duration("retention_ms", r.retention_ms()));
  RETURN_IF_ERROR(Duration("wait_ms", r.wait_ms()));
  if (!v1::IdReusePolicy_IsValid(r.id_reuse_policy())) {
    return Invalid("id_reuse_policy is ", r.id_reuse_policy(), ", which is not a policy");
  }
  if (!v1::IdConflictPolicy_IsValid(r.id_conflict_policy())) {
    return Invalid("id_conflict_policy is ", r.id_conflict_policy(), ", which is not a policy");
  }
  if (r.has_retry_policy()) RETURN_IF_ERROR(Retry(r.retry_policy(), l));
  return Memo(r, l);
}

absl::Status ValidateInBatch(const v1::StartWorkflowRequest& r, const ApiLimits& l) {
  if (r.wait_ms() != 0) {
    return Invalid("wait_ms is ", r.wait_ms(),
                   ", but only StartWorkflow waits; leave it 0 and call GetResult");
  }
  return Validate(r, l);
}

absl::Status Validate(const v1::StartWorkflowsRequest& r, const ApiLimits& l) {
  if (r.starts().empty()) return Invalid("starts is empty; name at least one");
  if (r.starts_size() > l.starts_per_call_max) {
    return Invalid("starts has ", r.starts_size(), " entries, but starts_per_call_max is ",
                   l.starts_per_call_max, "; make several calls");
  }
  return absl::OkStatus();
}

absl::Status Validate(const v1::SignalWorkflowRequest& r, const ApiLimits& l) {
  RETURN_IF_ERROR(Optional("namespace", r.namespace_(), l));
  RETURN_IF_ERROR(Execution(r.execution(), l));
  RETURN_IF_ERROR(Name("signal_name", r.signal_name(), l));
  RETURN_IF_ERROR(Data("input", r.input(), l));
  RETURN_IF_ERROR(Text("identity", r.identity(), l.id_bytes_max, "id_bytes_max"));
  return Optional("request_id", r.request_id(), l);
}

absl::Status Validate(const v1::SignalWithStartWorkflowRequest& r, const ApiLimits& l) {
  if (const absl::Status s = ValidateInBatch(r.start(), l); !s.ok()) return Invalid("start.", s.message());
  RETURN_IF_ERROR(Name("signal_name", r.signal_name(), l));
  return Data("signal_input", r.signal_input(), l);
}

absl::Status Validate(const v1::CancelWorkflowRequest& r, const ApiLimits& l) {
  RETURN_IF_ERROR(Optional("namespace", r.namespace_(), l));
  RETURN_IF_ERROR(Execution(r.execution(), l));
  RETURN_IF_ERROR(Text("reason", r.reason(), l.reason_bytes_max, "reason_bytes_max"));
  RETURN_IF_ERROR(Text("identity", r.identity(), l.id_bytes_max, "id_bytes_max"));
  return Optional("request_id", r.request_id(), l);
}

absl::Status Validate(const v1::TerminateWorkflowRequest& r, const ApiLimits& l) {
  RETURN_IF_ERROR(Optional("namespace", r.namespace_(), l));
  RETURN_IF_ERROR(Execution(r.execution(), l));
  RETURN_IF_ERROR(Text("reason", r.reason(), l.reason_bytes_max, "reason_bytes_max"));
  RETURN_IF_ERROR(Text("identity", r.identity(), l.id_bytes_max, "id_bytes_max"));
  return Optional("request_id", r.request_id(), l);
}

absl::Status Validate(const v1::GetResultRequest& r, const ApiLimits& l) {
  RETURN_IF_ERROR(Optional("namespace", r.namespace_(), l));
  RETURN_IF_ERROR(Execution(r.execution(), l));
  return Duration("wait_ms", r.wait_ms());
}

absl::Status Validate(const v1::DescribeWorkflowRequest& r, const ApiLimits& l) {
  RETURN_IF_ERROR(Optional("namespace", r.namespace_(), l));
  return Execution(r.execution(), l);
}

absl::Status Validate(const v1::GetHistoryRequest& r, const ApiLimits& l) {
  RETURN_IF_ERROR(Optional("namespace", r.namespace_(), l));
  RETURN_IF_ERROR(Execution(r.execution(), l));
  if (r.page_size() < 0 || r.page_size() > l.history_page_size_max) {
    return Invalid("page_size is ", r.page_size(), "; it must be from 0 to history_page_size_max, ",
                   l.history_page_size_max);
  }
  return PageToken(r.page_token());
}

absl::Status Validate(const v1::ListWorkflowsRequest& r, const ApiLimits& l) {
  RETURN_IF_ERROR(Optional("namespace", r.namespace_(), l));
  RETURN_IF_ERROR(Filter(r.filter(), l));
  if (r.page_size() < 0 || r.page_size() > l.page_size_max) {
    return Invalid("page_size is ", r.page_size(), "; it must be from 0 to page_size_max, ", l.page_size_max);
  }
  return PageToken(r.page_token());
}

absl::Status Validate(const v1::CountWorkflowsRequest& r, const ApiLimits& l) {
  RETURN_IF_ERROR(Optional("namespace", r.namespace_(), l));
  return Filter(r.filter(), l);
}

absl::Status Validate(const v1::WatchWorkflowRequest& r, const ApiLimits& l) {
  RETURN_IF_ERROR(Optional("namespace", r.namespace_(), l));
  RETURN_IF_ERROR(Execution(r.execution(), l));
  if (r.from_event_id() < 0)
    return Invalid("from_event_id is ", r.from_event_id(), "; it must not be negative");
  return absl::OkStatus();
}

}  // namespace perdure::api
