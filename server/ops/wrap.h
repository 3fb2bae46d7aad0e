// Breaks text into lines.
#ifndef PERDURE_SERVER_OPS_WRAP_H_
#define PERDURE_SERVER_OPS_WRAP_H_

#include <string>
#include <string_view>
#include <vector>

namespace perdure::ops {

// Lines of at most `width` bytes, broken at spaces; a longer word gets a line of its own.
std::vector<std::string> WrapText(std::string_view text, size_t width);

}  // namespace perdure::ops

#endif  // PERDURE_SERVER_OPS_WRAP_H_
