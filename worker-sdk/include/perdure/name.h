// Names of tasks, workflows and signals, and other texts that the server reads: checked where they are given,
// at compile time for constants. One that the server cannot take would have it refuse a whole frame of
// answers.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_NAME_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_NAME_H_

#include <cstddef>
#include <string_view>

#include "perdure/detail/utf8.h"

namespace perdure::detail {

inline constexpr std::size_t kNameBytesMax = 256;

// Throws std::invalid_argument: "perdure: <field> <problem>: '<value>'".
[[noreturn]] void ThrowBadText(std::string_view field, std::string_view value, std::string_view problem);

// What the server would have against this text; null: nothing.
constexpr const char* TextProblem(std::string_view text) {
  if (text.size() > kNameBytesMax) return "is longer than 256 bytes";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = Utf8Length(text, at);
    if (length == 0) return "is not UTF-8";
    const auto lead = static_cast<unsigned char>(text[at]);
    const bool c1 = lead == 0xc2 && static_cast<unsigned char>(text[at + 1]) < 0xa0;
    if (lead < 0x20 || lead == 0x7f || c1) return "must not hold control characters";
    at += length;
  }
  return nullptr;
}

// Up to 256 bytes of UTF-8 without control characters. In a constant expression a bad text does not compile;
// elsewhere it throws std::invalid_argument, which names `field`.
constexpr std::string_view CheckedText(std::string_view text, const char* field) {
  if (const char* problem = TextProblem(text)) ThrowBadText(field, text, problem);
  return text;
}

// The same, and not empty.
constexpr std::string_view CheckedName(std::string_view name, const char* field) {
  if (name.empty()) ThrowBadText(field, name, "must not be empty");
  return CheckedText(name, field);
}

}  // namespace perdure::detail

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_NAME_H_
