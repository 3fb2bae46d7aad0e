#include "tests/sim/call.h"

#include "absl/strings/str_cat.h"

namespace perdure::sim {

const char* KindName(Call::Kind kind) {
  switch (kind) {
    case Call::Kind::kStart:
      return "start";
    case Call::Kind::kSignal:
      return "signal";
    case Call::Kind::kSignalWithStart:
      return "signal-with-start";
    case Call::Kind::kCancel:
      return "cancel";
    case Call::Kind::kTerminate:
      return "terminate";
    case Call::Kind::kDescribe:
      return "describe";
    case Call::Kind::kResult:
      return "result";
  }
  return "?";
}

std::string Describe(const Call& call) {
  std::string text = absl::StrCat(KindName(call.kind), " ", call.workflow_id);
  if (!call.run_id.empty()) absl::StrAppend(&text, " run ", call.run_id);
  absl::StrAppend(&text, " (", call.request_id, "), asked at ", call.asked_ms, " ms");
  if (!call.done()) return absl::StrCat(text, ", never answered");
  absl::StrAppend(&text, ", told at ", call.told_ms, " ms: ", call.status.ToString());
  if (!call.told_run_id.empty()) absl::StrAppend(&text, ", run ", call.told_run_id);
  if (call.started) absl::StrAppend(&text, ", started");
  if (call.run_status != v1::RUN_STATUS_UNSPECIFIED) {
    absl::StrAppend(&text, ", ", v1::RunStatus_Name(call.run_status));
  }
  return text;
}

}  // namespace perdure::sim
