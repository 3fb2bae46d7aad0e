// A string and what to ask besides, under a lock.
#include "server/ops/readiness.h"

#include <utility>

namespace perdure::ops {

std::string Readiness::Reason() const {
  const std::lock_guard lock(mutex_);
  if (!reason_.empty()) return reason_;
  for (const auto& check : checks_) {
    if (std::string reason = check(); !reason.empty()) return reason;
  }
  return "";
}

void Readiness::Watch(std::function<std::string()> check) {
  const std::lock_guard lock(mutex_);
  checks_.push_back(std::move(check));
}

void Readiness::Set(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  reason_ = reason;
}

}  // namespace perdure::ops
