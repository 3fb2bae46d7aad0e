#include "tests/sim/order.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"

namespace perdure::sim {
namespace {

using Kind = Call::Kind;

// The line of moments: run k is open from 2k+1 on and closed from 2k+2 on, until run k+1 begins at 2k+3.
// (Moment 0: nothing is there.) A run whose successor began in the same commit was closed for no time, which
// does no harm.
struct Line {
  explicit Line(const std::vector<RunFacts>& facts) : runs(facts) {}
  int end() const {
    const int last = static_cast<int>(runs.size()) - 1;
    return last < 0 ? 0 : 2 * last + (runs.back().status == v1::RUN_STATUS_RUNNING ? 1 : 2);
  }
  static int OpenAt(int k) { return 2 * k + 1; }
  static int ClosedAt(int k) { return 2 * k + 2; }
  // The latest run at a moment; -1: none.
  static int LatestAt(int moment) { return (moment - 1) / 2 - (moment == 0 ? 1 : 0); }
  static bool IsOpen(int k, int moment) { return moment == OpenAt(k); }
  int Find(const std::string& run_id) const {
    for (size_t k = 0; k < runs.size(); ++k) {
      if (runs[k].run_id == run_id) return static_cast<int>(k);
    }
    return -1;
  }

  int FirstOf(const std::string& request_id) const {
    size_t k = 0;
    while (runs[k].request_id != request_id) ++k;
    return static_cast<int>(k);
  }

  const std::vector<RunFacts>& runs;
};

bool Blocks(const Call& call, const RunFacts& latest, bool open) {
  if (open) {
    const v1::IdConflictPolicy policy = call.start.id_conflict_policy();
    return policy == v1::ID_CONFLICT_POLICY_FAIL || policy == v1::ID_CONFLICT_POLICY_UNSPECIFIED;
  }
  switch (call.start.id_reuse_policy()) {
    case v1::ID_REUSE_POLICY_REJECT:
      return true;
    case v1::ID_REUSE_POLICY_ALLOW_IF_FAILED:
      return latest.status == v1::RUN_STATUS_COMPLETED;
    default:
      return false;
  }
}

bool StartFits(const Line& line, const Call& call, int moment) {
  const int latest = Line::LatestAt(moment);
  if (!call.status.ok()) {
    return absl::IsAlreadyExists(call.status) && latest >= 0 &&
           Blocks(call, line.runs[static_cast<size_t>(latest)], Line::IsOpen(latest, moment));
  }
  const int k = line.Find(call.told_run_id);
  if (k < 0) return false;
  // Its own start, told now or when it was repeated: then of the run that retries the first, perhaps.
  if (line.runs[static_cast<size_t>(k)].request_id == call.request_id) {
    return moment == Line::OpenAt(line.FirstOf(call.request_id));
  }
  return !call.started && Line::IsOpen(k, moment) &&
         (call.kind == Kind::kSignalWithStart ||
          call.start.id_conflict_policy() == v1::ID_CONFLICT_POLICY_USE_EXISTING);
}

bool Fits(const Line& line, const Call& call, int moment) {
  if (call.kind == Kind::kStart || call.kind == Kind::kSignalWithStart) return StartFits(line, call, moment);
  const int k = call.run_id.empty() ? Line::LatestAt(moment) : line.Find(call.run_id);
  const bool there = k >= 0 && moment >= Line::OpenAt(k);
  if (absl::IsNotFound(call.status)) return !there;
  if (!there) return false;
  const bool open = Line::IsOpen(k, moment);
  switch (call.kind) {
    case Kind::kSignal:
    case Kind::kCancel:
      return call.status.ok() ? open : absl::IsFailedPrecondition(call.status) && !open;
    case Kind::kTerminate:
      if (!call.status.ok()) return absl::IsFailedPrecondition(call.status) && !open;
      return moment == Line::ClosedAt(k) &&
             line.runs[static_cast<size_t>(k)].status == v1::RUN_STATUS_TERMINATED;
    default:
      if (!call.status.ok() || line.Find(call.told_run_id) != k) return false;
      return call.run_status == (open ? v1::RUN_STATUS_RUNNING : line.runs[static_cast<size_t>(k)].status);
  }
}

}  // namespace

std::vector<std::string> OrderProblems(const std::vector<RunFacts>& runs, std::vector<const Call*> calls) {
  const Line line(runs);
  std::erase_if(calls, [](const Call* call) { return !call->done(); });
  std::sort(calls.begin(), calls.end(),
            [](const Call* a, const Call* b) { return a->asked_ms < b->asked_ms; });
  std::vector<std::string> problems;
  // The earliest moment that each call can have, by when it was told: the least solution, if there is any.
  std::multimap<int64_t, int> told;
  for (const Call* call : calls) {
    int moment = 0;
    for (const auto& [at, earlier] : told) {
      if (at >= call->asked_ms) break;
      moment = std::max(moment, earlier);
    }
    const int from = moment;
    while (moment <= line.end() && !Fits(line, *call, moment)) ++moment;
    if (moment > line.end()) {
      problems.push_back(absl::StrCat("no order of things explains: ", Describe(*call),
                                      " (not before moment ", from, " of ", line.end(), ")"));
      moment = from;
    }
    told.emplace(call->told_ms, moment);
  }
  return problems;
}

}  // namespace perdure::sim
