// Works on tokens; nlohmann-json only judges whether the text is valid.
#include "cmd/perdure/json_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "cmd/perdure/text.h"

namespace perdure::cli {
namespace {

// Takes every value and keeps none; remembers the first error.
class Checker : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) override {
    position_ = position;
    message_ = e.what();
    return false;
  }

  size_t position() const { return position_; }
  const std::string& message() const { return message_; }

 private:
  size_t position_ = 0;
  std::string message_;
};

// "[json.exception...] parse error at line 1, column 2: syntax error while parsing X - invalid literal; last
// read: 'y'" -> "invalid literal; last read: 'y'".
std::string_view Reason(std::string_view what) {
  const size_t dash = what.find(" - ");
  if (dash != std::string_view::npos) return what.substr(dash + 3);
  const size_t colon = what.find(": ");
  return colon == std::string_view::npos ? what : what.substr(colon + 2);
}

absl::Status WrongAt(std::string_view text, size_t at, std::string_view what) {
  const std::string_view before = text.substr(0, at);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return absl::InvalidArgumentError(
      absl::StrCat("line ", line, ", column ", at - line_start + 1, ": ", Printable(what)));
}

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Length of the token at the front: one of { } [ ] , : or a string, or a literal.
size_t TokenLength(std::string_view s) {
  if (s[0] == '"') {
    size_t i = 1;
    while (i < s.size() && s[i] != '"') i += s[i] == '\\' ? 2 : 1;
    return std::min(i + 1, s.size());
  }
  constexpr std::string_view kStructure = "{}[],:";
  if (kStructure.find(s[0]) != std::string_view::npos) return 1;
  size_t i = 1;
  while (i < s.size() && !IsSpace(s[i]) && s[i] != '"' && kStructure.find(s[i]) == std::string_view::npos)
    ++i;
  return i;
}

std::string_view NextToken(std::string_view& rest) {
  while (!rest.empty() && IsSpace(rest[0])) rest.remove_prefix(1);
  if (rest.empty()) return {};
  const std::string_view token = rest.substr(0, TokenLength(rest));
  rest.remove_prefix(token.size());
  return token;
}

// The container that begins at `compact`, if it holds no other container and fits; else "".
std::string_view FlatContainer(std::string_view compact, size_t width) {
  std::string_view rest = compact;
  NextToken(rest);
  while (compact.size() - rest.size() <= width) {
    const std::string_view token = NextToken(rest);
    if (token.empty() || token == "{" || token == "[") return {};
    if (token == "}" || token == "]") return compact.substr(0, compact.size() - rest.size());
  }
  return {};
}

std::string Spaced(std::string_view flat) {
  std::string out;
  while (!flat.empty()) {
    const std::string_view token = NextToken(flat);
    out += token;
    if (token == "," || token == ":") out += ' ';
  }
  return out;
}

}  // namespace

absl::Status CheckJson(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), IsSpace)) return absl::InvalidArgumentError("the text is empty");
  Checker checker;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &checker)) {
    // The position counts from 1 and is that of the last character read.
    const size_t at = checker.position() == 0 ? 0 : checker.position() - 1;
    return WrongAt(text, std::min(at, text.size()), Reason(checker.message()));
  }
  // The parser takes both; but behind a null byte it looks at nothing any more, and neither may stand inside
  // of other JSON.
  if (text.starts_with("\xEF\xBB\xBF")) return WrongAt(text, 0, "a byte order mark; save it without one");
  const size_t null = text.find('\0');
  return null == std::string_view::npos ? absl::OkStatus() : WrongAt(text, null, "a null byte");
}

std::string CompactJson(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::string_view token = NextToken(json); !token.empty(); token = NextToken(json)) out += token;
  return out;
}

std::string PrettyJson(std::string_view json, int width) {
  const std::string compact = CompactJson(json);
  std::string out;
  size_t depth = 0;
  // Depth is cut where indentation would outgrow the text.
  const auto new_line = [&] { out.append(1, '\n').append(2 * std::min<size_t>(depth, 100), ' '); };
  std::string_view rest = compact;
  while (!rest.empty()) {
    const bool opens = rest[0] == '{' || rest[0] == '[';
    const size_t indent = 2 * std::min<size_t>(depth, 40);
    const std::string_view flat = opens ? FlatContainer(rest, std::max<size_t>(width - indent, 20)) : "";
    if (!flat.empty()) {
      out += Spaced(flat);
      rest.remove_prefix(flat.size());
      continue;
    }
    const std::string_view token = NextToken(rest);
    if (token == "}" || token == "]") {
      --depth;
      new_line();
    }
    out += token;
    if (opens) ++depth;
    if (opens || token == ",") new_line();
    if (token == ":") out += ' ';
  }
  return out;
}

}  // namespace perdure::cli
