// JSON in, JSON out.
#include "cmd/perdure/payload_text.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <istream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cmd/perdure/json_text.h"
#include "cmd/perdure/text.h"
#include "server/base/status_macros.h"
#include "server/base/units.h"
#include "server/base/utf8.h"

namespace perdure::cli {
namespace {

// More than any server takes; keeps a wrong file from filling the memory.
constexpr size_t kInputBytesMax = size_t{64} << 20;

bool IsJson(const v1::Payload& payload) {
  return payload.encoding() == "json" && CheckJson(payload.data()).ok();
}

absl::StatusOr<std::string> ReadAll(const std::string& option, const std::string& what, std::istream& in) {
  std::string text(kInputBytesMax + 1, '\0');
  errno = 0;
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || errno == EISDIR) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": cannot read ", what, ": ", std::strerror(errno)));
  }
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kInputBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": ", what, " holds more than ", base::FormatBytes(kInputBytesMax)));
  }
  return text;
}

absl::StatusOr<std::string> ReadFile(const std::string& option, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": cannot read ", path, ": ", std::strerror(errno)));
  }
  return ReadAll(option, path, file);
}

}  // namespace

std::string PayloadLine(const v1::Payload& payload) {
  if (payload.encoding().empty()) return "";
  if (IsJson(payload)) return Printable(CompactJson(payload.data()));
  const std::string type = payload.type().empty() ? "" : absl::StrCat(" ", payload.type());
  return Printable(absl::StrCat(payload.encoding(), type, ", ", payload.data().size(), " bytes"));
}

std::string PayloadText(const v1::Payload& payload, int width) {
  if (!IsJson(payload)) return PayloadLine(payload);
  std::string out;
  for (const absl::string_view line : absl::StrSplit(PrettyJson(payload.data(), width), '\n')) {
    absl::StrAppend(&out, out.empty() ? "" : "\n", Printable(Std(line)));
  }
  return out;
}

absl::StatusOr<v1::Payload> ReadPayload(const std::string& option, const std::string& value,
                                        std::istream& in) {
  if (value.empty()) return v1::Payload();
  std::string text = value;
  std::string where;
  if (value == "-") {
    ASSIGN_OR_RETURN(text, ReadAll(option, "standard input", in));
    where = " from standard input";
  } else if (value[0] == '@') {
    ASSIGN_OR_RETURN(text, ReadFile(option, value.substr(1)));
    where = absl::StrCat(" in ", value.substr(1));
  }
  if (const absl::Status status = CheckJson(text); !status.ok()) {
    const absl::string_view hint =
        where.empty()
            ? "; write JSON in single quotes ('{\"id\": 1}', '\"text\"'), @FILE, or - for standard input"
            : "";
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": not valid JSON", where, ": ", status.message(), hint));
  }
  v1::Payload payload;
  payload.set_encoding("json");
  payload.set_data(CompactJson(text));
  return payload;
}

v1::Payload MemoValue(const std::string& value) {
  v1::Payload payload;
  payload.set_encoding("json");
  if (CheckJson(value).ok()) {
    payload.set_data(CompactJson(value));
  } else {
    base::AppendJsonString(*payload.mutable_data(), value);
  }
  return payload;
}

}  // namespace perdure::cli
