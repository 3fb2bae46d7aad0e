// Partition: one slice of all runs, with one thread that decides everything about them.
//
// The thread takes what is in the mailbox, decides each message in memory at once, and stages the writes of
// all of them as one batch for the committer. If that is idle, the thread commits on the spot; if not, it
// goes on deciding and does not wait for the sync. So its view runs ahead of the disk; since commits keep
// their order, what later messages build on can only be lost together with them. Nothing of it is seen
// outside before it is durable: replies, work and acknowledgements travel with the batch.
//
// What is written: see docs/architecture.md. In short, a transition's events under one log key; derived rows
// (head, timer) when a run leaves memory and at checkpoints; which runs' rows are behind, in the dirty
// journal.
//
// Put is thread-safe. Everything else is the thread's, or the test's that drives RunOnce instead of it.
#ifndef PERDURE_SERVER_PARTITION_PARTITION_H_
#define PERDURE_SERVER_PARTITION_PARTITION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "server/engine/decide.h"
#include "server/partition/committer.h"
#include "server/partition/mailbox.h"
#include "server/partition/metrics.h"
#include "server/partition/options.h"
#include "server/partition/run_cache.h"
#include "storage/store.h"

namespace perdure::partition {

struct RecoveryStats {
  int64_t runs = 0;  // read back into memory
  int64_t unreadable = 0;
  int64_t held_tasks = 0;
  int64_t closed = 0;  // noted for deletion after their retention
  int64_t ms = 0;
};

class Partition {
 public:
  // `epoch` differs at each start of the server and grows; it makes delivery numbers unique.
  Partition(uint32_t number, storage::Store* store, Committer* committer, const PartitionOptions& options,
            uint64_t epoch);
  ~Partition();
  Partition(const Partition&) = delete;

  // Reads back what was going on when the server stopped. Before Start. With `hold_tasks`, tasks wait for
  // ReleaseHeld or the reconnect grace, since workers may be running them. The grace counts from here, and
  // anew from BeginHold.
  absl::StatusOr<RecoveryStats> Recover(bool hold_tasks);

  void Start();
  // Ends the thread after what is in the mailbox.
  void Stop();
  // What the thread does once: takes the mailbox, waiting for at most `wait`, decides, stages.
  void RunOnce(std::chrono::milliseconds wait);
  // How long RunOnce may wait. For whoever calls that.
  std::chrono::milliseconds IdleFor() const;

  void Put(Message message) { mailbox_.Put(std::move(message)); }
  void Put(std::vector<Message> messages) { mailbox_.Put(std::move(messages)); }
  int64_t mailbox_depth() const { return mailbox_.depth(); }
  // Whether new work from clients may be Put: RESOURCE_EXHAUSTED names the limit of memory that is reached.
  // Thread-safe.
  absl::Status Admit() const;

  uint32_t number() const { return number_; }
  void Collect(base::MetricSink& sink) const { metrics_.Collect(sink); }

 private:
  struct Waiter {
    uint64_t id = 0;
    int64_t deadline_ms = 0;
    bool follow = false;
    std::string run_id;
    Reply<v1::GetResultResponse> reply;
  };
  struct Watcher {
    uint64_t id = 0;
    std::shared_ptr<absl::AnyInvocable<void(absl::StatusOr<Progress>)>> progress;
  };
  struct Interest {
    std::vector<Waiter> waiters;
    std::vector<Watcher> watchers;
    bool empty() const { return waiters.empty() && watchers.empty(); }
  };
  // A run, as the id and list rows tell of it.
  struct Located {
    uint64_t run = 0;
    std::string workflow_id;
    std::string run_id;
    v1::RunStatus status = v1::RUN_STATUS_UNSPECIFIED;
    std::string start_request_id;
    std::string next_run_id;
    std::vector<engine::EarlierStart> earlier_starts;
  };

  void Loop();
  engine::Env MakeEnv();
  int64_t Now();

  // ---- partition.cc: one transition ----
  template <typename Input>
  engine::Decision Run(RunEntry& entry, Input input);
  void Apply(RunEntry& entry, engine::Decision& decision);
  void Touch(RunEntry& entry);
  void CountEvents(const RunEntry& entry, const std::vector<engine::EventPtr>& events);
  void FollowUp(RunEntry& entry, v1::RunStarted next);
  RunEntry& Create(v1::RunStarted started, std::vector<engine::EarlierStart> earlier);
  void TellInterested(RunEntry& entry);

  // ---- lookup.cc: finding and loading runs ----
  absl::StatusOr<RunEntry*> Acquire(uint64_t run);
  // Whether the id row leads to the run; then what else it knows is taken over.
  bool IsLatest(RunEntry& entry) const;
  absl::StatusOr<std::unique_ptr<RunEntry>> Load(uint64_t run, bool hold_tasks);
  // The list row of a run says other than its history. For a disk that is damaged.
  static absl::Status RowsDisagree(const std::string& run_id, const char* status);
  absl::StatusOr<Located> Locate(const std::string& ns, const v1::WorkflowExecution& execution);
  absl::StatusOr<std::optional<Located>> LocateLatest(const std::string& ns, const std::string& workflow_id);
  absl::StatusOr<Located> FromListRow(const std::string& ns, uint64_t run, const std::string& run_id);
  absl::StatusOr<RunEntry*> AcquireFor(const std::string& ns, const v1::WorkflowExecution& execution);

