// Decodes UTF-8 one character at a time.
#include "server/base/utf8.h"

namespace perdure::base {
namespace {

bool IsContinuation(unsigned char c) { return (c & 0xC0) == 0x80; }

}  // namespace

Utf8Char DecodeUtf8(std::string_view s) {
  const auto at = [s](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return {lead, 1};
  int bytes = 0;
  char32_t code = 0;
  char32_t least = 0;
  if ((lead & 0xE0) == 0xC0) {
    bytes = 2, code = lead & 0x1F, least = 0x80;
  } else if ((lead & 0xF0) == 0xE0) {
    bytes = 3, code = lead & 0x0F, least = 0x800;
  } else if ((lead & 0xF8) == 0xF0) {
    bytes = 4, code = lead & 0x07, least = 0x10000;
  } else {
    return {};
  }
  if (s.size() < static_cast<size_t>(bytes)) return {};
  for (int i = 1; i < bytes; ++i) {
    if (!IsContinuation(at(i))) return {};
    code = (code << 6) | (at(i) & 0x3F);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < least || code > 0x10FFFF || surrogate) return {};
  return {code, bytes};
}

bool IsValidUtf8(std::string_view s) {
  while (!s.empty()) {
    const Utf8Char c = DecodeUtf8(s);
    if (c.bytes == 0) return false;
    s.remove_prefix(c.bytes);
  }
  return true;
}

bool IsControl(char32_t code) { return code < 0x20 || (code >= 0x7F && code <= 0x9F); }

void AppendJsonString(std::string& out, std::string_view s) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  while (!s.empty()) {
    const Utf8Char c = DecodeUtf8(s);
    if (c.bytes == 0) {
      out += "\xEF\xBF\xBD";
      s.remove_prefix(1);
      continue;
    }
    if (c.code == '"' || c.code == '\\') {
      out += '\\';
      out += s[0];
    } else if (c.code == '\n') {
      out += "\\n";
    } else if (c.code == '\t') {
      out += "\\t";
    } else if (IsControl(c.code)) {
      out += "\\u00";
      out += kHex[(c.code >> 4) & 0xF];
      out += kHex[c.code & 0xF];
    } else {
      out += s.substr(0, c.bytes);
    }
    s.remove_prefix(c.bytes);
  }
  out += '"';
}

}  // namespace perdure::base
