// Failure chains.
#include "cmd/perdure/failure_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cmd/perdure/json_output.h"
#include "cmd/perdure/text.h"

namespace perdure::cli {
namespace {

// Chains deeper than this are cut: they come from others.
constexpr int kCausesMax = 50;

// "start-to-close timeout", "non-determinism", "worker lost".
std::string KindText(const v1::Failure& failure) {
  const auto word = [](const std::string& name, const char* enum_name, char blank) {
    std::string text = EnumWord(name, enum_name);
    std::replace(text.begin(), text.end(), '_', blank);
    return text;
  };
  switch (failure.kind()) {
    case v1::Failure::KIND_UNSPECIFIED:
    case v1::Failure::KIND_APPLICATION:
      return "";
    case v1::Failure::KIND_TASK:
    case v1::Failure::KIND_STEP:
      return "failed";
    case v1::Failure::KIND_TIMEOUT:
      if (failure.timeout() == v1::Failure::TIMEOUT_UNSPECIFIED) return "timeout";
      return word(v1::Failure::Timeout_Name(failure.timeout()), "Timeout", '-') + " timeout";
    case v1::Failure::KIND_NON_DETERMINISM:
      return "non-determinism";
    default:
      return word(v1::Failure::Kind_Name(failure.kind()), "Kind", ' ');
  }
}

// What stands before the message.
std::string HeadOf(const v1::Failure& failure) {
  std::string head;
  for (const std::string& part :
       {failure.source(), failure.type().empty() ? KindText(failure) : failure.type()}) {
    if (!part.empty()) absl::StrAppend(&head, head.empty() ? "" : ": ", Printable(part));
  }
  return head;
}

std::string Join(const std::string& head, absl::string_view message) {
  if (message.empty()) return head.empty() ? "failed" : head;
  return head.empty() ? Printable(Std(message)) : absl::StrCat(head, ": ", Printable(Std(message)));
}

}  // namespace

std::string FailureLine(const v1::Failure& failure) {
  const absl::string_view message = failure.message();
  return Join(HeadOf(failure), message.substr(0, message.find('\n')));
}

const v1::Failure& RootCause(const v1::Failure& failure) {
  const v1::Failure* at = &failure;
  for (int i = 0; i < kCausesMax && at->has_cause(); ++i) at = &at->cause();
  return *at;
}

std::vector<std::string> FailureLines(const v1::Failure& failure) {
  std::vector<std::string> lines;
  const v1::Failure* at = &failure;
  for (int i = 0; i <= kCausesMax; ++i) {
    const std::vector<std::string> message = absl::StrSplit(at->message(), '\n');
    lines.push_back(absl::StrCat(i == 0 ? "" : "caused by: ", Join(HeadOf(*at), message[0])));
    for (size_t n = 1; n < message.size(); ++n) lines.push_back(absl::StrCat("  ", Printable(message[n])));
    if (!at->has_cause()) break;
    at = &at->cause();
  }
  return lines;
}

}  // namespace perdure::cli
