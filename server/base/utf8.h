// UTF-8: checking it, and writing strings of unknown origin where only clean text may go.
#ifndef PERDURE_SERVER_BASE_UTF8_H_
#define PERDURE_SERVER_BASE_UTF8_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace perdure::base {

// A character at the front of a string.
struct Utf8Char {
  char32_t code = 0;
  // Bytes it takes, 1 to 4; 0: the string begins with no valid UTF-8.
  int bytes = 0;
};

// Overlong forms, surrogates and values past U+10FFFF are not valid. `s` must not be empty.
Utf8Char DecodeUtf8(std::string_view s);

bool IsValidUtf8(std::string_view s);

// U+0000 to U+001F and U+007F to U+009F.
bool IsControl(char32_t code);

// Appends `s` as a JSON string, quotes included. Control characters become \u00XX, and bytes that are not
// UTF-8 become U+FFFD.
void AppendJsonString(std::string& out, std::string_view s);

}  // namespace perdure::base

#endif  // PERDURE_SERVER_BASE_UTF8_H_
