// RunState: everything the engine knows of one run.
//
// The folded part is a pure function of the run's history and its notes: Evolve (evolve.h) is the only thing
// that changes it, live and in recovery alike. The live part is what this server process did with it since
// (what is handed out to whom); it is lost with the process and made up again by Revive (live.h).
//
// Not thread-safe; a partition's thread owns the states of its runs.
#ifndef PERDURE_SERVER_ENGINE_STATE_H_
#define PERDURE_SERVER_ENGINE_STATE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "server/engine/fifo.h"
#include "server/engine/types.h"

namespace perdure::engine {

enum class TaskPhase : uint8_t {
  kReady,       // to be handed to dispatch by the end of this transition
  kQueued,      // dispatch has it, no worker yet
  kSpilled,     // its queue's window was full: waits on disk
  kRunning,     // a worker has it
  kBackingOff,  // waits for its next attempt
  kHeld,        // after a restart: waits for its worker to come back
};

struct PendingTask {
  std::shared_ptr<const v1::ScheduleTask> command;
  int64_t scheduled_ms = 0;
  bool cancel_requested = false;
  // From the note, if there is one.
  int32_t attempt = 1;
  NotePtr note;

  // Live.
  TaskPhase phase = TaskPhase::kReady;
  uint64_t delivery = 0;
  SessionNumber session = 0;
  std::shared_ptr<const std::string> identity;
  int64_t started_ms = 0;
  int64_t heartbeat_ms = 0;
  // After a hold: since when the task waits for a worker again. schedule_to_start counts from there, since a
  // worker may have had the task before the restart.
  int64_t waiting_since_ms = 0;
  // The entry this task has in RunState::deadlines; 0: none.
  int64_t armed_ms = 0;
};

struct PendingTimer {
  int64_t due_ms = 0;
  std::string name;
};

struct PendingStep {
  std::string name;
  // The activation whose answer began it. A result from an earlier one is of another step, whose advance was
  // lost: deliveries only grow, and code that sees a later one has replayed up to this step.
  uint64_t begun_in = 0;
};

enum class ActivationPhase : uint8_t {
  kNone,        // nothing to tell the workflow code, or the run is closed
  kDelayed,     // the first activation is held back (RunStarted.not_before_unix_ms)
  kQueued,      // dispatch has it, no worker yet
  kSpilled,     // its queue's window was full: waits on disk
  kRunning,     // a worker has it
  kBackingOff,  // the last attempt failed
};

// Live: the activation that is out, if one is.
struct ActivationState {
  ActivationPhase phase = ActivationPhase::kNone;
  uint64_t delivery = 0;
  SessionNumber session = 0;
  std::shared_ptr<const std::string> identity;
  int64_t deliver_through = 0;
  int64_t time_ms = 0;
  int64_t since_ms = 0;
};

enum class DeadlineKind : uint8_t {
  kRunTimeout,
  kExecutionTimeout,
  kActivation,  // the end of a start delay, or of a failed activation's backoff
  kTimer,
  kTask,  // the earliest of a task's timeouts, or the end of its backoff
};

struct Deadline {
  int64_t due_ms = 0;
  DeadlineKind kind = DeadlineKind::kTimer;
  int64_t seq = 0;
  friend auto operator<=>(const Deadline&, const Deadline&) = default;
};

// The request ids of mutations seen lately, so that a repeated one changes nothing. Forgets the oldest.
class RequestIds {
 public:
  bool Contains(const std::string& id) const { return !id.empty() && set_.contains(id); }
  void Add(const std::string& id, size_t limit);
  const Fifo<std::string>& in_order() const { return order_; }

 private:
  Fifo<std::string> order_;
  absl::flat_hash_set<std::string> set_;
};

struct RunState {
  // Where the run lives; part of every token.
  uint32_t partition = 0;
  uint64_t run = 0;

  // ---- folded ----
  // Event 1; null before it.
  EventPtr started_event;
  v1::RunStatus status = v1::RUN_STATUS_UNSPECIFIED;
  int64_t last_event_id = 0;
  int64_t last_advanced_id = 0;
  int64_t consumed_through = 0;
  uint64_t last_activation_id = 0;
  int64_t last_seq = 0;
  int64_t history_bytes = 0;
  bool cancel_requested = false;
  int64_t pending_signals = 0;
  absl::btree_map<int64_t, PendingTask> tasks;
  absl::btree_map<int64_t, PendingTimer> timers;
  absl::btree_map<int64_t, PendingStep> steps;
  // Stimuli past consumed_through, oldest first.
  Fifo<EventPtr> unconsumed;
  RequestIds request_ids;
  // The event that closed the run.
  EventPtr closing_event;
  // Failed activations since the last advance; null: none.
  NotePtr activation_note;

  // ---- live ----
  ActivationState activation;
  // The session that holds the coroutine, as far as is known.
  SessionNumber affinity = 0;
  // Whether pending steps run in `affinity`.
  bool steps_in_hand = false;
  // Held tasks (kHeld) wait until the partition says so.
  bool hold_tasks = false;
  // Tasks in phase kReady, to be released.
  std::vector<int64_t> ready;
  // How many tasks are in a phase that keeps the run in memory (SetPhase counts).
  int64_t hot_tasks = 0;
  // Rows of this run's notes that are on disk or on their way.
  int64_t note_rows = 0;
  size_t unconsumed_bytes = 0;
  size_t started_bytes = 0;
  size_t task_bytes = 0;
  size_t note_bytes = 0;
  size_t closing_bytes = 0;
  absl::btree_set<Deadline> deadlines;

  const v1::RunStarted& started() const { return started_event->run_started(); }
  bool open() const { return status == v1::RUN_STATUS_RUNNING; }
  // Whether something is in a worker's hands or waits for one: such a run stays in memory.
  bool hot() const;
  // The next moment at which something is due; 0: never.
  int64_t next_deadline_ms() const { return deadlines.empty() ? 0 : deadlines.begin()->due_ms; }
  // A rough count of the memory held.
  size_t bytes() const;
};

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_STATE_H_
