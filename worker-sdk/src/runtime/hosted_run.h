// HostedRun: one run as the executor sees it: its coroutine, the activation in hand, the steps that run for
// it.
//
// Turns what comes from the server into turns of the run, and what the run did into answers. Ownership: the
// executor's. Thread-safety: one thread at a time; steps report back through Mailbox::post.
#ifndef PERDURE_WORKER_SDK_SRC_RUNTIME_HOSTED_RUN_H_
#define PERDURE_WORKER_SDK_SRC_RUNTIME_HOSTED_RUN_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "perdure/registry.h"
#include "perdure/v1/worker_service.pb.h"
#include "worker-sdk/src/runtime/executor.h"
#include "worker-sdk/src/runtime/replay.h"
#include "worker-sdk/src/runtime/run.h"
#include "worker-sdk/src/runtime/step_pool.h"

namespace perdure::runtime {

// Counted by all hosted runs together.
struct Counters {
  std::atomic<std::int64_t> running_steps{0};
  std::atomic<std::int64_t> activations{0};
  std::atomic<std::int64_t> activations_failed{0};
  std::atomic<std::int64_t> replays{0};
  std::atomic<std::int64_t> non_deterministic{0};
  std::atomic<std::int64_t> evictions{0};
  std::atomic<std::int64_t> steps{0};
  std::atomic<std::int64_t> block_warnings{0};
  std::atomic<std::int64_t> step_warnings{0};
};

// What hosted runs share; must outlive them.
struct HostServices {
  const Registry& registry;
  const ExecutorOptions& options;
  ExecutorSink& sink;
  StepPool& steps;
  Counters& counters;
  std::atomic<std::int64_t> payload_bytes_max{0};
  std::atomic<std::int64_t> commands_per_advance_max{0};
};

// Parts of frames, which they keep alive.
using ActivationPtr = std::shared_ptr<const v1::Activation>;
using ChunkPtr = std::shared_ptr<const v1::HistoryChunk>;

// An activation, and the names of its run.
struct Activated {
  ActivationPtr activation;
  std::shared_ptr<const RunNames> names;
};
// A step ended. `generation` tells which coroutine of the run it belongs to.
struct StepDone {
  std::uint64_t generation = 0;
  std::int64_t seq = 0;
  StepOutcome outcome;
};
// The time to wait for steps may be over.
struct Flush {};
struct DropAll {};
struct ConnectionBack {
  bool same_epoch = true;
};
using RunMessage = std::variant<Activated, ChunkPtr, StepDone, Flush, DropAll, ConnectionBack>;

class HostedRun {
 public:
  // How the run reaches its own mailbox from other threads, also after a while.
  struct Mailbox {
    std::function<void(RunMessage)> post;
    std::function<void(RunMessage, std::chrono::milliseconds)> post_after;
  };

  HostedRun(HostServices& services, std::shared_ptr<const Mailbox> mailbox)
      : services_(services), mailbox_(std::move(mailbox)) {}
  ~HostedRun();
  HostedRun(const HostedRun&) = delete;
  HostedRun& operator=(const HostedRun&) = delete;

  void Handle(RunMessage message);
  // Drops the coroutine; the owner saw to it that Evictable().
  v1::WorkToken EvictCoroutine();

  bool in_hand() const { return activation_ != nullptr; }
  bool has_coroutine() const { return core_ != nullptr; }
  // Nothing is left that needs this object.
  bool disposable() const { return !core_ && !in_hand() && zombies_.empty(); }
  // The coroutine can be dropped without losing work.
  bool evictable() const { return core_ && !in_hand() && running_steps_ == 0; }
  std::int64_t bytes() const { return core_ ? core_->bytes() : 0; }

 private:
  // A dropped coroutine whose steps still run: they may refer to variables in its frames.
  struct Zombie {
    std::uint64_t generation = 0;
    std::unique_ptr<detail::RunCore> core;
    int running_steps = 0;
  };

  void On(Activated activated);
  void On(ChunkPtr chunk);
  void On(StepDone done);
  void On(Flush);
  void On(DropAll);
  void On(ConnectionBack back);

  bool MakeCore();
  void DropCore();
  void RequestHistory();
  void ReplayThenAdvance();
  void Advance(const EventLog& log);
  // Those issued by the present advance, and after a replay those that the server lacks a result for.
  void BeginSteps();
  void BeginStep(detail::OpenStep& step);
  void TellAbandoned(std::int64_t seq);
  // False: the answer was not held for this step.
  bool StopHoldingFor(std::int64_t seq);
  void FlushLater();
  std::optional<Failure> CheckLimits(const v1::ActivationAnswer& answer) const;
  void SendAnswer();
  void SendFailure(const Failure& failure);
  void FinishActivation();
  v1::StepCompleted ToStepCompleted(StepDone done) const;
  Divergence Where() const;

  HostServices& services_;
  // Shared with the steps that run.
  const std::shared_ptr<const Mailbox> mailbox_;

  std::unique_ptr<detail::RunCore> core_;
  std::uint64_t generation_ = 0;
  std::uint64_t last_answered_ = 0;
  std::int64_t consumed_through_ = 0;
  int running_steps_ = 0;
  std::vector<Zombie> zombies_;
  // Of the activation in which each running step was begun.
  std::map<std::int64_t, v1::WorkToken> step_tokens_;

  ActivationPtr activation_;
  std::shared_ptr<const RunNames> names_;
  v1::WorkToken token_;
  bool waits_for_history_ = false;
  std::vector<ChunkPtr> chunks_;
  // Held back for the results of steps that it began.
  std::optional<v1::ActivationAnswer> held_;
  // Sorted.
  std::vector<std::int64_t> held_for_;
  std::chrono::steady_clock::time_point held_since_;
  // A Flush is on its way.
  bool flush_comes_ = false;
};

}  // namespace perdure::runtime

#endif  // PERDURE_WORKER_SDK_SRC_RUNTIME_HOSTED_RUN_H_
