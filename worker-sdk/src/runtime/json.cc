// JSON reading and writing behind perdure/json.h; nlohmann-json parses, nothing of it is seen outside.
#include "perdure/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "perdure/detail/utf8.h"
#include "perdure/payload.h"

namespace perdure {
namespace {

using Json = nlohmann::json;

const Json& Node(const void* node) { return *static_cast<const Json*>(node); }

// What a value is, with the value itself if it is short: string "three".
std::string Found(const Json& node) {
  constexpr std::size_t kShown = 40;
  std::string name(node.type_name());
  if (node.is_number_float()) name = "number";
  if (node.is_number_integer()) name = "integer";
  if (node.is_structured() || node.is_null()) return name;
  std::string text = node.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kShown) text = text.substr(0, kShown) + "...";
  return name + " " + text;
}

void AppendEscaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      char buffer[8];
      std::snprintf(buffer, sizeof(buffer), "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += buffer;
  }
}

bool NeedsEscape(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

template <class T>
void AppendNumber(std::string& out, T value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value);
  out.append(buffer, end.ptr);
}

}  // namespace

void JsonWriter::Separate() {
  if (need_comma_) text_ += ',';
  need_comma_ = true;
}

void JsonWriter::Null() { Raw("null"); }
void JsonWriter::Bool(bool value) { Raw(value ? "true" : "false"); }

void JsonWriter::Int(std::int64_t value) {
  Separate();
  AppendNumber(text_, value);
}

void JsonWriter::Uint(std::uint64_t value) {
  Separate();
  AppendNumber(text_, value);
}

void JsonWriter::Double(double value) {
  if (!std::isfinite(value)) detail::ThrowEncodeError("double", "JSON has no NaN and no infinity");
  Separate();
  const std::size_t start = text_.size();
  AppendNumber(text_, value);
  // Keeps a whole number recognisable as one with a fraction.
  if (text_.find_first_of(".e", start) == std::string::npos) text_ += ".0";
}

void JsonWriter::String(std::string_view value) {
  Separate();
  text_ += '"';
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t length = detail::Utf8Length(value, at);
    if (length == 0) {
      detail::ThrowEncodeError("std::string", "the text is not UTF-8 at byte " + std::to_string(at) +
                                                  "; use perdure::Bytes for binary data");
    }
    if (NeedsEscape(value[at])) {
      AppendEscaped(text_, value[at]);
    } else {
      text_.append(value, at, length);
    }
    at += length;
  }
  text_ += '"';
}

void JsonWriter::Raw(std::string_view json) {
  Separate();
  text_ += json;
}

void JsonWriter::BeginObject() {
  Separate();
  text_ += '{';
  need_comma_ = false;
}

void JsonWriter::Key(std::string_view name) {
  String(name);
  text_ += ':';
  need_comma_ = false;
}

void JsonWriter::EndObject() {
  text_ += '}';
  need_comma_ = true;
}

void JsonWriter::BeginArray() {
  Separate();
  text_ += '[';
  need_comma_ = false;
}

void JsonWriter::EndArray() {
  text_ += ']';
  need_comma_ = true;
}

namespace detail {

JsonError::JsonError(std::string path, std::string problem)
    : text_(path.empty() ? std::move(problem) : std::move(path) + ": " + std::move(problem)) {}

void JsonKeyChecker::Finish() const {
  for (const std::string& key : in.Keys()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string names;
    for (const std::string_view name : known) {
      names += (names.empty() ? "'" : ", '") + std::string(name) + "'";
    }
    in.Fail("key '" + key + "' is unknown to " + type + ", whose keys are " + names);
  }
}

}  // namespace detail

struct JsonDocument::Tree {
  Json root;
};

