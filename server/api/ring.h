// Ring: ties the partitions and dispatch together without either knowing the other. What the committer
// releases goes to dispatch; what dispatch reports goes into the partitions' mailboxes. Data goes one way
// round.
#ifndef PERDURE_SERVER_API_RING_H_
#define PERDURE_SERVER_API_RING_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/dispatch/dispatcher.h"
#include "server/dispatch/upstream.h"
#include "server/partition/committer.h"
#include "server/partition/outbox.h"
#include "server/partition/partition.h"
#include "server/partition/reader.h"
#include "server/partition/reader_pool.h"

namespace perdure::api {

// Thread-safe once Connect was called. Owns nothing.
class Ring : public partition::Outbox, public dispatch::Upstream {
 public:
  explicit Ring(int64_t mailbox_items_max) : mailbox_items_max_(mailbox_items_max) {}

  // Before anything flows.
  void Connect(std::vector<partition::Partition*> partitions, partition::Committer* committer,
               dispatch::Dispatcher* dispatcher, const partition::Reader* reader,
               partition::ReaderPool* pool);

  // ---- partition::Outbox ----
  void Release(std::vector<Work> work, Acks acks) override;

  // ---- dispatch::Upstream ----
  uint32_t partitions() const override { return static_cast<uint32_t>(partitions_.size()); }
  void Post(uint32_t partition, std::vector<dispatch::Report> reports) override;
  bool HasRoom() const override;
  bool RequestHistory(const dispatch::HistoryRead& read) override;

  // ---- for the services ----
  // Whether a change may be sent to the workflow's partition now: RESOURCE_EXHAUSTED or UNAVAILABLE says why
  // not.
  absl::Status Admit(std::string_view ns, std::string_view workflow_id) const;
  partition::Partition& PartitionFor(std::string_view ns, std::string_view workflow_id) const;
  dispatch::Dispatcher& dispatcher() const { return *dispatcher_; }
  const partition::Reader& reader() const { return *reader_; }
  partition::ReaderPool& pool() const { return *pool_; }

  // New requests are refused with UNAVAILABLE from now on.
  void BeginDrain() { draining_.store(true); }
  bool draining() const { return draining_.load(std::memory_order_relaxed); }

 private:
  const int64_t mailbox_items_max_;
  std::vector<partition::Partition*> partitions_;
  partition::Committer* committer_ = nullptr;
  dispatch::Dispatcher* dispatcher_ = nullptr;
  const partition::Reader* reader_ = nullptr;
  partition::ReaderPool* pool_ = nullptr;
  std::atomic<bool> draining_{false};
};

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_RING_H_
