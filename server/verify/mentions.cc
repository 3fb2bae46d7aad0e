#include "server/verify/mentions.h"

#include <algorithm>

namespace perdure::verify {
namespace {

bool RunBefore(const Mention& a, const Mention& b) { return a.run < b.run; }

}  // namespace

void MentionWindow::Begin(uint64_t first_run) {
  first_ = first_run;
  end_ = UINT64_MAX;
  mentions_.clear();
  trim_at_ = 2 * rows_max_;
}

void MentionWindow::Add(const Mention& mention) {
  if (mention.run < first_ || mention.run >= end_) return;
  mentions_.push_back(mention);
  if (mentions_.size() > trim_at_) Trim();
}

// Keeps the lowest runs, each of them whole.
void MentionWindow::Trim() {
  const auto middle = mentions_.begin() + static_cast<std::ptrdiff_t>(rows_max_);
  std::nth_element(mentions_.begin(), middle, mentions_.end(), RunBefore);
  const uint64_t lowest = std::min_element(mentions_.begin(), middle + 1, RunBefore)->run;
  // Progress, even if one run has more than fits.
  end_ = std::max(middle->run, lowest + 1);
  std::erase_if(mentions_, [this](const Mention& m) { return m.run >= end_; });
  // Trimming one run that has more than fits is in vain: not again for each mention of it.
  trim_at_ = std::max(trim_at_, 2 * mentions_.size());
}

void MentionWindow::Seal() { std::sort(mentions_.begin(), mentions_.end()); }

std::span<const Mention> MentionWindow::Of(uint64_t run) const {
  const auto [from, to] = std::equal_range(mentions_.begin(), mentions_.end(), Mention{run}, RunBefore);
  return {from, to};
}

}  // namespace perdure::verify
