// Nearest name by edit distance, with a prefix counting as near.
#include "server/base/suggest.h"

#include <algorithm>

namespace perdure::base {

int EditDistance(std::string_view a, std::string_view b) {
  const size_t width = b.size() + 1;
  std::vector<int> two_up(width), above(width), row(width);
  for (size_t j = 0; j < width; ++j) above[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j < width; ++j) {
      const int replace = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replace});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], two_up[j - 2] + 1);
    }
    two_up.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

std::string Nearest(std::string_view name, const std::vector<std::string>& known) {
  // Names longer than any we know are not worth the quadratic time.
  constexpr size_t kNameBytesMax = 64;
  if (name.empty() || name.size() > kNameBytesMax) return "";
  std::string best;
  int best_distance = std::max(2, static_cast<int>(name.size()) / 3) + 1;
  for (const std::string& candidate : known) {
    int distance = EditDistance(name, candidate);
    const bool one_begins_the_other =
        name.size() >= 3 && (candidate.starts_with(name) || name.starts_with(candidate));
    if (one_begins_the_other) distance = std::min(distance, 1);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace perdure::base
