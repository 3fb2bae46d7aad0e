// Checks of option values.
#include "perdure/options.h"

#include <stdexcept>

namespace perdure {

Milliseconds detail::CheckedDuration(Milliseconds value, const char* what) {
  if (value < Milliseconds(0)) {
    throw std::invalid_argument(std::string("perdure: ") + what + " must not be negative, got " +
                                std::to_string(value.count()) + " ms");
  }
  return value;
}

RetryPolicy& RetryPolicy::Backoff(double coefficient) {
  if (!(coefficient >= 1 && coefficient <= 1000)) {
    throw std::invalid_argument("perdure: RetryPolicy::Backoff must be 1 to 1000, got " +
                                std::to_string(coefficient));
  }
  backoff_ = coefficient;
  return *this;
}

RetryPolicy& RetryPolicy::MaxAttempts(int value) {
  if (value < 0) {
    throw std::invalid_argument("perdure: RetryPolicy::MaxAttempts must not be negative, got " +
                                std::to_string(value));
  }
  max_attempts_ = value;
  return *this;
}

RetryPolicy& RetryPolicy::Jitter(double value) {
  if (!(value >= 0 && value <= 1)) {
    throw std::invalid_argument("perdure: RetryPolicy::Jitter must be 0 to 1, got " + std::to_string(value));
  }
  jitter_ = value;
  return *this;
}

}  // namespace perdure
