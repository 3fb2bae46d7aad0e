// What a worker's hello must look like.
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/utf8.h"
#include "server/dispatch/dispatcher.h"

namespace perdure::dispatch {
namespace {

// An identity is for people and may be longer than a name.
constexpr int64_t kIdentityBytesMax = 1'000;

template <typename... Args>
absl::Status Wrong(const std::string& field, const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat("hello.", field, args...));
}

absl::Status CheckText(const std::string& field, std::string_view value, int64_t max,
                       std::string_view limit) {
  if (static_cast<int64_t>(value.size()) > max) {
    return Wrong(field, " has ", value.size(), " bytes; the limit ", std::string(limit), " is ", max);
  }
  while (!value.empty()) {
    const base::Utf8Char c = base::DecodeUtf8(value);
    if (c.bytes == 0) return Wrong(field, " is not valid UTF-8");
    if (base::IsControl(c.code)) {
      return Wrong(field, " has a control character (U+",
                   absl::Hex(static_cast<uint32_t>(c.code), absl::kZeroPad4), ")");
    }
    value.remove_prefix(static_cast<size_t>(c.bytes));
  }
  return absl::OkStatus();
}

absl::Status CheckName(const std::string& field, std::string_view value, int64_t max) {
  if (value.empty()) return Wrong(field, " is empty; give 1 to ", max, " bytes (name_bytes_max)");
  return CheckText(field, value, max, "name_bytes_max");
}

template <typename Names>
absl::Status CheckTypes(const std::string& field, const Names& types, const DispatchOptions& options) {
  if (types.size() > options.types_per_session_max) {
    return Wrong(field, " has ", types.size(), " entries; the limit types_per_session_max is ",
                 options.types_per_session_max);
  }
  for (int i = 0; i < types.size(); ++i) {
    absl::Status status = CheckName(absl::StrCat(field, "[", i, "]"), types[i], options.name_bytes_max);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckHello(const v1::Hello& h, const DispatchOptions& options) {
  const int64_t max = options.name_bytes_max;
  const std::pair<const char*, const std::string*> names[] = {
      {"session_id", &h.session_id()}, {"namespace", &h.namespace_()}, {"task_queue", &h.task_queue()}};
  for (const auto& [field, value] : names) {
    if (absl::Status s = CheckName(field, *value, max); !s.ok()) return s;
  }
  // These are recorded, so they are bounded too.
  const std::pair<const char*, const std::string*> texts[] = {{"build_id", &h.build_id()}, {"sdk", &h.sdk()}};
  for (const auto& [field, value] : texts) {
    if (absl::Status s = CheckText(field, *value, max, "name_bytes_max"); !s.ok()) return s;
  }
  if (absl::Status s = CheckText("identity", h.identity(), kIdentityBytesMax, "for an identity"); !s.ok())
    return s;
  if (absl::Status s = CheckTypes("workflow_types", h.workflow_types(), options); !s.ok()) return s;
  if (absl::Status s = CheckTypes("task_types", h.task_types(), options); !s.ok()) return s;
  const std::pair<const char*, int64_t> credits[] = {{"max_activations", h.max_activations()},
                                                     {"max_tasks", h.max_tasks()}};
  for (const auto& [field, value] : credits) {
    if (value < 0 || value > options.credits_max) {
      return Wrong(field, " is ", value, "; it must be from 0 to credits_max, ", options.credits_max);
    }
  }
  const std::pair<const char*, int64_t> lists[] = {{"tasks_in_hand", h.tasks_in_hand_size()},
                                                   {"activations_in_hand", h.activations_in_hand_size()}};
  for (const auto& [field, size] : lists) {
    if (size > options.in_hand_max) {
      return Wrong(field, " has ", size, " entries; the limit in_hand_max is ", options.in_hand_max);
    }
  }
  return absl::OkStatus();
}

}  // namespace perdure::dispatch
