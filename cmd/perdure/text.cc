// Printable text and its width.
#include "cmd/perdure/text.h"

#include "absl/strings/str_format.h"
#include "server/base/utf8.h"

namespace perdure::cli {
namespace {

bool OverridesDirection(char32_t c) { return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069); }

bool TakesNoColumn(char32_t c) {
  return (c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) || (c >= 0xFE00 && c <= 0xFE0F);
}

bool TakesTwoColumns(char32_t c) {
  struct Range {
    char32_t first, last;
  };
  static constexpr Range kWide[] = {{0x1100, 0x115F}, {0x2E80, 0xA4CF},   {0xAC00, 0xD7A3},
                                    {0xF900, 0xFAFF}, {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
                                    {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD}};
  for (const Range& range : kWide) {
    if (c >= range.first && c <= range.last) return true;
  }
  return false;
}

int WidthOf(char32_t c) { return TakesNoColumn(c) ? 0 : TakesTwoColumns(c) ? 2 : 1; }

// The next character, bytes that are not UTF-8 one at a time.
base::Utf8Char Next(std::string_view s) {
  const base::Utf8Char c = base::DecodeUtf8(s);
  return c.bytes == 0 ? base::Utf8Char{0xFFFD, 1} : c;
}

}  // namespace

std::string Printable(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  while (!s.empty()) {
    const base::Utf8Char c = base::DecodeUtf8(s);
    if (c.bytes == 0) {
      out += "\xEF\xBF\xBD";
      s.remove_prefix(1);
      continue;
    }
    if (c.code == '\n') {
      out += "\\n";
    } else if (c.code == '\t') {
      out += "\\t";
    } else if (base::IsControl(c.code)) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned>(c.code));
    } else if (OverridesDirection(c.code)) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned>(c.code));
    } else {
      out += s.substr(0, c.bytes);
    }
    s.remove_prefix(c.bytes);
  }
  return out;
}

int DisplayWidth(std::string_view s) {
  int width = 0;
  while (!s.empty()) {
    const base::Utf8Char c = Next(s);
    width += WidthOf(c.code);
    s.remove_prefix(c.bytes);
  }
  return width;
}

std::string Cut(std::string_view s, int width) {
  int used = 0;
  size_t at = 0;
  size_t fits_with_ellipsis = 0;
  while (at < s.size()) {
    const base::Utf8Char c = Next(s.substr(at));
    if (used + WidthOf(c.code) > width) {
      return width < 1 ? "" : std::string(s.substr(0, fits_with_ellipsis)) + "\xE2\x80\xA6";
    }
    used += WidthOf(c.code);
    at += c.bytes;
    if (used < width) fits_with_ellipsis = at;
  }
  return std::string(s);
}

std::string Plural(int64_t count, std::string_view what) {
  return std::to_string(count).append(" ").append(what).append(count == 1 ? "" : "s");
}

}  // namespace perdure::cli