JsonDocument::JsonDocument(std::string_view text) : tree_(std::make_unique<Tree>()) {
  // The parser takes it for the end of the text, and what follows for nothing.
  if (const std::size_t null = text.find('\0'); null != std::string_view::npos) {
    throw detail::JsonError("", "malformed JSON: a null byte at byte " + std::to_string(null + 1));
  }
  try {
    tree_->root = Json::parse(text.begin(), text.end());
  } catch (const Json::exception& error) {
    std::string problem = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    const std::size_t bracket = problem.find("] ");
    if (bracket != std::string::npos) problem.erase(0, bracket + 2);
    throw detail::JsonError("", "malformed JSON: " + problem);
  }
}

JsonDocument::~JsonDocument() = default;

JsonValue JsonDocument::Root() const { return JsonValue(&tree_->root, nullptr, "", 0); }

void JsonValue::Fail(const std::string& problem) const {
  std::string path;
  for (const JsonValue* value = this; value->parent_ != nullptr; value = value->parent_) {
    const std::string part =
        Node(value->parent_->node_).is_array() ? "[" + std::to_string(value->index_) + "]" : value->key_;
    const bool dot = !path.empty() && path[0] != '[';
    path = part + (dot ? "." : "") + path;
  }
  throw detail::JsonError(path.empty() ? "" : "field '" + path + "'", problem);
}

bool JsonValue::IsNull() const { return Node(node_).is_null(); }

bool JsonValue::GetBool() const {
  if (!Node(node_).is_boolean()) Fail("expected true or false, found " + Found(Node(node_)));
  return Node(node_).get<bool>();
}

std::int64_t JsonValue::GetInt(std::int64_t min, std::int64_t max) const {
  const Json& node = Node(node_);
  if (!node.is_number_integer()) Fail("expected an integer, found " + Found(node));
  const bool too_large =
      node.is_number_unsigned() && node.get<std::uint64_t>() > static_cast<std::uint64_t>(max);
  if (too_large || (!node.is_number_unsigned() && node.get<std::int64_t>() < min) ||
      (!node.is_number_unsigned() && node.get<std::int64_t>() > max)) {
    Fail("the number " + node.dump() + " is outside of " + std::to_string(min) + " to " +
         std::to_string(max));
  }
  return node.get<std::int64_t>();
}

std::uint64_t JsonValue::GetUint(std::uint64_t max) const {
  const Json& node = Node(node_);
  if (!node.is_number_integer()) Fail("expected an integer, found " + Found(node));
  const bool negative = !node.is_number_unsigned() && node.get<std::int64_t>() < 0;
  if (negative || node.get<std::uint64_t>() > max) {
    Fail("the number " + node.dump() + " is outside of 0 to " + std::to_string(max));
  }
  return node.get<std::uint64_t>();
}

double JsonValue::GetDouble() const {
  if (!Node(node_).is_number()) Fail("expected a number, found " + Found(Node(node_)));
  return Node(node_).get<double>();
}

std::string JsonValue::GetString() const {
  if (!Node(node_).is_string()) Fail("expected a string, found " + Found(Node(node_)));
  return Node(node_).get_ref<const std::string&>();
}

std::string JsonValue::Text() const { return Node(node_).dump(); }

std::size_t JsonValue::Size() const {
  if (!Node(node_).is_array()) Fail("expected an array, found " + Found(Node(node_)));
  return Node(node_).size();
}

JsonValue JsonValue::At(std::size_t index) const {
  if (index >= Size()) Fail("has no element " + std::to_string(index));
  return JsonValue(&Node(node_)[index], this, "", index);
}

std::optional<JsonValue> JsonValue::Find(std::string_view key) const {
  const Json& node = Node(node_);
  if (!node.is_object()) Fail("expected an object, found " + Found(node));
  const auto member = node.find(key);
  if (member == node.end()) return std::nullopt;
  return JsonValue(&*member, this, std::string(key), 0);
}

std::vector<std::string> JsonValue::Keys() const {
  const Json& node = Node(node_);
  if (!node.is_object()) Fail("expected an object, found " + Found(node));
  std::vector<std::string> keys;
  keys.reserve(node.size());
  for (const auto& member : node.items()) keys.push_back(member.key());
  return keys;
}

}  // namespace perdure
