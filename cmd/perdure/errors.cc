// From status to sentence.
#include "cmd/perdure/errors.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "cmd/perdure/text.h"

namespace perdure::cli {
namespace {

absl::string_view HintFor(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kNotFound:
      return "perdure workflow list shows what there is";
    case absl::StatusCode::kAlreadyExists:
      return "choose another --id, or see --id-conflict and --id-reuse in perdure workflow start --help";
    case absl::StatusCode::kResourceExhausted:
      return "wait a little and try again";
    case absl::StatusCode::kUnavailable:
      return "the server is starting or stopping; try again in a moment";
    case absl::StatusCode::kUnimplemented:
      return "the server is of another version, or something else listens at this address";
    default:
      return "";
  }
}

}  // namespace

std::string ErrorText(const absl::Status& status, const Globals& globals) {
  if (IsUnreachable(status)) {
    return absl::StrCat("perdure: cannot reach perdured at ", Printable(globals.address), ": ",
                        Printable(Std(status.message())),
                        "\n  start it with: perdured --data-dir DIR, or pass --address HOST:PORT (or set "
                        "PERDURE_ADDRESS)\n");
  }
  const std::string message =
      status.message().empty() ? absl::StatusCodeToString(status.code()) : std::string(status.message());
  std::string text = absl::StrCat("perdure: ", Printable(message), "\n");
  const absl::string_view hint = HintFor(status.code());
  if (!hint.empty()) absl::StrAppend(&text, "  ", hint, "\n");
  return text;
}

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kUnavailable:
      return kExitUnreachable;
    default:
      return kExitFailed;
  }
}

absl::Status Annotate(const absl::Status& status, const std::string& what) {
  if (status.ok() || IsUnreachable(status)) return status;
  return {status.code(), absl::StrCat(what, ": ", status.message())};
}

}  // namespace perdure::cli
