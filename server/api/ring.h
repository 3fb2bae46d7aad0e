// Ring: ties the partitions and dispatch together without either knowing the other. What the committer
// releases goes to dispatch; what dispatch reports goes into the partitions' mailboxes. Data goes one way
// round.
#ifndef PERDURE_SERVER_API_RING_H_
#define PERDURE_SERVER_API_RING_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/base/log_limiter.h"
#include "server/base/stats.h"
#include "server/dispatch/dispatcher.h"
#include "server/dispatch/upstream.h"
#include "server/partition/committer.h"
#include "server/partition/outbox.h"
#include "server/partition/partition.h"
#include "server/partition/reader.h"
#include "server/partition/reader_pool.h"

namespace perdure::api {

struct RingOptions {
  // Of one partition; workers may fill twice as much.
  int64_t mailbox_items_max = 65'536;
  // As the reader pools are told, to be named in errors.
  int64_t reads_waiting_max = 10'000;
  // Milliseconds since the Unix epoch.
  int64_t (*now_ms)() = &base::NowMs;
};

// What the ring ties together.
struct RingParts {
  std::vector<partition::Partition*> partitions;
  partition::Committer* committer = nullptr;
  dispatch::Dispatcher* dispatcher = nullptr;
  const partition::Reader* reader = nullptr;
  // For clients: lists, counts, histories.
  partition::ReaderPool* pool = nullptr;
  // For workers that replay: they must not wait behind a client that counts a million runs.
  partition::ReaderPool* replay_pool = nullptr;
};

// Thread-safe once Connect was called. Owns nothing.
class Ring : public partition::Outbox, public dispatch::Upstream {
 public:
  explicit Ring(const RingOptions& options) : options_(options) {}

  // Before anything flows.
  void Connect(RingParts parts) { parts_ = std::move(parts); }

  // ---- partition::Outbox ----
  void Release(std::vector<Work> work, Acks acks) override;

  // ---- dispatch::Upstream ----
  uint32_t partitions() const override { return static_cast<uint32_t>(parts_.partitions.size()); }
  void Post(uint32_t partition, std::vector<dispatch::Report> reports) override;
  bool HasRoom() const override;
  bool RequestHistory(const dispatch::HistoryRead& read) override;

  // ---- for the services ----
  // Whether a change may be sent to the workflow's partition now: RESOURCE_EXHAUSTED or UNAVAILABLE says why
  // not.
  absl::Status Admit(std::string_view ns, std::string_view workflow_id) const {
    return Admit(ns, workflow_id, 0);
  }
  // The same, with so many on their way to that partition that are not in its mailbox yet.
  absl::Status Admit(std::string_view ns, std::string_view workflow_id, int64_t on_their_way) const;
  // Whether any change may be sent.
  absl::Status AdmitAny() const;
  // The same for a read that the partition answers. The disk may be full, and the server may be stopping.
  absl::Status AdmitRead(std::string_view ns, std::string_view workflow_id) const;
  // Why a read was not taken by pool(): RESOURCE_EXHAUSTED.
  absl::Status TooManyReads() const;
  // Changes are refused since there is no room on the disk.
  bool disk_full() const { return parts_.committer->disk_full(); }
  partition::Partition& PartitionFor(std::string_view ns, std::string_view workflow_id) const;
  dispatch::Dispatcher& dispatcher() const { return *parts_.dispatcher; }
  const partition::Reader& reader() const { return *parts_.reader; }
  partition::ReaderPool& pool() const { return *parts_.pool; }

  // New requests are refused with UNAVAILABLE from now on.
  void BeginDrain() { draining_.store(true); }
  bool draining() const { return draining_.load(std::memory_order_relaxed); }

  void Collect(base::MetricSink& sink) const;

 private:
  absl::Status AdmitToMailbox(const partition::Partition& partition, int64_t on_their_way) const;

  const RingOptions options_;
  RingParts parts_;
  std::atomic<bool> draining_{false};
  mutable base::LogLimiter full_mailboxes_;
  mutable base::LogLimiter full_for_workers_;
};

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_RING_H_
