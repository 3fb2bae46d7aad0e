// Context, and Saga, which is built on it.
#include "perdure/context.h"

#include <array>
#include <cstdio>
#include <ranges>

#include "perdure/saga.h"
#include "worker-sdk/src/runtime/run.h"

namespace perdure {

detail::RunCore& Context::Here(const char* what) const {
  if (detail::CurrentRun() != &run_) {
    detail::ThrowUsageError(std::string("Context::") + what +
                            " was called on a thread that is not running this workflow. A Context is for the "
                            "workflow's own coroutines; steps, tasks and threads cannot use it");
  }
  return run_;
}

Pending<void> Context::Sleep(Milliseconds duration, std::string_view name) {
  detail::RunCore& run = Here("Sleep");
  auto cell = detail::MakeRef<detail::LeafCell<void>>();
  run.IssueTimer(*cell, duration, detail::CheckedText(name, "the timer's name"));
  return Pending<void>(detail::Ref<detail::Cell<void>>(cell.get()));
}

Pending<void> Context::SleepUntil(std::chrono::system_clock::time_point due, std::string_view name) {
  // Rounded up: it must not fire before its time.
  return Sleep(std::chrono::ceil<Milliseconds>(due - Now()), name);
}

std::chrono::system_clock::time_point Context::Now() const {
  return std::chrono::system_clock::time_point(Milliseconds(Here("Now").now_unix_ms()));
}

RandomSource& Context::Random() { return Here("Random").random(); }

std::string Context::Uuid() {
  RandomSource& random = Here("Uuid").uuid_random();
  const std::uint64_t high = (random() & ~0xf000ULL) | 0x4000ULL;
  const std::uint64_t low = (random() & ~(3ULL << 62)) | (2ULL << 62);
  std::array<char, 37> text{};
  std::snprintf(text.data(), text.size(), "%08x-%04x-%04x-%04x-%012llx", static_cast<unsigned>(high >> 32),
                static_cast<unsigned>((high >> 16) & 0xffff), static_cast<unsigned>(high & 0xffff),
                static_cast<unsigned>(low >> 48), static_cast<unsigned long long>(low & 0xffffffffffff));
  return text.data();
}

Pending<void> Context::WaitUntil(std::function<bool()> predicate) {
  detail::RunCore& run = Here("WaitUntil");
  auto cell = detail::MakeRef<detail::LeafCell<void>>();
  run.AwaitCondition(*cell, std::move(predicate));
  return Pending<void>(detail::Ref<detail::Cell<void>>(cell.get()));
}

bool Context::CancelRequested() const { return Here("CancelRequested").cancel_requested(); }

void Context::ThrowIfCancelled() const {
  const detail::Scope& scope = Here("ThrowIfCancelled").current_scope("Context::ThrowIfCancelled");
  if (scope.cancelled()) throw Cancelled(scope.reason());
}

const WorkflowInfo& Context::Info() const { return Here("Info").info(); }
const Logger& Context::Log() const { return Here("Log").log(); }

Pending<std::vector<Failure>> Saga::Compensate() {
  detail::RunCore& run = detail::RequireRun("Saga::Compensate");
  auto undo = [undos = std::exchange(undos_, {})]() -> Co<std::vector<Failure>> {
    std::vector<Failure> failures;
    for (const auto& one : std::views::reverse(undos)) {
      const Result<void> result = co_await one();
      if (!result) failures.push_back(result.error());
    }
    co_return failures;
  };
  return detail::SpawnIn(run, detail::NewScope(run, /*shield=*/true), std::move(undo));
}

}  // namespace perdure
