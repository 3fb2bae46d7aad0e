// One string under a lock.
#include "server/ops/readiness.h"

namespace perdure::ops {

std::string Readiness::Reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

void Readiness::Set(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  reason_ = reason;
}

}  // namespace perdure::ops
