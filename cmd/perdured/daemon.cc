#include "cmd/perdured/daemon.h"

#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cmd/perdured/store_files.h"
#include "server/base/clock.h"
#include "server/base/inject.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/version.h"
#include "storage/epoch.h"
#include "storage/format.h"
#include "storage/keyspace.h"
#include "storage/rocks_store.h"

namespace perdure {
namespace {

constexpr std::chrono::milliseconds kHousekeepingInterval{100};
constexpr int kExitStorageFailed = 70;

// One clock for all rooms: a deadline of one is looked at by another.
using base::NowMs;

[[noreturn]] void DieOfStorage(const absl::Status& status) {
  base::LogError("a commit failed: stopping at once, recovery starts from what the disk holds",
                 {{"error", status}});
  // No destructor may run: nothing that is in memory may be released any more.
  _exit(kExitStorageFailed);
}

partition::PartitionOptions PartitionOptionsOf(const ops::ServerConfig& c) {
  partition::PartitionOptions o;
  o.limits.payload_bytes_max = c.payload_bytes_max;
  o.limits.commands_per_advance_max = c.commands_per_advance_max;
  o.limits.pending_items_per_run_max = c.pending_items_per_run_max;
  o.limits.pending_signals_per_run_max = c.pending_signals_per_run_max;
  o.limits.request_ids_per_run_max = c.request_ids_per_run_max;
  o.limits.history_events_max = c.history_events_max;
  o.limits.history_bytes_max = c.history_bytes_max;
  o.limits.activation_events_max = c.activation_events_max;
  o.limits.activation_bytes_max = c.activation_bytes_max;
  o.limits.activation_timeout_ms = c.activation_timeout_ms;
  o.limits.activation_retry_initial_ms = c.activation_retry_initial_ms;
  o.limits.activation_retry_max_ms = c.activation_retry_max_ms;
  o.limits.retention_default_ms = c.retention_default_ms;
  o.limits.name_bytes_max = c.name_bytes_max;
  o.mailbox_items_max = c.mailbox_items_max;
  o.run_cache_bytes_max = c.run_cache_bytes_max / std::max<int64_t>(1, c.partitions);
  o.checkpoint_interval_ms = c.checkpoint_interval_ms;
  o.mailbox_bytes_max = c.mailbox_bytes_max / std::max<int64_t>(1, c.partitions);
  o.hot_runs_bytes_max = c.hot_runs_bytes_max / std::max<int64_t>(1, c.partitions);
  o.staged_bytes_max = c.staged_bytes_max;
  o.timer_window_ms = c.timer_window_ms;
  o.timer_window_items_max = c.timer_window_items_max;
  o.reconnect_grace_ms = c.reconnect_grace_ms;
  o.retention_sweep_interval_ms = c.retention_sweep_interval_ms;
  o.retention_batch_max = c.retention_batch_max;
  o.waiters_max = c.waiters_max;
  o.full_disk_retry_ms = c.full_disk_retry_ms;
  o.now_ms = NowMs;
  return o;
}

dispatch::DispatchOptions DispatchOptionsOf(const ops::ServerConfig& c, uint64_t epoch) {
  dispatch::DispatchOptions o;
  o.sessions_max = c.sessions_max;
  o.queue_window_max = c.queue_window_max;
  o.queue_window_bytes_max = c.queue_window_bytes_max;
  o.queued_bytes_max = c.queued_bytes_max;
  o.session_outgoing_bytes_max = c.session_outgoing_bytes_max;
  o.credits_max = c.credits_max;
  o.types_per_session_max = c.types_per_session_max;
  o.in_hand_max = c.in_hand_max;
  o.reconnect_grace_ms = c.reconnect_grace_ms;
  o.name_bytes_max = c.name_bytes_max;
  o.server_epoch = epoch;
  o.server_version = std::string(base::Version());
  o.payload_bytes_max = c.payload_bytes_max;
  o.commands_per_advance_max = c.commands_per_advance_max;
  o.frame_bytes_max = c.frame_bytes_max;
  o.frame_items_max = c.frame_items_max;
  o.now_ms = NowMs;
  return o;
}

api::ApiLimits ApiLimitsOf(const ops::ServerConfig& c) {
  api::ApiLimits l;
  l.id_bytes_max = c.id_bytes_max;
  l.name_bytes_max = c.name_bytes_max;
  l.payload_bytes_max = c.payload_bytes_max;
  l.memo_entries_max = c.memo_entries_max;
  l.memo_bytes_max = c.memo_bytes_max;
  l.long_poll_ms_max = c.long_poll_ms_max;
  l.reason_bytes_max = c.reason_bytes_max;
  l.non_retryable_types_max = c.non_retryable_types_max;
  l.starts_per_call_max = c.starts_per_call_max;
  l.page_size_max = c.page_size_max;
  l.history_page_size_max = c.history_page_size_max;
  l.watchers_max = c.watchers_max;
  return l;
}

}  // namespace

Daemon::Daemon(ops::ServerConfig config) : config_(std::move(config)), started_ms_(NowMs()) {}

Daemon::~Daemon() { Stop(); }

absl::Status Daemon::Start() {
  base::LogInfo("starting", {{"version", base::Version()},
                             {"pid", getpid()},
                             {"data_dir", config_.data_dir},
                             {"listen", config_.listen},
                             {"http_listen", config_.http_listen}});
  http_ = std::make_unique<ops::HttpServer>(metrics_, readiness_);
  RETURN_IF_ERROR(http_->Start(config_.http_listen));
  readiness_.SetNotReady("opening the data directory");
  RETURN_IF_ERROR(OpenStore());
  RETURN_IF_ERROR(BuildRing());
  readiness_.SetNotReady("recovering");
  RETURN_IF_ERROR(Recover());
  RETURN_IF_ERROR(Listen());
  readiness_.SetReady();
  base::LogInfo(
      "ready",
      {{"listen", grpc_->address()}, {"http_listen", http_->address()}, {"ms", NowMs() - started_ms_}});
  return absl::OkStatus();
}

absl::Status Daemon::OpenStore() {
  storage::RocksStoreOptions options;
  options.data_dir = config_.data_dir;
  options.memory_budget_bytes = static_cast<uint64_t>(config_.memory_budget_bytes);
  options.disk_reserve_bytes = static_cast<uint64_t>(config_.disk_reserve_bytes);
  options.files = StoreFiles();
  ASSIGN_OR_RETURN(store_, storage::RocksStore::Open(options));
  PERDURE_FAILPOINT("start/store_opened");
  ASSIGN_OR_RETURN(const storage::Format format,
                   storage::OpenFormat(*store_, static_cast<uint32_t>(config_.partitions)));
  if (format.partitions != static_cast<uint32_t>(config_.partitions)) {
    base::LogInfo("the data directory keeps its own number of partitions",
                  {{"partitions", format.partitions}, {"configured", config_.partitions}});
  }
  PERDURE_FAILPOINT("start/format_written");
  partitions_wanted_ = format.partitions;
  ASSIGN_OR_RETURN(epoch_, storage::DrawEpoch(*store_, NowMs()));
  PERDURE_FAILPOINT("start/epoch_drawn");
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Daemon::KnownSessions() const {
  std::vector<std::string> sessions;
  const storage::KeyRange range = storage::SessionRange();
  auto it = store_->Scan(range.begin, range.end);
  for (; it->Valid(); it->Next()) {
    ASSIGN_OR_RETURN(const storage::SessionParts parts, storage::ParseSessionKey(it->key()));
    sessions.push_back(parts.session_id);
  }
  RETURN_IF_ERROR(it->status());
  return sessions;
}

absl::Status Daemon::BuildRing() {
  const partition::PartitionOptions options = PartitionOptionsOf(config_);
  ASSIGN_OR_RETURN(std::vector<std::string> sessions, KnownSessions());
  hold_tasks_ = !sessions.empty();
  ring_ = std::make_unique<api::Ring>(
      api::RingOptions{config_.mailbox_items_max, config_.reads_waiting_max, NowMs});
  committer_ = std::make_unique<partition::Committer>(store_.get(), ring_.get(), options, DieOfStorage);
  std::vector<partition::Partition*> partitions;
  for (uint32_t p = 0; p < partitions_wanted_; ++p) {
    partitions_.push_back(
        std::make_unique<partition::Partition>(p, store_.get(), committer_.get(), options, epoch_));
    partitions.push_back(partitions_.back().get());
  }
  partition::Reader::Limits limits;
  limits.list_rows_scanned_max = config_.list_rows_scanned_max;
  reader_ = std::make_unique<partition::Reader>(store_.get(), partitions_wanted_, limits);
  pool_ =
      std::make_unique<partition::ReaderPool>(static_cast<int>(config_.readers), config_.reads_waiting_max);
  replay_pool_ = std::make_unique<partition::ReaderPool>(static_cast<int>(config_.replay_readers),
                                                         config_.reads_waiting_max);
  dispatcher_ = std::make_unique<dispatch::Dispatcher>(DispatchOptionsOf(config_, epoch_), ring_.get(),
                                                       std::move(sessions));
  ring_->Connect({std::move(partitions), committer_.get(), dispatcher_.get(), reader_.get(), pool_.get(),
                  replay_pool_.get()});
  RegisterMetrics();
  readiness_.Watch([this] {
    return ring_->disk_full() ? std::string(
                                    "the disk is full: changes are refused until there is room "
                                    "(disk_reserve_bytes is kept free)")
                              : std::string();
  });
  return absl::OkStatus();
}

absl::Status Daemon::Recover() {
  base::LogInfo("recovering", {{"partitions", partitions_.size()}, {"tasks_held_for_workers", hold_tasks_}});
  committer_->Start();
  for (auto& partition : partitions_) {
    ASSIGN_OR_RETURN(const partition::RecoveryStats stats, partition->Recover(hold_tasks_));
    held_tasks_ += stats.held_tasks;
    base::LogInfo("recovered", {{"partition", partition->number()},
                                {"runs", stats.runs},
                                {"held_tasks", stats.held_tasks},
                                {"unreadable", stats.unreadable},
                                {"closed", stats.closed},
                                {"ms", stats.ms}});
  }
  for (auto& partition : partitions_) {
    // Workers could not come back while the partitions recovered one after the other.
    partition->Put(partition::BeginHold{});
    partition->Start();
  }
  return absl::OkStatus();
}

absl::Status Daemon::Listen() {
  workflow_service_ = std::make_unique<api::WorkflowService>(
      ring_.get(), ApiLimitsOf(config_),
      api::ServerFacts{std::string(base::Version()), epoch_, started_ms_, config_.data_dir, NowMs},
      &api_metrics_);
  worker_service_ = std::make_unique<api::WorkerService>(
      dispatcher_.get(), api::WorkerServiceOptions{config_.frame_items_max}, &api_metrics_);
  api::GrpcServerOptions options;
  options.listen = config_.listen;
  options.frame_bytes_max = config_.frame_bytes_max;
  options.grpc_memory_bytes_max = config_.grpc_memory_bytes_max;
  ASSIGN_OR_RETURN(grpc_, api::GrpcServer::Listen(options, {workflow_service_.get(), worker_service_.get()}));
  housekeeper_ = std::thread([this] { Housekeep(); });
  return absl::OkStatus();
}

void Daemon::Housekeep() {
  while (!stopping_.load(std::memory_order_acquire)) {
    dispatcher_->Tick();
    std::this_thread::sleep_for(kHousekeepingInterval);
  }
}

void Daemon::RegisterMetrics() {
  metrics_.Register([this](base::MetricSink& sink) {
    committer_->Collect(sink);
    for (const auto& partition : partitions_) partition->Collect(sink);
    dispatcher_->Collect(sink);
    ring_->Collect(sink);
    sink.Gauge("perdure_recovery_held_tasks", "Tasks that the last start held for workers to come back with.",
               {}, static_cast<double>(held_tasks_.load(std::memory_order_relaxed)));
    sink.Gauge("perdure_clock_ahead_seconds",
               "How far the server's clock is ahead of the wall clock, which was set back.", {},
               static_cast<double>(base::ProcessClock().AheadMs()) / 1000);
    api_metrics_.Collect(sink);
    const storage::StoreStats stats = store_->Stats();
    sink.Gauge("perdure_storage_memory_bytes", "Memory of the store: memtables and block cache.", {},
               static_cast<double>(stats.memory_bytes));
    sink.Gauge("perdure_storage_disk_bytes", "Disk space the store takes.", {},
               static_cast<double>(stats.disk_bytes));
    sink.Gauge("perdure_storage_disk_free_bytes", "Free space of the store's file system.", {},
               static_cast<double>(stats.disk_free_bytes));
    sink.Counter("perdure_storage_written_bytes_total", "Bytes written through commits.", {},
                 static_cast<double>(stats.bytes_written));
  });
}

void Daemon::Stop() {
  if (std::exchange(stopped_, true)) return;
  const int64_t begin = NowMs();
  if (grpc_) {
    const dispatch::Dispatcher::Totals work = dispatcher_->Sum();
    base::LogInfo("draining", {{"timeout_ms", config_.drain_timeout_ms},
                               {"open_calls", api_metrics_.open.value()},
                               {"sessions", work.sessions},
                               {"activations_out", work.activations_out},
                               {"tasks_out", work.tasks_out},
                               {"queued", work.queued}});
    readiness_.SetNotReady("draining");
    ring_->BeginDrain();
    committer_->GiveUpOnFullDisk();
    grpc_->SetServing(false);
    dispatcher_->Shutdown(absl::UnavailableError("the server is stopping; reconnect with backoff"));
    for (auto& partition : partitions_) partition->Put(partition::EndWaits{});
    grpc_->Shutdown(config_.drain_timeout_ms);
  }
  stopping_.store(true, std::memory_order_release);
  if (housekeeper_.joinable()) housekeeper_.join();
  if (pool_) pool_->Stop();
  if (replay_pool_) replay_pool_->Stop();
  for (auto& partition : partitions_) partition->Stop();
  if (committer_) committer_->Stop();
  if (http_) http_->Stop();
  grpc_.reset();
  dispatcher_.reset();
  partitions_.clear();
  committer_.reset();
  store_.reset();
  base::LogInfo("stopped", {{"ms", NowMs() - begin}});
}

}  // namespace perdure
