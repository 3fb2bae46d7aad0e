// Executor: hosts the coroutines of all workflow runs of a worker process, and nothing else of the worker.
//
// Activations go in, answers come out through the sink. A run is worked on by one thread at a time; different
// runs share a few threads. Coroutines of runs that wait stay in memory, up to a number of bytes; beyond it
// the least recently used ones are dropped and later replayed from history.
//
// Ownership: registry and sink must outlive the executor. Thread-safety: all public functions may be called
// from any thread and none blocks on workflow code, except Drain, WaitIdle and the destructor. The sink is
// called from the executor's threads, never under its locks.
#ifndef PERDURE_WORKER_SDK_SRC_RUNTIME_EXECUTOR_H_
#define PERDURE_WORKER_SDK_SRC_RUNTIME_EXECUTOR_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "perdure/log.h"
#include "perdure/payload.h"
#include "perdure/registry.h"
#include "perdure/v1/worker_service.pb.h"

namespace perdure::runtime {

struct ExecutorOptions {
  // Threads that run workflow code. 0: none, RunReady does.
  int threads = 2;
  // Threads that run steps. 0: none, RunStep does.
  int step_threads = 8;
  // Suspended coroutines kept in memory: frames and what they wait for, estimated.
  std::int64_t cache_bytes_max = 256LL << 20;
  // Workflow code that holds its thread longer is logged.
  std::chrono::milliseconds block_warning{1000};
  // A step that runs longer is logged. 0: none is, for both.
  std::chrono::milliseconds step_warning{10'000};
  // How long an advance that began nothing but steps waits for them, so that results ride with it.
  std::chrono::milliseconds step_piggyback{20};
  // Null: payloads go out as they are.
  std::shared_ptr<const PayloadConverter> converter;
  // Null: nothing is logged.
  std::shared_ptr<const LogSink> log;
  std::chrono::steady_clock::time_point (*now)() = &std::chrono::steady_clock::now;
  // Of what varies the time between attempts of steps. 0: from the system.
  std::uint64_t random_seed = 0;
};

// Where answers go. Called from the executor's threads; must not block. `answer_id` is left for the sink to
// fill.
class ExecutorSink {
 public:
  virtual ~ExecutorSink() = default;
  virtual void Answer(v1::ActivationAnswer answer) = 0;
  virtual void Answer(v1::StepAnswer answer) = 0;
  // No more answers come at once: time to send those that were given.
  virtual void Flush() {}
  virtual void RequestHistory(v1::HistoryRequest request) = 0;
  // A suspended coroutine was dropped to stay within the cache limit; its run may go anywhere now.
  virtual void Evicted(v1::WorkToken token) = 0;
};

struct ExecutorStats {
  std::int64_t cached_runs = 0;
  std::int64_t cached_bytes = 0;
  // Activations taken in and not answered yet.
  std::int64_t in_hand = 0;
  std::int64_t running_steps = 0;
  // Totals since the start.
  std::int64_t activations = 0;
  std::int64_t activations_failed = 0;
  std::int64_t replays = 0;
  std::int64_t non_deterministic = 0;
  std::int64_t evictions = 0;
  std::int64_t steps = 0;
  std::int64_t block_warnings = 0;
  std::int64_t step_warnings = 0;
};

class Executor {
 public:
  Executor(const Registry& registry, ExecutorOptions options, ExecutorSink* sink);
  // Stops the threads; waits for workflow code and steps that are running, drops the rest. Nothing is
  // answered after it began.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // From ServerFrame.activations, history_chunks and evict.
  void Activate(v1::Activation activation);
  void History(v1::HistoryChunk chunk);
  // Activations and histories of one frame, which is kept until they are dealt with.
  void Take(const std::shared_ptr<const v1::ServerFrame>& frame);
  void Evict(const v1::WorkToken& token);

  // From Welcome: limits that answers are checked against. 0: none.
  void SetLimits(std::int64_t payload_bytes_max, std::int64_t commands_per_advance_max);

  // After a reconnect. With the same server epoch, history that was being fetched is asked for again; with
  // another one, activations in hand and unanswered are dropped, since the server delivers them anew.
  void Reconnected(bool same_epoch);
  // Welcome.stale_tokens: that activation is of no use any more. A later one of the run, which may be in hand
  // while the answer of this one is not acknowledged, is.
  void Drop(const v1::WorkToken& token);

  // Tokens of activations taken in and not yet answered, for Hello.activations_in_hand.
  std::vector<v1::WorkToken> InHand() const;

  // Waits until nothing is in hand and no step runs, or `timeout` has passed; whether that is so.
  bool WaitIdle(std::chrono::milliseconds timeout) const;

  // Workflow code and steps that hold a thread right now, for people: "step validate (seq 3) of order-42 for
  // 1200 ms".
  std::vector<std::string> Busy() const;

  ExecutorStats Stats() const;

  // ---- without threads: everything happens in these two, on the thread that calls them ----
  // One run deals with what has come for it. False: nothing is ready.
  bool RunReady();
  // One attempt of one step. False: none is due.
  bool RunStep();
  // When one of them has something to do, if nothing comes from outside: now, later, or never (nothing).
  std::optional<std::chrono::steady_clock::time_point> NextDue() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure::runtime

#endif  // PERDURE_WORKER_SDK_SRC_RUNTIME_EXECUTOR_H_
