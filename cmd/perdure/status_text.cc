// Names and colours of statuses.
#include "cmd/perdure/status_text.h"

#include <algorithm>

#include "cmd/perdure/json_output.h"

namespace perdure::cli {

std::string StatusText(v1::RunStatus status) {
  std::string word = EnumWord(v1::RunStatus_Name(status), "RunStatus");
  std::replace(word.begin(), word.end(), '_', ' ');
  return word;
}

Tone StatusTone(v1::RunStatus status) {
  switch (status) {
    case v1::RUN_STATUS_COMPLETED:
      return Tone::kGood;
    case v1::RUN_STATUS_FAILED:
    case v1::RUN_STATUS_TIMED_OUT:
      return Tone::kBad;
    case v1::RUN_STATUS_CANCELLED:
    case v1::RUN_STATUS_TERMINATED:
      return Tone::kWarning;
    default:
      return Tone::kPlain;
  }
}

const std::vector<std::string>& StatusWords() {
  static const auto* const words = new std::vector<std::string>{
      "running", "completed", "failed", "cancelled", "terminated", "timed-out", "continued"};
  return *words;
}

}  // namespace perdure::cli
