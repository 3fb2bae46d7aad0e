// RunCore: the inside of one workflow run. Events go in, coroutines run until they are blocked, commands come
// out.
//
// It knows neither threads nor activations nor the wire: whoever owns it calls it from one thread at a time,
// inside a CurrentRunScope, and gives it the same events in the same portions live and on replay. Then the
// same code issues the same commands.
//
// Ownership: owns the run's coroutines; destroying it destroys their frames, the ones spawned last first.
#ifndef PERDURE_WORKER_SDK_SRC_RUNTIME_RUN_H_
#define PERDURE_WORKER_SDK_SRC_RUNTIME_RUN_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "perdure/context.h"
#include "perdure/detail/strand.h"
#include "perdure/errors.h"
#include "perdure/registry.h"
#include "perdure/v1/history.pb.h"

namespace perdure::detail {

// A step that was issued and has no result yet.
struct OpenStep {
  std::int64_t seq = 0;
  std::string name;
  std::optional<RetryPolicy> retry;
  std::function<Payload()> body;
  // Handed to the step pool by this process.
  bool begun = false;
};

class RunCore {
 public:
  // `function` and `converter` (which may be null) must outlive the run.
  RunCore(const WorkflowFunction& function, const PayloadConverter* converter,
          std::shared_ptr<const LogSink> log);
  ~RunCore();
  RunCore(const RunCore&) = delete;
  RunCore& operator=(const RunCore&) = delete;

  // --- For the owner, between turns.

  // One turn: BeginTurn, Apply for each stimulus in order, Finish. Afterwards commands(), closed() and
  // refusal() tell what came of it.
  void BeginTurn(std::int64_t time_unix_ms, std::int64_t history_length, bool replaying);
  void Apply(const v1::Event& event);
  void FinishTurn();

  // Issued during this turn.
  std::vector<v1::Command>& commands() { return commands_; }
  // The last command closed the run: nothing more can be given to it.
  bool closed() const { return closed_; }
  // Set: the turn could not be carried out; the run is of no use any more.
  const std::optional<Failure>& refusal() const { return refusal_; }
  std::map<std::int64_t, OpenStep>& open_steps() { return open_steps_; }
  // An estimate of the memory that this run holds.
  std::int64_t bytes() const;

  // --- For code inside of the run (see perdure/detail/issue.h).

  // Throws UsageError unless a coroutine of the run is being resumed.
  Strand& RunningStrand(const char* what) const;
  Scope& current_scope(const char* what) const { return RunningStrand(what).scope(); }
  bool dying() const { return dying_; }

  void IssueTask(Leaf& leaf, std::string_view type, const TaskOptions& options, Payload input);
  void IssueTimer(Leaf& leaf, Milliseconds delay, std::string_view name);
  void IssueStep(Leaf& leaf, std::string_view name, const StepOptions& options,
                 std::function<Payload()> body);
  void AwaitSignal(Leaf& leaf, std::string_view name);
  void AwaitCondition(Leaf& leaf, std::function<bool()> predicate);
  void CancelLeaf(Leaf& leaf, const std::string& reason);
  void ForgetLeaf(Leaf& leaf);
  std::optional<Payload> TakeSignal(std::string_view name);
  std::exception_ptr BadSignal(std::string_view name, const std::exception_ptr& error) const;
  void Refuse(Failure failure);
  void RefuseInput(const std::string& what, const std::exception_ptr& error);

  void KeepUntilSettled(CellBase& cell);
  void Start(Ref<Strand> strand);
  void MakeReady(Strand& strand) { ready_.push_back(&strand); }

  std::int64_t now_unix_ms() const { return now_unix_ms_; }
  bool cancel_requested() const { return cancel_requested_; }
  const WorkflowInfo& info() const { return info_; }
  const Logger& log() const { return *log_; }
  RandomSource& random() { return random_; }
  RandomSource& uuid_random() { return uuid_random_; }
  void AddFrameBytes(std::int64_t bytes) { frame_bytes_ += bytes; }

 private:
  struct Waiting {
    Ref<CellBase> cell;
    Leaf* leaf = nullptr;
  };
  struct KeptSignal {
    Payload payload;
    // Set: the converter says that it is bad.
    std::exception_ptr error;
  };
  struct SignalQueue {
    std::deque<KeptSignal> kept;
    // By ticket, so first come, first served.
    std::map<std::int64_t, Leaf*> waiting;
  };
  struct Condition {
    Leaf* leaf = nullptr;
    std::function<bool()> predicate;
  };

