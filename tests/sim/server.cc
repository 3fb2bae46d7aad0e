#include "tests/sim/server.h"

#include <limits>
#include <optional>
#include <utility>

#include "server/base/stats.h"
#include "storage/keyspace.h"

namespace perdure::sim {
namespace {

constexpr const char* kNamespace = "default";
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kTickMs = 100;
constexpr int64_t kRetryFullDiskMs = 200;
// An epoch leaves room for the delivery numbers of one process.
constexpr uint64_t kEpochStep = uint64_t{1} << 24;

thread_local bool g_commit_failed = false;
// In the daemon this does not return. Here nothing of the process is used after it.
void NoteFailedCommit(const absl::Status&) { g_commit_failed = true; }

// Reads one metric.
class OneMetric final : public base::MetricSink {
 public:
  explicit OneMetric(std::string name) : name_(std::move(name)) {}
  void Counter(std::string_view name, std::string_view, base::Labels, double value) override {
    Add(name, value);
  }
  void Gauge(std::string_view name, std::string_view, base::Labels, double value) override {
    Add(name, value);
  }
  void Histogram(std::string_view, std::string_view, base::Labels, const base::Histogram&, double) override {}
  int64_t sum() const { return sum_; }

 private:
  void Add(std::string_view name, double value) {
    if (name == name_) sum_ += static_cast<int64_t>(value);
  }
  const std::string name_;
  int64_t sum_ = 0;
};

}  // namespace

// Tells the server of what comes for its partitions.
class Server::SimRing final : public api::Ring {
 public:
  SimRing(Server* server, const api::RingOptions& options) : api::Ring(options), server_(server) {}
  void Post(uint32_t partition, std::vector<dispatch::Report> reports) override {
    api::Ring::Post(partition, std::move(reports));
    server_->WakePartition(partition, server_->rng_->Below(2));
  }
  bool RequestHistory(const dispatch::HistoryRead& read) override;

