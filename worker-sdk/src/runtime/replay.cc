// Replay, advance by advance.
#include "worker-sdk/src/runtime/replay.h"

#include <string>

namespace perdure::runtime {
namespace {

Failure GoesBack(std::int64_t event_id, std::int64_t through, std::int64_t before) {
  Failure failure;
  failure.kind = FailureKind::kWorkerError;
  failure.type = "BrokenHistory";
  failure.message = "event " + std::to_string(event_id) +
                    " of the history says that the code had seen events up to " + std::to_string(through) +
                    ", after one that says up to " + std::to_string(before) +
                    "; check the server's data with `perdure admin verify`";
  return failure;
}

}  // namespace

void EventLog::Add(const google::protobuf::RepeatedPtrField<v1::Event>& events) {
  for (const v1::Event& event : events) {
    (event.has_advanced() ? advances_ : stimuli_).emplace(event.event_id(), &event);
  }
}

std::int64_t EventLog::FirstMissing(std::int64_t last) const {
  auto stimulus = stimuli_.begin();
  auto advance = advances_.begin();
  for (std::int64_t id = 1; id <= last; ++id) {
    if (stimulus != stimuli_.end() && stimulus->first == id) {
      ++stimulus;
    } else if (advance != advances_.end() && advance->first == id) {
      ++advance;
    } else {
      return id;
    }
  }
  return 0;
}

void EventLog::Deliver(detail::RunCore& run, std::int64_t after, std::int64_t through) const {
  if (through <= after) return;
  const auto end = stimuli_.upper_bound(through);
  for (auto at = stimuli_.upper_bound(after); at != end; ++at) run.Apply(*at->second);
}

ReplayOutcome Replay(detail::RunCore& run, const EventLog& log, const Divergence& where) {
  ReplayOutcome outcome;
  for (const auto& [event_id, event] : log.advances()) {
    const v1::Advanced& advanced = event->advanced();
    if (advanced.consumed_through() < outcome.consumed_through) {
      outcome.failure = GoesBack(event_id, advanced.consumed_through(), outcome.consumed_through);
      return outcome;
    }
    run.BeginTurn(advanced.activation_time_unix_ms(), advanced.consumed_through(), /*replaying=*/true);
    log.Deliver(run, outcome.consumed_through, advanced.consumed_through());
    run.FinishTurn();
    Divergence here = where;
    here.event_id = event_id;
    outcome.failure = run.refusal();
    if (!outcome.failure.has_value()) outcome.failure = CompareCommands(here, advanced, run.commands());
    if (outcome.failure.has_value()) return outcome;
    outcome.consumed_through = advanced.consumed_through();
    outcome.activation_id = advanced.activation_id();
  }
  return outcome;
}

}  // namespace perdure::runtime
