#include "tests/model/profile.h"

namespace perdure::model {
namespace {

engine::Limits ModelLimits() {
  engine::Limits limits;
  limits.payload_bytes_max = 2'000;
  limits.commands_per_advance_max = 20;
  limits.activation_retry_initial_ms = 20;
  limits.activation_retry_max_ms = 200;
  return limits;
}

// What every world has.
std::vector<const char*> Common() {
  return {"advanced",
          "task_completed",
          "task_failed",
          "task_cancelled",
          "step_completed",
          "timer_fired",
          "signal_received",
          "cancel_requested",
          "run_timed_out",
          "activation failed",
          "activation answer",
          "activation answer (stale)",
          "task answer",
          "task answer (stale)",
          "step answer",
          "step answer (stale)",
          "heartbeat",
          "heartbeat (stale)",
          "taken",
          "taken (stale)",
          "spilled",
          "spilled (stale)",
          "redispatch",
          "redispatch (stale)",
          "coroutine gone",
          "release held",
          "signal (refused)",
          "head written",
          "evicted and loaded",
          "crash, held",
          "crash, not held",
          "next run",
          "tick"};
}

std::vector<const char*> And(std::vector<const char*> common, std::vector<const char*> more) {
  common.insert(common.end(), more.begin(), more.end());
  return common;
}

}  // namespace

Profile Calm() {
  Profile p;
  p.name = "calm";
  // In the order of Action: mail, take, answers (3), heartbeat, clock, clients (3), spill, redispatch, stale,
  // unbegun, lose session, drop coroutine, crash, evict, come back, release held.
  p.weights = {400, 200, 200, 200, 60, 40, 90, 40, 4, 0, 10, 30, 20, 0, 0, 5, 0, 40, 40, 10};
  p.limits = ModelLimits();
  p.failed_percent = 1;
  p.wrong_percent = 1;
  p.must_see = Common();
  return p;
}

Profile Flaky() {
  Profile p;
  p.name = "flaky";
  p.weights = {400, 220, 200, 180, 60, 40, 90, 40, 4, 2, 50, 60, 60, 30, 12, 12, 2, 30, 40, 10};
  p.limits = ModelLimits();
  p.must_see = And(Common(), {"returned", "returned (stale)", "run_terminated"});
  return p;
}

Profile Crashing() {
  Profile p;
  p.name = "crashing";
  p.weights = {400, 220, 200, 180, 60, 50, 90, 40, 4, 0, 30, 40, 50, 15, 5, 5, 25, 50, 120, 20};
  p.limits = ModelLimits();
  p.must_see = And(Common(), {"taken over", "taken over (stale)", "returned"});
  return p;
}

Profile Tight() {
  Profile p;
  p.name = "tight";
  p.weights = {400, 220, 200, 180, 60, 40, 80, 150, 8, 0, 40, 50, 40, 15, 8, 8, 8, 30, 40, 10};
  p.limits = ModelLimits();
  p.limits.pending_signals_per_run_max = 3;
  p.limits.request_ids_per_run_max = 4;
  p.limits.history_events_max = 40;
  p.limits.history_bytes_max = 5'000;
  p.limits.activation_events_max = 2;
  p.limits.activation_bytes_max = 300;
  p.limits.payload_bytes_max = 100;
  p.limits.commands_per_advance_max = 6;
  p.remembers_requests = false;
  p.must_see = And(Common(), {"run_aborted", "taken over", "returned"});
  return p;
}

}  // namespace perdure::model
