// Greedy line filling.
#include "server/ops/wrap.h"

#include "absl/strings/str_split.h"

namespace perdure::ops {

std::vector<std::string> WrapText(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  for (const absl::string_view word :
       absl::StrSplit(absl::string_view(text.data(), text.size()), ' ', absl::SkipEmpty())) {
    const bool fits = !lines.empty() && lines.back().size() + 1 + word.size() <= width;
    if (fits) {
      lines.back().append(1, ' ').append(word.data(), word.size());
    } else {
      lines.emplace_back(word);
    }
  }
  return lines;
}

}  // namespace perdure::ops
