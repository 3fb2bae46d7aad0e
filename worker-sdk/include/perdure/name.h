// Names of tasks, workflows and signals: checked where they are declared, at compile time for constants.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_NAME_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_NAME_H_

#include <cstddef>
#include <stdexcept>
#include <string_view>

namespace perdure::detail {

inline constexpr std::size_t kNameBytesMax = 256;

// 1 to 256 bytes without control characters. In a constant expression a bad name does not compile; elsewhere
// it throws std::invalid_argument.
constexpr std::string_view CheckedName(std::string_view name) {
  if (name.empty()) throw std::invalid_argument("perdure: a name must not be empty");
  if (name.size() > kNameBytesMax) throw std::invalid_argument("perdure: a name is longer than 256 bytes");
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      throw std::invalid_argument("perdure: a name must not hold control characters");
    }
  }
  return name;
}

}  // namespace perdure::detail

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_NAME_H_