  // ---- requests.cc: messages ----
  void Handle(Message message);
  void On(StartRequest& m);
  void On(SignalRequest& m);
  void On(SignalWithStartRequest& m);
  void On(CancelRequest& m);
  void On(TerminateRequest& m);
  void On(DescribeRequest& m);
  void On(ResultRequest& m);
  void On(WatchRequest& m);
  void On(Forget& m);
  template <typename Input>
  void On(ForRun<Input>& m);
  bool MayBeIn(const std::string& ns, uint64_t run);
  void On(CoroutinesGone& m);
  void On(RefillRequest& m);
  void On(RecordSession& m);
  void On(ReleaseHeld& m);
  void On(BeginHold& m);
  void On(EndWaits& m);
  absl::StatusOr<v1::StartWorkflowResponse> Start(const v1::StartWorkflowRequest& request);
  absl::StatusOr<v1::StartWorkflowResponse> StartOver(const v1::StartWorkflowRequest& request,
                                                      const std::optional<Located>& existing);
  static engine::ExistingRun ToExistingRun(const Located& run);
  absl::StatusOr<v1::SignalWithStartWorkflowResponse> SignalWithStart(
      v1::SignalWithStartWorkflowRequest& request);
  template <typename T>
  void ReplyAfterCommit(Reply<T>& reply, absl::StatusOr<T> value);
  absl::StatusOr<std::optional<v1::GetResultResponse>> ResultOf(const std::string& ns,
                                                                const Located& located);
  void ExpireWaiters();
  void StageSpilled(RunEntry& entry, const engine::RunState& s, int64_t seq);

  // ---- flush.cc: staging ----
  void Flush();
  void StageRun(RunEntry& entry);
  void StageListRow(RunEntry& entry);
  void StageClosed(RunEntry& entry);
  void StageDerived(RunEntry& entry);
  void MarkDirty(RunEntry& entry);

  // ---- checkpoint.cc: checkpoints, eviction, timers, retention ----
  void FireDue();
  void RefillWindow();
  void AdvanceCheckpoint();
  void BeginCheckpoint();
  void EndCheckpoint();
  void Evict();
  void SweepActivations();
  void SweepExpired();
  // What the workflow id leads to once its latest run is deleted; nothing: it goes too.
  std::optional<engine::records::IdRecord> LatestLeft(const std::string& ns,
                                                      const engine::records::IdRecord& id) const;
  absl::Status StageDeletion(const std::vector<std::pair<uint64_t, std::string>>& runs);

  const uint32_t number_;
  storage::Store* const store_;
  Committer* const committer_;
  const PartitionOptions options_;
  const uint64_t epoch_;
  PartitionMetrics metrics_;
  Mailbox mailbox_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;

  // Not absl's, which differs from process to process with the same seed.
  std::mt19937_64 random_;
  int64_t last_now_ms_ = 0;
  uint64_t next_delivery_;
  uint64_t next_run_ = 1;

  RunCache cache_;
  // cache_.bytes(), for Admit.
  std::atomic<int64_t> cached_bytes_{0};
  absl::flat_hash_map<uint64_t, Interest> interest_;
  // The server stops.
  bool waits_ended_ = false;
  absl::flat_hash_map<uint64_t, uint64_t> waiter_runs_;
  absl::btree_set<std::pair<int64_t, uint64_t>> waiter_deadlines_;

  // What the present drain stages.
  Staged staged_;
  std::vector<uint64_t> touched_;
  // Names of runs touched in this drain whose rows fell behind, for the journal.
  std::vector<uint64_t> newly_dirty_;
  std::vector<engine::records::ClosedRun> newly_closed_;
  uint64_t commit_ = 1;
  std::atomic<uint64_t> committed_{0};

  // Queues whose items went to disk lately, by the commit that holds the newest row.
  absl::flat_hash_map<std::string, uint64_t> spilled_in_;

  // Runs whose derived rows are behind, by whether they fell behind before the running checkpoint began.
  absl::flat_hash_set<uint64_t> dirty_;
  std::vector<uint64_t> to_checkpoint_;
  bool checkpointing_ = false;
  uint64_t checkpoint_begin_ = 0;
  int64_t next_checkpoint_ms_ = 0;
  // Closed since the last checkpoint: their expiry rows are written by the next one.
  std::vector<engine::records::ClosedRun> closed_;
  std::vector<engine::records::ClosedRun> closed_before_checkpoint_;

  // Timer rows due up to here are held in memory.
  int64_t window_end_ms_ = 0;
  int64_t next_sweep_ms_ = 0;
  int64_t next_activation_sweep_ms_ = 0;
  // What the last sweep deletes, and the commit that does it: until then the store still shows them.
  absl::flat_hash_set<uint64_t> deleted_;
  uint64_t deleted_in_ = 0;
  std::vector<uint64_t> held_;
  int64_t release_held_ms_ = 0;
  // Found by recovery; a newer version of the server, say, can read them again.
  std::vector<uint64_t> unreadable_;
};

template <typename T>
void Partition::ReplyAfterCommit(Reply<T>& reply, absl::StatusOr<T> value) {
  staged_.replies.push_back(
      [reply = std::move(reply), value = std::move(value)](const absl::Status& committed) mutable {
        if (committed.ok()) {
          reply(std::move(value));
        } else {
          reply(committed);
        }
      });
}

// The run number that a run id carries; nothing if it is not one of ours.
std::optional<uint64_t> RunOf(const std::string& run_id);
// A new run id: a UUID (version 8) whose first 48 bits are the run number, the rest random.
std::string MakeRunId(uint64_t run, uint64_t random_high, uint64_t random_low);

}  // namespace perdure::partition

#endif  // PERDURE_SERVER_PARTITION_PARTITION_H_
