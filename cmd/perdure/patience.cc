// Waits longer from one attempt to the next.
#include "cmd/perdure/patience.h"

#include <algorithm>
#include <ostream>

namespace perdure::cli {
namespace {

constexpr int64_t kPauseMinMs = 100;
constexpr int64_t kPauseMaxMs = 2000;

}  // namespace

void Patience::Reached() {
  if (told_) context_.environment.err << "perdure: perdured is back" << std::endl;
  reached_ = true;
  told_ = false;
  pause_ms_ = 0;
}

bool Patience::KeepTrying(const absl::Status& status) {
  if (!reached_ || status.code() != absl::StatusCode::kUnavailable) return false;
  if (!told_) {
    context_.environment.err << "perdure: lost perdured at " << context_.globals.address
                             << "; waiting for it to come back" << std::endl;
    told_ = true;
  }
  pause_ms_ = std::clamp(pause_ms_ * 2, kPauseMinMs, kPauseMaxMs);
  context_.environment.pause(pause_ms_);
  return true;
}

}  // namespace perdure::cli
