// Walks messages by reflection.
#include "cmd/perdure/json_output.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "cmd/perdure/json_text.h"
#include "perdure/v1/common.pb.h"
#include "server/base/utf8.h"

namespace perdure::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Where the text goes, and how.
struct Output {
  std::string text;
  const size_t payload_bytes_max;
};

void AppendMessage(Output& output, const Message& message);

// What is too long, by its beginning.
void AppendLongPayload(Output& output, const v1::Payload& payload) {
  std::string& out = output.text;
  out += "{\"encoding\":";
  base::AppendJsonString(out, payload.encoding());
  out += ",\"type\":";
  base::AppendJsonString(out, payload.type());
  absl::StrAppend(&out, ",\"bytes\":", payload.data().size());
  const std::string begin = payload.data().substr(0, output.payload_bytes_max);
  if (payload.encoding() == "json") {
    out += ",\"begins\":";
    base::AppendJsonString(out, begin);
  } else {
    absl::StrAppend(&out, ",\"begins_base64\":\"", absl::Base64Escape(begin), "\"");
  }
  out += '}';
}

void AppendPayload(Output& output, const v1::Payload& payload) {
  std::string& out = output.text;
  if (payload.encoding().empty()) {
    out += "null";
    return;
  }
  if (payload.data().size() > output.payload_bytes_max) return AppendLongPayload(output, payload);
  if (payload.encoding() == "json" && CheckJson(payload.data()).ok()) {
    out += CompactJson(payload.data());
    return;
  }
  out += "{\"encoding\":";
  base::AppendJsonString(out, payload.encoding());
  out += ",\"type\":";
  base::AppendJsonString(out, payload.type());
  absl::StrAppend(&out, ",\"data_base64\":\"", absl::Base64Escape(payload.data()), "\"}");
}

void AppendDouble(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  out.append(buffer, end);
}

std::string WordOf(const google::protobuf::EnumValueDescriptor& value) {
  return EnumWord(value.name(), value.type()->name());
}

// One value of a field: the only one, or number `index` of a repeated field.
void AppendValue(Output& output, const Message& message, const FieldDescriptor& field, int index) {
  std::string& out = output.text;
  const Reflection& r = *message.GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      absl::StrAppend(&out, many ? r.GetRepeatedInt32(message, &field, index) : r.GetInt32(message, &field));
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      absl::StrAppend(&out, many ? r.GetRepeatedInt64(message, &field, index) : r.GetInt64(message, &field));
      return;
    case FieldDescriptor::CPPTYPE_UINT32:
      absl::StrAppend(&out,
                      many ? r.GetRepeatedUInt32(message, &field, index) : r.GetUInt32(message, &field));
      return;
    case FieldDescriptor::CPPTYPE_UINT64: {
      const auto value = many ? r.GetRepeatedUInt64(message, &field, index) : r.GetUInt64(message, &field);
      const char* const quote = field.type() == FieldDescriptor::TYPE_FIXED64 ? "\"" : "";
      absl::StrAppend(&out, quote, value, quote);
      return;
    }
    case FieldDescriptor::CPPTYPE_DOUBLE:
      AppendDouble(out, many ? r.GetRepeatedDouble(message, &field, index) : r.GetDouble(message, &field));
      return;
    case FieldDescriptor::CPPTYPE_FLOAT:
      AppendDouble(out, many ? r.GetRepeatedFloat(message, &field, index) : r.GetFloat(message, &field));
      return;
    case FieldDescriptor::CPPTYPE_BOOL:
      out +=
          (many ? r.GetRepeatedBool(message, &field, index) : r.GetBool(message, &field)) ? "true" : "false";
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      base::AppendJsonString(
          out, WordOf(many ? *r.GetRepeatedEnum(message, &field, index) : *r.GetEnum(message, &field)));
      return;
    case FieldDescriptor::CPPTYPE_STRING:
      base::AppendJsonString(
          out, many ? r.GetRepeatedString(message, &field, index) : r.GetString(message, &field));
      return;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      AppendMessage(output,
                    many ? r.GetRepeatedMessage(message, &field, index) : r.GetMessage(message, &field));
      return;
  }
}

// Keys of maps are strings in this API.
void AppendMap(Output& output, const Message& message, const FieldDescriptor& field) {
  std::string& out = output.text;
  const Reflection& r = *message.GetReflection();
  const Descriptor& entry = *field.message_type();
  out += '{';
  for (int i = 0; i < r.FieldSize(message, &field); ++i) {
    if (i > 0) out += ',';
    const Message& pair = r.GetRepeatedMessage(message, &field, i);
    AppendValue(output, pair, *entry.map_key(), 0);
    out += ':';
    AppendValue(output, pair, *entry.map_value(), 0);
  }
  out += '}';
}

bool IsLeftOut(const Message& message, const FieldDescriptor& field) {
  const Reflection& r = *message.GetReflection();
  if (field.is_repeated()) return false;
  if (field.has_presence()) return !r.HasField(message, &field);
  return field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM && r.GetEnumValue(message, &field) == 0;
}

void AppendMessage(Output& output, const Message& message) {
  std::string& out = output.text;
  const Descriptor& type = *message.GetDescriptor();
  const Reflection& r = *message.GetReflection();
  if (&type == v1::Payload::descriptor()) {
    AppendPayload(output, static_cast<const v1::Payload&>(message));
    return;
  }
  out += '{';
  const char* separator = "";
  if (const auto* body = type.FindOneofByName("body"); body != nullptr) {
    if (const FieldDescriptor* kind = r.GetOneofFieldDescriptor(message, body); kind != nullptr) {
      absl::StrAppend(&out, "\"kind\":\"", kind->name(), "\"");
      separator = ",";
    }
  }
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (IsLeftOut(message, field)) continue;
    absl::StrAppend(&out, separator, "\"", field.name(), "\":");
    separator = ",";
    if (field.is_map()) {
      AppendMap(output, message, field);
    } else if (field.is_repeated()) {
      out += '[';
      for (int n = 0; n < r.FieldSize(message, &field); ++n) {
        if (n > 0) out += ',';
        AppendValue(output, message, field, n);
      }
      out += ']';
    } else {
      AppendValue(output, message, field, 0);
    }
  }
  out += '}';
}

// "RunStatus" -> "RUN_STATUS_".
std::string PrefixOf(const std::string& enum_name) {
  std::string prefix;
  for (const char c : enum_name) {
    if (absl::ascii_isupper(c) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(c);
  }
  return prefix + "_";
}

}  // namespace

std::string EnumWord(const std::string& value_name, const std::string& enum_name) {
  const std::string prefix = PrefixOf(enum_name);
  return absl::AsciiStrToLower(value_name.starts_with(prefix) ? value_name.substr(prefix.size())
                                                              : value_name);
}

std::string MessageToJson(const Message& message, size_t payload_bytes_max) {
  Output output{"", payload_bytes_max};
  AppendMessage(output, message);
  return std::move(output.text);
}

}  // namespace perdure::cli