 private:
  Server* const server_;
};

struct Server::Process {
  std::unique_ptr<SimRing> ring;
  std::unique_ptr<partition::Committer> committer;
  std::vector<std::unique_ptr<partition::Partition>> partitions;
  std::unique_ptr<partition::Reader> reader;
  std::unique_ptr<partition::ReaderPool> pool;
  std::unique_ptr<dispatch::Dispatcher> dispatcher;
  // When each partition looks next.
  std::vector<int64_t> wakes;
  bool commit_due = false;
};

bool Server::SimRing::RequestHistory(const dispatch::HistoryRead& read) {
  if (!api::Ring::RequestHistory(read)) return false;
  server_->Later(server_->rng_->Between(0, server_->faults_->delay_ms_max),
                 [server = server_] { server->process_->pool->RunOne(); });
  return true;
}

Server::Server(const Setup& setup, Faults* faults, model::Rng* rng, Schedule* schedule, Trace* trace,
               Observer observer)
    : setup_(setup),
      faults_(faults),
      rng_(rng),
      schedule_(schedule),
      trace_(trace),
      observer_(std::move(observer)) {
  DrawOptions();
  if (setup_.bug == base::Bug::kAcknowledgeWithoutSync) store_.Inject(storage::FaultPlan().DelaySync());
}

Server::~Server() = default;

// Limits so small that every seed meets some of them.
void Server::DrawOptions() {
  partitions_wanted_ = static_cast<uint32_t>(rng_->Between(1, 3));
  partition::PartitionOptions& p = partition_options_;
  p.now_ms = Clocks::ServerUnixMs;
  p.random_seed = rng_->Next() | 1;
  p.full_disk_retry_ms = 0;
  const int64_t cache[] = {0, 20'000, 200'000, 32 << 20};
  p.run_cache_bytes_max = cache[rng_->Below(4)];
  p.checkpoint_interval_ms = rng_->Percent(50) ? rng_->Between(20, 500) : rng_->Between(500, 5'000);
  p.timer_window_ms = rng_->Percent(50) ? rng_->Between(10, 2'000) : 60'000;
  p.timer_window_items_max = rng_->Percent(50) ? rng_->Between(1, 8) : 100'000;
  p.reconnect_grace_ms = rng_->Between(500, 5'000);
  p.retention_sweep_interval_ms = 5'000;
  p.limits.activation_events_max = rng_->Percent(30) ? rng_->Between(1, 4) : 10'000;
  p.limits.activation_timeout_ms = rng_->Between(5'000, 30'000);
  dispatch::DispatchOptions& d = dispatch_options_;
  d.now_ms = Clocks::ServerUnixMs;
  d.reconnect_grace_ms = p.reconnect_grace_ms;
  d.queue_window_max = rng_->Percent(40) ? rng_->Between(1, 6) : 10'000;
  d.session_outgoing_bytes_max = rng_->Percent(20) ? 2'000 : 32 << 20;
  d.server_version = "sim";
}

void Server::Start() {
  epoch_ += kEpochStep;
  process_ = std::make_unique<Process>();
  Process& p = *process_;
  std::vector<std::string> sessions;
  const storage::KeyRange range = storage::SessionRange();
  for (auto it = store_.Scan(range.begin, range.end); it->Valid(); it->Next()) {
    sessions.push_back(storage::ParseSessionKey(it->key())->session_id);
  }
  const bool hold = !sessions.empty();
  dispatch_options_.server_epoch = epoch_;
  p.ring = std::make_unique<SimRing>(this, api::RingOptions{65'536, 10'000, Clocks::ServerUnixMs});
  p.committer =
      std::make_unique<partition::Committer>(&store_, p.ring.get(), partition_options_, NoteFailedCommit);
  std::vector<partition::Partition*> partitions;
  for (uint32_t n = 0; n < partitions_wanted_; ++n) {
    p.partitions.push_back(
        std::make_unique<partition::Partition>(n, &store_, p.committer.get(), partition_options_, epoch_));
    partitions.push_back(p.partitions.back().get());
  }
  p.wakes.assign(partitions_wanted_, kNever);
  p.reader = std::make_unique<partition::Reader>(&store_, partitions_wanted_, partition::Reader::Limits());
  p.pool = std::make_unique<partition::ReaderPool>(0, 10'000);
  p.dispatcher = std::make_unique<dispatch::Dispatcher>(dispatch_options_, p.ring.get(), std::move(sessions));
  p.ring->Connect(
      {partitions, p.committer.get(), p.dispatcher.get(), p.reader.get(), p.pool.get(), p.pool.get()});
  int64_t runs = 0;
  for (uint32_t n = 0; n < partitions_wanted_; ++n) {
    const auto stats = p.partitions[n]->Recover(hold);
    if (!stats.ok()) return observer_.complain("the server cannot start: " + stats.status().ToString());
    if (stats->unreadable > 0) observer_.complain("a run cannot be read after a start");
    runs += stats->runs;
    p.partitions[n]->Put(partition::BeginHold{});
    WakePartition(n, 0);
  }
  (*trace_)("server up, epoch ", epoch_ / kEpochStep, ", ", runs, " runs");
  CommitSoon();
  Tick();
}

void Server::Later(int64_t delay_ms, std::function<void()> what) {
  schedule_->After(delay_ms, [this, epoch = epoch_, what = std::move(what)] {
    if (up() && epoch == epoch_) what();
  });
}

void Server::WakePartition(uint32_t number, int64_t in_ms) {
  int64_t& wake = process_->wakes[number];
  const int64_t at = schedule_->now_ms() + in_ms;
  if (at >= wake) return;
  wake = at;
  Later(in_ms, [this, number] {
    int64_t& due = process_->wakes[number];
    // An earlier call was for a later moment, or the other way round.
    if (due > schedule_->now_ms()) return;
    due = kNever;
    partition::Partition& partition = *process_->partitions[number];
    partition.RunOnce(std::chrono::milliseconds(0));
    CommitSoon();
    WakePartition(number, std::max<int64_t>(1, partition.IdleFor().count()));
  });
}

void Server::CommitSoon() {
  if (std::exchange(process_->commit_due, true)) return;
  const bool slow = faults_->Hits(faults_->slow_commit, *rng_);
  Later(slow ? rng_->Between(20, 2'000) : rng_->Below(3), [this] {
    process_->commit_due = false;
    Commit();
  });
}

void Server::Commit() {
  if (faults_->Hits(faults_->full_disk, *rng_)) FillDisk();
  if (faults_->Hits(faults_->death_at_commit, *rng_)) {
    const int64_t how = rng_->Below(4);
    // Before it; in it, with nothing written, or with everything; right after it was released.
    if (how == 0) return Die("before a commit");
    if (how == 3) {
      process_->committer->TryCommitOnce();
      return Die("after a commit");
    }
    storage::FaultPlan plan;
    plan.FailCommit(1);
    if (how == 2) plan.AfterWriting();
    if (setup_.bug == base::Bug::kAcknowledgeWithoutSync) plan.DelaySync();
    store_.Inject(plan);
  }
  const bool done = process_->committer->TryCommitOnce();
  if (std::exchange(g_commit_failed, false)) return Die("in a commit");
  if (done || !process_->ring->disk_full()) return;
  Later(kRetryFullDiskMs, [this] { CommitSoon(); });
}

void Server::FillDisk() {
  if (disk_full_) return;
  disk_full_ = true;
  store_.SetCapacity(store_.Stats().disk_bytes + static_cast<uint64_t>(rng_->Below(3'000)));
  (*trace_)("the disk fills");
  schedule_->After(rng_->Between(100, 20'000), [this] {
    disk_full_ = false;
    store_.SetCapacity(std::nullopt);
    (*trace_)("the disk has room");
  });
}

void Server::Tick() {
  process_->dispatcher->Tick();
  Later(kTickMs, [this] { Tick(); });
}

void Server::Die(const char* why) {
  (*trace_)("server dies ", why);
  ++deaths_;
  process_->dispatcher.reset();
  process_->partitions.clear();
  process_->committer.reset();
  process_.reset();
  observer_.died();
  const bool unsynced = setup_.bug == base::Bug::kAcknowledgeWithoutSync;
  store_.Inject(unsynced ? storage::FaultPlan().DelaySync() : storage::FaultPlan());
  if (unsynced) {
    store_.LoseUnsynced();
  } else {
    store_.Reopen();
  }
  observer_.at_rest();
  if (faults_->Hits(faults_->clock_jump, *rng_)) {
    const int64_t ahead = rng_->Percent(50) ? rng_->Between(0, 60'000) : -rng_->Between(0, 5'000);
    Clocks::SetServerAhead(ahead);
    (*trace_)("the server's clock is ahead by ", ahead);
  }
  schedule_->After(rng_->Percent(80) ? rng_->Between(0, 1'000) : rng_->Between(1'000, 10'000), [this] {
    if (!up()) Start();
  });
}

void Server::Heal() {
  disk_full_ = false;
  store_.SetCapacity(std::nullopt);
}

absl::Status Server::Admit(const std::string& workflow_id) const {
  return process_->ring->Admit(kNamespace, workflow_id);
}

absl::Status Server::AdmitRead(const std::string& workflow_id) const {
  return process_->ring->AdmitRead(kNamespace, workflow_id);
}

void Server::Put(const std::string& workflow_id, partition::Message message) {
  partition::Partition& partition = process_->ring->PartitionFor(kNamespace, workflow_id);
  partition.Put(std::move(message));
  WakePartition(partition.number(), rng_->Below(2));
}

dispatch::Dispatcher& Server::dispatcher() { return *process_->dispatcher; }

int64_t Server::Metric(const std::string& name) const {
  OneMetric metric(name);
  if (process_ == nullptr) return 0;
  for (const auto& partition : process_->partitions) partition->Collect(metric);
  process_->committer->Collect(metric);
  process_->dispatcher->Collect(metric);
  return metric.sum();
}

}  // namespace perdure::sim
