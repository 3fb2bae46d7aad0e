// Inputs: everything that can happen to a run. Each has a Decide overload in decide.h.
#ifndef PERDURE_SERVER_ENGINE_INPUT_H_
#define PERDURE_SERVER_ENGINE_INPUT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "perdure/v1/worker_service.pb.h"
#include "server/engine/types.h"

namespace perdure::engine {

using Identity = std::shared_ptr<const std::string>;

// ---- from clients ----

// The first input of a fresh state.
struct StartInput {
  v1::RunStarted started;
};

struct SignalInput {
  v1::SignalReceived signal;
};

struct CancelInput {
  v1::CancelRequested cancel;
};

struct TerminateInput {
  v1::RunTerminated terminate;
  // Terminated by a start with the terminate-existing policy: no retry follows.
};

// ---- from workers ----

struct ActivationAnswerInput {
  v1::ActivationAnswer answer;
  SessionNumber session = 0;
  Identity identity;
  Identity build_id;
};

struct StepAnswerInput {
  v1::StepAnswer answer;
};

struct TaskAnswerInput {
  v1::TaskAnswer answer;
  Identity identity;
};

struct HeartbeatInput {
  v1::TaskHeartbeat heartbeat;
};

// ---- from dispatch ----

// A session has it now.
struct TakenInput {
  v1::WorkToken token;
  SessionNumber session = 0;
  Identity identity;
};

// After a restart, a worker says that it runs this task.
struct TakenOverInput {
  v1::WorkToken token;
  SessionNumber session = 0;
  Identity identity;
  int64_t running_ms = 0;
};

// The session went away with it, or never got it.
struct ReturnedInput {
  v1::WorkToken token;
  // True: a worker had begun it, so that it counts as a failed attempt. False: it never arrived.
  bool begun = false;
};

// The queue's window in memory is full.
struct SpilledInput {
  v1::WorkToken token;
};

// There is room again for what was spilled (seq 0: the activation).
struct RedispatchInput {
  int64_t seq = 0;
};

// The session holds the run's coroutine no more.
struct CoroutineGoneInput {
  SessionNumber session = 0;
};

// ---- from the partition ----

// Something may be due.
struct TickInput {};

// A worker has the activation for long: it may be over its time.
struct ActivationSweepInput {};

// Held tasks need not wait for their workers any longer.
struct ReleaseHeldInput {};

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_INPUT_H_
