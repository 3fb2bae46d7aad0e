#include "server/base/inject.h"

#ifdef PERDURE_INJECT

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace perdure::base {
namespace {

enum class Action { kAbort, kError, kDelay };

struct Failpoint {
  Action action = Action::kAbort;
  // Delay: milliseconds. Else the nth time.
  int64_t number = 1;
  std::atomic<int64_t> reached{0};
};
using Failpoints = std::map<std::string, std::unique_ptr<Failpoint>, std::less<>>;

Failpoints ReadFailpoints() {
  static const std::map<std::string, Action> kActions = {
      {"abort", Action::kAbort}, {"error", Action::kError}, {"delay", Action::kDelay}};
  Failpoints all;
  const char* text = std::getenv("PERDURE_FAILPOINTS");
  for (absl::string_view one : absl::StrSplit(text == nullptr ? "" : text, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(one, absl::MaxSplits('=', 1));
    const std::pair<std::string, std::string> what = absl::StrSplit(parts.second, absl::MaxSplits(':', 1));
    auto point = std::make_unique<Failpoint>();
    const auto action = kActions.find(what.first);
    const bool number_ok = what.second.empty() || absl::SimpleAtoi(what.second, &point->number);
    if (!number_ok || action == kActions.end()) {
      std::fprintf(stderr,
                   "PERDURE_FAILPOINTS: '%s' is not NAME=abort[:N], NAME=error[:N] or NAME=delay:MS\n",
                   std::string(one).c_str());
      std::abort();
    }
    point->action = action->second;
    all[parts.first] = std::move(point);
  }
  return all;
}

}  // namespace

Bug bug = Bug::kNone;

bool ReachFailpoint(std::string_view name) {
  static const Failpoints* const failpoints = new Failpoints(ReadFailpoints());
  const auto it = failpoints->find(name);
  if (it == failpoints->end()) return false;
  Failpoint& point = *it->second;
  if (point.action == Action::kDelay) {
    std::this_thread::sleep_for(std::chrono::milliseconds(point.number));
    return false;
  }
  if (++point.reached != point.number) return false;
  if (point.action == Action::kAbort) kill(getpid(), SIGKILL);
  return true;
}

void PassFailpoint(std::string_view name) {
  if (!ReachFailpoint(name)) return;
  std::fprintf(stderr, "PERDURE_FAILPOINTS: '%s' cannot fail\n", std::string(name).c_str());
  std::abort();
}

}  // namespace perdure::base

#endif
