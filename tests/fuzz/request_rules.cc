#include "tests/fuzz/request_rules.h"

#include <google/protobuf/descriptor.h>

#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace perdure::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int64_t kThousandYearsMs = 1000LL * 366 * 24 * 3600 * 1000;

struct TextRule {
  int64_t bytes_max = 0;
  bool may_be_empty = true;
  // People read it: no control characters.
  bool clean = true;
};

class Rules {
 public:
  explicit Rules(const api::ApiLimits& limits) : limits_(limits) {
    const TextRule name{limits.name_bytes_max};
    const TextRule given_name{limits.name_bytes_max, false};
    const TextRule id{limits.id_bytes_max};
    const TextRule given_id{limits.id_bytes_max, false};
    for (const char* field : {"namespace", "request_id", "run_id", "workflow_type", "task_queue"})
      texts_[field] = name;
    for (const char* field : {"identity", "workflow_id", "workflow_id_prefix"}) texts_[field] = id;
    for (const char* field :
         {"signal_name", "StartWorkflowRequest.workflow_type", "StartWorkflowRequest.task_queue",
          "RetryPolicy.non_retryable_types", "MemoEntry.key"}) {
      texts_[field] = given_name;
    }
    for (const char* field : {"StartWorkflowRequest.workflow_id", "WorkflowExecution.workflow_id"})
      texts_[field] = given_id;
    texts_["reason"] = {limits.reason_bytes_max};
    texts_["page_token"] = {8'192};
    texts_["Payload.encoding"] = {64, true, false};
    texts_["Payload.type"] = {1'000, true, false};
    texts_["Payload.data"] = {limits.payload_bytes_max, true, false};
    numbers_["GetHistoryRequest.page_size"] = limits.history_page_size_max;
    numbers_["ListWorkflowsRequest.page_size"] = limits.page_size_max;
    for (const char* field : {"initial_interval_ms", "max_interval_ms", "max_attempts", "from_event_id"})
      numbers_[field] = INT64_MAX;
    lists_["statuses"] = 32;
    lists_["memo"] = limits.memo_entries_max;
    lists_["non_retryable_types"] = limits.non_retryable_types_max;
    lists_["starts"] = limits.starts_per_call_max;
  }

  std::string Judge(const Message& message) const {
    const Reflection& r = *message.GetReflection();
    std::vector<const FieldDescriptor*> set;
    r.ListFields(message, &set);
    // Texts without presence count as empty when they are not listed.
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor* field = message.GetDescriptor()->field(i);
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !field->is_repeated() &&
          r.GetString(message, field).empty() && !Rule(texts_, *field, TextRule{}).may_be_empty)
        return absl::StrCat(field->full_name(), " is empty");
    }
    for (const FieldDescriptor* field : set) {
      std::string why = field->is_repeated() ? JudgeList(message, *field) : JudgeOne(message, *field, -1);
      if (!why.empty()) return absl::StrCat(field->full_name(), " ", why);
    }
    if (const FieldDescriptor* memo = message.GetDescriptor()->FindFieldByName("memo"))
      return JudgeMemo(message, *memo);
    return "";
  }

 private:
  // That of "Message.field", else that of "field".
  template <typename T>
  static T Rule(const std::map<std::string, T>& rules, const FieldDescriptor& field, T otherwise) {
    auto it = rules.find(absl::StrCat(field.containing_type()->name(), ".", field.name()));
    if (it == rules.end()) it = rules.find(field.name());
    return it == rules.end() ? otherwise : it->second;
  }

  std::string JudgeList(const Message& message, const FieldDescriptor& field) const {
    const int size = message.GetReflection()->FieldSize(message, &field);
    const int64_t most = Rule<int64_t>(lists_, field, -1);
    if (size > most) return absl::StrCat("has ", size, " entries, and ", most, " are the most");
    for (int i = 0; i < size; ++i) {
      if (std::string why = JudgeOne(message, field, i); !why.empty()) return why;
    }
    return "";
  }

