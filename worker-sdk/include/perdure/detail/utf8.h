// UTF-8, as far as texts have to be checked before they are sent.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_UTF8_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_UTF8_H_

#include <cstddef>
#include <string_view>

namespace perdure::detail {

// Length of the character at `at`, which lies within the text; 0: these bytes are not UTF-8.
constexpr std::size_t Utf8Length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Spelled too long, surrogates, and beyond the last character there is.
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

}  // namespace perdure::detail

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_UTF8_H_
