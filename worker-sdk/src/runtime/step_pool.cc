// Steps, attempt by attempt.
#include "worker-sdk/src/runtime/step_pool.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace perdure::runtime {
namespace {

// The server's defaults for tasks, used for steps that have a policy (see common.proto).
constexpr Milliseconds kInitialInterval{200};
constexpr Milliseconds kMaxInterval{60'000};
constexpr double kBackoff = 2;
constexpr double kJitter = 0.1;

bool MayRetry(const StepCall& call, const Failure& failure, int attempt) {
  if (!call.retry.has_value() || failure.non_retryable) return false;
  if (call.retry->MaxAttempts() > 0 && attempt >= call.retry->MaxAttempts()) return false;
  const std::vector<std::string>& types = call.retry->NonRetryableTypes();
  return std::find(types.begin(), types.end(), failure.type) == types.end();
}

Failure StepFailure(const StepCall& call, Failure cause, int attempt) {
  Failure failure;
  failure.kind = FailureKind::kStep;
  failure.message = "the step failed";
  failure.source = call.what.StepText();
  if (attempt > 1) failure.source += " after " + std::to_string(attempt) + " attempts";
  failure.cause = std::make_shared<const Failure>(std::move(cause));
  return failure;
}

}  // namespace

StepPool::~StepPool() { Stop(); }

void StepPool::Stop() {
  std::vector<std::thread> threads;
  std::multimap<Clock::time_point, Attempt> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
    dropped.swap(due_);
  }
  changed_.notify_all();
  ticker_.Stop();
  for (std::thread& thread : threads) thread.join();
}

void StepPool::Run(StepCall call) { Enqueue(Attempt{std::move(call)}, Clock::time_point::min()); }

void StepPool::Enqueue(Attempt attempt, Clock::time_point due) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  attempt.since = std::max(due, now_());
  const auto at = due_.emplace(due, std::move(attempt));
  // Who is awake comes to it; who waits for a later one has to hear of this.
  if (AwakeLocked() == 0 && at == due_.begin()) WakeLocked();
  if (due == Clock::time_point::min()) ticker_.Arm();
}

void StepPool::WakeLocked() {
  if (idle_ > woken_) {
    ++woken_;
    changed_.notify_one();
  } else if (static_cast<int>(threads_.size()) < threads_max_) {
    threads_.emplace_back([this, slot = threads_.size()] { Loop(slot); });
  }
}

// The ticker's look.
bool StepPool::WakeIfStalled() {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = now_();
  if (stopping_ || due_.empty() || due_.begin()->first > now) return false;
  if (now - due_.begin()->second.since >= kQueueWaitMax) WakeLocked();
  return true;
}

void StepPool::Loop(std::size_t slot) {
  std::unique_lock lock(mutex_);
  const auto told = [this] { return stopping_ || woken_ > 0; };
  while (!stopping_) {
    if (!IsDueLocked()) {
      ++idle_;
      if (due_.empty()) {
        changed_.wait(lock, told);
      } else {
        const Clock::time_point due = due_.begin()->first;
        changed_.wait_until(lock, due, told);
      }
      --idle_;
      if (woken_ > 0) --woken_;
      continue;
    }
    RunFirst(lock, slot);
  }
}

void StepPool::RunFirst(std::unique_lock<std::mutex>& lock, std::size_t slot) {
  Attempt attempt = std::move(due_.begin()->second);
  due_.erase(due_.begin());
  lock.unlock();
  watchdog_.Enter(slot, attempt.call.what);
  RunAttempt(std::move(attempt));
  watchdog_.Leave(slot);
  lock.lock();
}

bool StepPool::RunDue() {
  std::unique_lock lock(mutex_);
  if (stopping_ || !IsDueLocked()) return false;
  RunFirst(lock, 0);
  return true;
}

std::optional<StepPool::Clock::time_point> StepPool::NextDue() const {
  const std::lock_guard lock(mutex_);
  if (due_.empty()) return std::nullopt;
  return std::max(due_.begin()->first, now_());
}

void StepPool::RunAttempt(Attempt attempt) {
  StepOutcome outcome;
  outcome.attempt = attempt.number;
  try {
    outcome.result = attempt.call.body();
  } catch (...) {
    Failure failure = CurrentFailure();
    if (MayRetry(attempt.call, failure, attempt.number)) {
      const Milliseconds delay = failure.retry_delay > Milliseconds(0)
                                     ? failure.retry_delay
                                     : BackoffAfter(*attempt.call.retry, attempt.number);
      ++attempt.number;
      return Enqueue(std::move(attempt), now_() + delay);
    }
    outcome.failure = StepFailure(attempt.call, std::move(failure), attempt.number);
  }
  // The function's copies of its arguments go before anyone hears that it has ended.
  attempt.call.body = nullptr;
  attempt.call.done(std::move(outcome));
}

Milliseconds StepPool::BackoffAfter(const RetryPolicy& policy, int attempt) {
  const auto or_default = [](Milliseconds value, Milliseconds other) {
    return value.count() > 0 ? value : other;
  };
  const double backoff = policy.Backoff() >= 1 ? policy.Backoff() : kBackoff;
  const double jitter = policy.Jitter().value_or(kJitter);
  const auto initial = static_cast<double>(or_default(policy.InitialInterval(), kInitialInterval).count());
  const auto longest = static_cast<double>(or_default(policy.MaxInterval(), kMaxInterval).count());
  const double wait = std::min(longest, initial * std::pow(backoff, attempt - 1));
  const std::lock_guard lock(mutex_);
  std::uniform_real_distribution<double> factor(1 - jitter, 1 + jitter);
  return Milliseconds(std::llround(wait * factor(jitter_)));
}

}  // namespace perdure::runtime
