// "Did you mean ...?": the known name nearest to one that is not known.
#ifndef PERDURE_SERVER_BASE_SUGGEST_H_
#define PERDURE_SERVER_BASE_SUGGEST_H_

#include <string>
#include <string_view>
#include <vector>

namespace perdure::base {

// Number of single-character insertions, deletions, replacements and swaps of neighbours between a and b.
int EditDistance(std::string_view a, std::string_view b);

// The one of `known` that `name` was probably meant to be, or "" if none is close.
std::string Nearest(std::string_view name, const std::vector<std::string>& known);

}  // namespace perdure::base

#endif  // PERDURE_SERVER_BASE_SUGGEST_H_