  std::string JudgeOne(const Message& m, const FieldDescriptor& f, int i) const {
    const Reflection& r = *m.GetReflection();
    switch (f.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        return JudgeText(i < 0 ? r.GetString(m, &f) : r.GetRepeatedString(m, &f, i), f);
      case FieldDescriptor::CPPTYPE_INT32:
        return JudgeNumber(i < 0 ? r.GetInt32(m, &f) : r.GetRepeatedInt32(m, &f, i), f);
      case FieldDescriptor::CPPTYPE_INT64:
        return JudgeNumber(i < 0 ? r.GetInt64(m, &f) : r.GetRepeatedInt64(m, &f, i), f);
      case FieldDescriptor::CPPTYPE_ENUM:
        return JudgeEnum(i < 0 ? r.GetEnumValue(m, &f) : r.GetRepeatedEnumValue(m, &f, i), f);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return JudgeReal(r.GetDouble(m, &f), f);
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Judge(i < 0 ? r.GetMessage(m, &f) : r.GetRepeatedMessage(m, &f, i));
      case FieldDescriptor::CPPTYPE_BOOL:
        return "";
      default:
        return "has no rule";
    }
  }

  std::string JudgeText(const std::string& text, const FieldDescriptor& field) const {
    const TextRule rule = Rule(texts_, field, TextRule{-1});
    if (static_cast<int64_t>(text.size()) > rule.bytes_max)
      return absl::StrCat("has ", text.size(), " bytes, and ", rule.bytes_max, " are the most");
    if (text.empty() && !rule.may_be_empty) return "is empty";
    return rule.clean && HasControl(text) ? "has a control character" : "";
  }

  // C0, DEL, and C1, which UTF-8 spells C2 80 to C2 9F.
  static bool HasControl(const std::string& text) {
    for (size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<uint8_t>(text[i]);
      if (byte < 0x20 || byte == 0x7f) return true;
      if (byte == 0xc2 && i + 1 < text.size() && static_cast<uint8_t>(text[i + 1]) < 0xa0) return true;
    }
    return false;
  }

  std::string JudgeNumber(int64_t value, const FieldDescriptor& field) const {
    // Points in time to compare with: any will do.
    if (absl::EndsWith(field.name(), "_unix_ms")) return "";
    const int64_t otherwise = absl::EndsWith(field.name(), "_ms") ? kThousandYearsMs : -1;
    const int64_t most = Rule(numbers_, field, otherwise);
    return value < 0 || value > most ? absl::StrCat("is ", value, ", and ", most, " is the most") : "";
  }

  static std::string JudgeEnum(int value, const FieldDescriptor& field) {
    if (field.enum_type()->FindValueByNumber(value) == nullptr) return absl::StrCat("is ", value);
    return field.is_repeated() && value == 0 ? "names no status" : "";
  }

  static std::string JudgeReal(double value, const FieldDescriptor& field) {
    if (field.name() == "backoff_coefficient" && (value == 0 || (value >= 1 && std::isfinite(value))))
      return "";
    if (field.name() == "jitter" && value <= 1) return "";
    return absl::StrCat("is ", value);
  }

  std::string JudgeMemo(const Message& message, const FieldDescriptor& memo) const {
    const auto& start = static_cast<const v1::StartWorkflowRequest&>(message);
    size_t bytes = 0;
    for (const auto& [key, value] : start.memo()) bytes += key.size() + value.data().size();
    if (static_cast<int64_t>(bytes) <= limits_.memo_bytes_max) return "";
    return absl::StrCat(memo.full_name(), " has ", bytes, " bytes, and ", limits_.memo_bytes_max,
                        " are the most");
  }

  const api::ApiLimits limits_;
  std::map<std::string, TextRule> texts_;
  std::map<std::string, int64_t> numbers_;
  std::map<std::string, int64_t> lists_;
};

}  // namespace

std::string WhyNotAllowed(const Message& request, const api::ApiLimits& limits) {
  return Rules(limits).Judge(request);
}

}  // namespace perdure::fuzz
