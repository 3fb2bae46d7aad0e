// Checks of option values.
#include "perdure/options.h"

#include <cstdio>
#include <stdexcept>

namespace perdure {
namespace {

constexpr std::size_t kShownBytes = 64;

// Printable ASCII as it is, the rest as \xNN: the value of a bad text need not be text.
std::string Shown(std::string_view value) {
  std::string text;
  for (const char c : value.substr(0, kShownBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      char buffer[8];
      std::snprintf(buffer, sizeof(buffer), "\\x%02x", static_cast<unsigned>(byte));
      text += buffer;
    }
  }
  return "'" + text + (value.size() > kShownBytes ? "...'" : "'");
}

}  // namespace

void detail::ThrowBadText(std::string_view field, std::string_view value, std::string_view problem) {
  throw std::invalid_argument("perdure: " + std::string(field) + " " + std::string(problem) + ": " +
                              Shown(value));
}

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
