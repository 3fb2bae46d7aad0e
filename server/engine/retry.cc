#include "server/engine/retry.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace perdure::engine {
namespace {

constexpr int64_t kInitialIntervalMs = 200;
constexpr double kBackoffCoefficient = 2.0;
constexpr int64_t kMaxIntervalMs = 60'000;
constexpr double kJitter = 0.1;
// Waits are cut to this, so that no sum of times overflows.
constexpr double kLongestWaitMs = 1e13;

double Fraction(uint64_t random) { return static_cast<double>(random >> 11) * 0x1.0p-53; }

double IntervalMs(const v1::RetryPolicy& p, int32_t attempt) {
  const auto initial =
      static_cast<double>(p.initial_interval_ms() > 0 ? p.initial_interval_ms() : kInitialIntervalMs);
  const double coefficient = p.backoff_coefficient() >= 1 ? p.backoff_coefficient() : kBackoffCoefficient;
  const auto longest = static_cast<double>(p.max_interval_ms() > 0 ? p.max_interval_ms() : kMaxIntervalMs);
  const double wait = initial * std::pow(coefficient, attempt - 1);
  return std::min(std::isfinite(wait) ? wait : longest, longest);
}

}  // namespace

std::optional<int64_t> RetryDelayMs(const v1::RetryPolicy& policy, int32_t attempt,
                                    const v1::Failure& failure, uint64_t random) {
  if (failure.non_retryable()) return std::nullopt;
  if (policy.max_attempts() > 0 && attempt >= policy.max_attempts()) return std::nullopt;
  const auto& types = policy.non_retryable_types();
  if (!failure.type().empty() && std::find(types.begin(), types.end(), failure.type()) != types.end()) {
    return std::nullopt;
  }
  if (failure.retry_delay_ms() > 0) {
    return static_cast<int64_t>(std::min(static_cast<double>(failure.retry_delay_ms()), kLongestWaitMs));
  }
  const double jitter = policy.jitter() == 0 ? kJitter : std::clamp(policy.jitter(), 0.0, 1.0);
  const double factor = 1 - jitter + 2 * jitter * Fraction(random);
  const double wait = IntervalMs(policy, attempt) * factor;
  return static_cast<int64_t>(wait < kLongestWaitMs ? wait : kLongestWaitMs);
}

std::string WhyInvalid(const v1::RetryPolicy& p) {
  if (p.initial_interval_ms() < 0) {
    return absl::StrCat("initial_interval_ms is ", p.initial_interval_ms(), ": must not be negative");
  }
  if (p.max_interval_ms() < 0) {
    return absl::StrCat("max_interval_ms is ", p.max_interval_ms(), ": must not be negative");
  }
  if (p.max_attempts() < 0) {
    return absl::StrCat("max_attempts is ", p.max_attempts(), ": must be 0 (no limit) or more");
  }
  if (p.backoff_coefficient() != 0 &&
      !(p.backoff_coefficient() >= 1 && std::isfinite(p.backoff_coefficient()))) {
    return absl::StrCat("backoff_coefficient is ", p.backoff_coefficient(), ": must be at least 1");
  }
  if (!(p.jitter() <= 1)) return absl::StrCat("jitter is ", p.jitter(), ": must be at most 1");
  return "";
}

int64_t BackoffMs(int64_t initial_ms, int64_t max_ms, int32_t attempt) {
  int64_t wait = initial_ms;
  for (int32_t i = 1; i < attempt && wait < max_ms; ++i) wait *= 2;
  return std::min(wait, max_ms);
}

}  // namespace perdure::engine
