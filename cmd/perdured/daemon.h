// Daemon: all parts of perdured, put together in order and taken apart in reverse.
#ifndef PERDURE_CMD_PERDURED_DAEMON_H_
#define PERDURE_CMD_PERDURED_DAEMON_H_

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "server/api/grpc_server.h"
#include "server/api/metrics.h"
#include "server/api/ring.h"
#include "server/api/worker_service.h"
#include "server/api/workflow_service.h"
#include "server/dispatch/dispatcher.h"
#include "server/ops/config.h"
#include "server/ops/http_server.h"
#include "server/ops/metrics.h"
#include "server/ops/readiness.h"
#include "server/partition/committer.h"
#include "server/partition/partition.h"
#include "server/partition/reader.h"
#include "server/partition/reader_pool.h"
#include "storage/store.h"

namespace perdure {

// Start, then Stop, from one thread.
class Daemon {
 public:
  explicit Daemon(ops::ServerConfig config);
  ~Daemon();
  Daemon(const Daemon&) = delete;

  // Opens the data directory, recovers, listens. An error says what to do.
  absl::Status Start();
  // Refuses new work, ends what is open within drain_timeout_ms, makes everything durable, and closes.
  void Stop();

  const std::string& grpc_address() const { return grpc_->address(); }
  const std::string& http_address() const { return http_->address(); }

 private:
  absl::Status OpenStore();
  absl::Status BuildRing();
  absl::Status Recover();
  absl::Status Listen();
  absl::StatusOr<std::vector<std::string>> KnownSessions() const;
  void Housekeep();
  void RegisterMetrics();

  const ops::ServerConfig config_;
  const int64_t started_ms_;
  uint64_t epoch_ = 0;
  uint32_t partitions_wanted_ = 0;

  // In the order they are made; unmade in reverse.
  ops::Metrics metrics_;
  ops::Readiness readiness_;
  std::unique_ptr<ops::HttpServer> http_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<api::Ring> ring_;
  std::unique_ptr<partition::Committer> committer_;
  std::vector<std::unique_ptr<partition::Partition>> partitions_;
  std::unique_ptr<partition::Reader> reader_;
  std::unique_ptr<partition::ReaderPool> pool_;
  std::unique_ptr<partition::ReaderPool> replay_pool_;
  std::unique_ptr<dispatch::Dispatcher> dispatcher_;
  api::ApiMetrics api_metrics_;
  std::unique_ptr<api::WorkflowService> workflow_service_;
  std::unique_ptr<api::WorkerService> worker_service_;
  std::unique_ptr<api::GrpcServer> grpc_;
  std::thread housekeeper_;
  std::atomic<bool> stopping_{false};
  // Found by the recovery; scraped meanwhile.
  std::atomic<int64_t> held_tasks_{0};
  bool hold_tasks_ = false;
  bool stopped_ = false;
};

}  // namespace perdure

#endif  // PERDURE_CMD_PERDURED_DAEMON_H_
