// Transition: the workbench of the Decide functions. Inside the engine only.
//
// Emit appends an event to the decision and evolves the state by it at once, so that what is decided next
// sees it. Settle, at the end, turns what became possible (tasks that are ready, stimuli not yet delivered)
// into work.
#ifndef PERDURE_SERVER_ENGINE_TRANSITION_H_
#define PERDURE_SERVER_ENGINE_TRANSITION_H_

#include <memory>
#include <string>

#include "server/engine/decision.h"
#include "server/engine/state.h"
#include "server/engine/types.h"

namespace perdure::engine {

class Transition {
 public:
  Transition(RunState& state, const Env& env) : s(state), env(env) {}
  Transition(const Transition&) = delete;

  // A new event with its id and time set; fill in the body and Emit it.
  std::shared_ptr<v1::Event> NewEvent() const;
  void Emit(std::shared_ptr<v1::Event> event);

  // Writes a note, and evolves the state by it.
  void Write(std::shared_ptr<records::NoteRecord> note);
  // Drops the note's row, if there is one. Before the event that erases the task is emitted.
  void DropTaskNote(int64_t seq);
  void DropActivationNote();

  // Tells whoever has the task in hand or in a queue that it is not wanted any more.
  void Recall(int64_t seq, const PendingTask& task, std::string reason);

  // Refuses the input: nothing may have been emitted.
  Decision Refuse(absl::Status status);
  Decision Stale();
  // Releases what became possible, checks the history's limits, and hands the decision out.
  Decision Finish();

  v1::WorkToken Token(int64_t seq, int32_t attempt, uint64_t delivery) const;

  RunState& s;
  const Env& env;
  Decision d;

 private:
  // Before an event that closes the run: recalls all that is out.
  void RecallEverything(v1::RunStatus status, bool by_its_code);
  // The session may drop the run's coroutine. No effect for session 0.
  void Evict(SessionNumber session);
  void FollowUp(v1::RunStatus status, const v1::Event& closing);
  void EnforceHistoryLimits();
};

// ---- what the files of this folder share ----

// Starts an activation if there is something to tell. (activation.cc)
void ReleaseActivation(Transition& t);
// Hands the ready tasks out. (task.cc)
void ReleaseTasks(Transition& t);
// Ends the current attempt with `failure`: a retry, or the end of the task. (task.cc)
void FailAttempt(Transition& t, int64_t seq, v1::Failure failure);
// What is due for the task at its deadline. (task.cc)
void TaskDue(Transition& t, int64_t seq);
// Ends a task as cancelled; `details` come from its worker. (task.cc)
void CancelPendingTask(Transition& t, int64_t seq, v1::Payload* details = nullptr);

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_TRANSITION_H_