  // A combination without a handle, which goes on by itself.
  class Kept final : public Waiter {
   public:
    Kept(RunCore& run, CellBase& cell) : run_(run), cell_(&cell) {}
    void OnSettled() override { run_.kept_.erase(cell_.get()); }

   private:
    RunCore& run_;
    const Ref<CellBase> cell_;
  };

  void Begin(const v1::RunStarted& started, std::int64_t time_unix_ms);
  void ApplyTaskCompleted(const v1::TaskCompleted& event);
  void ApplyTaskFailed(const v1::TaskFailed& event);
  void ApplyTaskCancelled(const v1::TaskCancelled& event);
  void ApplyStepCompleted(const v1::StepCompleted& event);
  void ApplySignal(const v1::SignalReceived& event);
  // The leaf that this answer is for, taken out of the tables; null if it is not waited for any more.
  Waiting TakeWaiting(std::int64_t seq, const char* what);
  // `what`: "task". `seq`: what tells it from others of its name; 0: nothing does.
  void DeliverTo(const Waiting& waiting, const v1::Payload& payload, const char* what, std::int64_t seq);

  static std::int64_t BytesOf(const KeptSignal& signal) {
    return static_cast<std::int64_t>(signal.payload.data.size() + sizeof(KeptSignal));
  }
  std::optional<KeptSignal> TakeKept(std::string_view name);
  void DeliverSignal(const Leaf& leaf, const KeptSignal& signal);
  void NoteTaken(std::size_t bytes) { taken_bytes_ += static_cast<std::int64_t>(bytes); }

  bool Admit(Leaf& leaf, Leaf::Kind kind, const char* what);
  v1::Command& IssueSeq(Leaf& leaf);
  void Resume(Strand& strand);
  bool SettleConditions();
  bool Holds(const std::function<bool()>& predicate);
  void Close();

  const WorkflowFunction& function_;
  const PayloadConverter* const converter_;
  Context context_;

  // The present turn.
  std::int64_t now_unix_ms_ = 0;
  std::vector<v1::Command> commands_;
  std::optional<Failure> refusal_;
  Strand* running_ = nullptr;
  bool closed_ = false;
  bool dying_ = false;

  WorkflowInfo info_;
  std::shared_ptr<const LogSink> log_sink_;
  std::optional<Logger> log_;
  RandomSource random_{0};
  RandomSource uuid_random_{0};
  bool cancel_requested_ = false;

  std::int64_t next_seq_ = 1;
  std::int64_t next_ticket_ = 1;
  std::unordered_map<std::int64_t, Waiting> waiting_;
  std::map<std::int64_t, OpenStep> open_steps_;
  std::map<std::string, SignalQueue, std::less<>> signals_;
  std::map<std::int64_t, Condition> conditions_;
  std::unordered_map<CellBase*, Kept> kept_;

  std::deque<Strand*> ready_;
  // In the order started.
  std::map<std::int64_t, Ref<Strand>> strands_;
  std::int64_t next_strand_ = 1;
  Ref<Scope> root_scope_;
  Ref<Cell<Payload>> outcome_;

  std::int64_t frame_bytes_ = 0;
  std::int64_t signal_bytes_ = 0;
  std::int64_t input_bytes_ = 0;
  // Of results and signals that coroutines were given, less what they will have dropped, see BeginTurn.
  std::int64_t taken_bytes_ = 0;
};

// While it lives, this thread runs code of this run.
class CurrentRunScope {
 public:
  explicit CurrentRunScope(RunCore* run);
  ~CurrentRunScope();
  CurrentRunScope(const CurrentRunScope&) = delete;
  CurrentRunScope& operator=(const CurrentRunScope&) = delete;

 private:
  RunCore* const previous_;
};

// "task process_payment (seq 3, attempt 2)"; without the attempt if it is 0.
std::string SourceOf(const char* kind, std::string_view name, std::int64_t seq, int attempt = 0);

}  // namespace perdure::detail

#endif  // PERDURE_WORKER_SDK_SRC_RUNTIME_RUN_H_
