// Colours, or none.
#ifndef PERDURE_CMD_PERDURE_STYLE_H_
#define PERDURE_CMD_PERDURE_STYLE_H_

#include <string>
#include <string_view>

#include "cmd/perdure/environment.h"

namespace perdure::cli {

enum class Tone { kPlain, kStrong, kFaint, kGood, kBad, kWarning };

class Style {
 public:
  // Colours only on a terminal, and never with NO_COLOR set or TERM=dumb.
  explicit Style(const Environment& environment);
  explicit Style(bool colours) : colours_(colours) {}

  std::string operator()(Tone tone, std::string_view text) const;

 private:
  bool colours_;
};

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_STYLE_H_
