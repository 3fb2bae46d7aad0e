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

struct Failpoint {
  bool abort = false;
  // Abort: the nth time. Delay: milliseconds.
  int64_t number = 1;
  std::atomic<int64_t> reached{0};
};
using Failpoints = std::map<std::string, std::unique_ptr<Failpoint>, std::less<>>;

Failpoints ReadFailpoints() {
  Failpoints all;
  const char* text = std::getenv("PERDURE_FAILPOINTS");
  for (absl::string_view one : absl::StrSplit(text == nullptr ? "" : text, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(one, absl::MaxSplits('=', 1));
    const std::pair<std::string, std::string> what = absl::StrSplit(parts.second, absl::MaxSplits(':', 1));
    auto point = std::make_unique<Failpoint>();
    point->abort = what.first == "abort";
    const bool number_ok = what.second.empty() || absl::SimpleAtoi(what.second, &point->number);
    if (!number_ok || (!point->abort && what.first != "delay")) {
      std::fprintf(stderr, "PERDURE_FAILPOINTS: '%s' is not NAME=abort[:N] or NAME=delay:MS\n",
                   std::string(one).c_str());
      std::abort();
    }
    all[parts.first] = std::move(point);
  }
  return all;
}

}  // namespace

Bug bug = Bug::kNone;

void ReachFailpoint(const char* name) {
  static const Failpoints* const failpoints = new Failpoints(ReadFailpoints());
  const auto it = failpoints->find(std::string_view(name));
  if (it == failpoints->end()) return;
  Failpoint& point = *it->second;
  if (!point.abort) {
    std::this_thread::sleep_for(std::chrono::milliseconds(point.number));
  } else if (++point.reached == point.number) {
    kill(getpid(), SIGKILL);
  }
}

}  // namespace perdure::base

#endif
