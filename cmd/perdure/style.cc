// ANSI colours.
#include "cmd/perdure/style.h"

namespace perdure::cli {
namespace {

bool WantsColours(const Environment& environment) {
  const auto no_color = environment.getenv("NO_COLOR");
  const bool refused = (no_color && !no_color->empty()) || environment.getenv("TERM") == "dumb";
  return environment.terminal && !refused;
}

const char* CodeOf(Tone tone) {
  switch (tone) {
    case Tone::kStrong:
      return "1";
    case Tone::kFaint:
      return "2";
    case Tone::kGood:
      return "32";
    case Tone::kBad:
      return "31";
    case Tone::kWarning:
      return "33";
    case Tone::kPlain:
      break;
  }
  return "0";
}

}  // namespace

Style::Style(const Environment& environment) : colours_(WantsColours(environment)) {}

std::string Style::operator()(Tone tone, std::string_view text) const {
  if (!colours_ || tone == Tone::kPlain || text.empty()) return std::string(text);
  std::string out = "\x1b[";
  out.append(CodeOf(tone)).append("m").append(text).append("\x1b[0m");
  return out;
}

}  // namespace perdure::cli
