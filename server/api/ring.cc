#include "server/api/ring.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"

namespace perdure::api {
namespace {

using dispatch::Report;
using partition::ForRun;
using partition::Message;

constexpr int64_t kHistoryChunkBytes = 1 << 20;
constexpr int64_t kHistoryChunkEvents = 10'000;

engine::Identity IdentityOf(const dispatch::PeerPtr& peer) {
  return peer ? engine::Identity(peer, &peer->identity) : nullptr;
}

std::shared_ptr<const std::string> NamespaceOf(const dispatch::PeerPtr& peer) {
  return peer ? std::shared_ptr<const std::string>(peer, &peer->ns) : nullptr;
}

// One overload for each kind of report.
class ToMessage {
 public:
  explicit ToMessage(const dispatch::PeerPtr& peer) : peer_(peer), session_(peer ? peer->session : 0) {}

  Message operator()(dispatch::Taken& r) const {
    return ForRun<engine::TakenInput>{r.token.run(), {r.token, session_, IdentityOf(peer_)}};
  }
  Message operator()(dispatch::TakenOver& r) const {
    return ForRun<engine::TakenOverInput>{
        r.token.run(), {r.token, session_, IdentityOf(peer_), r.running_ms}, 0, 0, NamespaceOf(peer_)};
  }
  Message operator()(dispatch::Returned& r) const {
    return ForRun<engine::ReturnedInput>{r.token.run(), {r.token, r.begun}};
  }
  Message operator()(dispatch::Spilled& r) const {
    return ForRun<engine::SpilledInput>{r.token.run(), {r.token}};
  }
  Message operator()(dispatch::Refill& r) const {
    return partition::RefillRequest{std::move(r.queue), r.items};
  }
  Message operator()(dispatch::CoroutineGone& r) const {
    if (r.token.run() == 0) return partition::CoroutinesGone{session_};
    return ForRun<engine::CoroutineGoneInput>{r.token.run(), {session_}, 0, 0, NamespaceOf(peer_)};
  }
  Message operator()(dispatch::SessionOpened& r) const {
    return partition::RecordSession{std::move(r.session_id), std::move(r.ns), std::move(r.task_queue), true};
  }
  Message operator()(dispatch::SessionClosed& r) const {
    return partition::RecordSession{std::move(r.session_id), "", "", false};
  }
  Message operator()(dispatch::SessionsBack&) const { return partition::ReleaseHeld{}; }
  Message operator()(v1::ActivationAnswer& a) const {
    const uint64_t run = a.token().run();
    const uint64_t id = a.answer_id();
    engine::Identity build = peer_ ? engine::Identity(peer_, &peer_->build_id) : nullptr;
    return ForRun<engine::ActivationAnswerInput>{
        run, {std::move(a), session_, IdentityOf(peer_), std::move(build)}, session_, id, NamespaceOf(peer_)};
  }
  Message operator()(v1::StepAnswer& a) const {
    const uint64_t run = a.token().run();
    const uint64_t id = a.answer_id();
    return ForRun<engine::StepAnswerInput>{run, {std::move(a)}, session_, id, NamespaceOf(peer_)};
  }
  Message operator()(v1::TaskAnswer& a) const {
    const uint64_t run = a.token().run();
    const uint64_t id = a.answer_id();
    return ForRun<engine::TaskAnswerInput>{
        run, {std::move(a), IdentityOf(peer_)}, session_, id, NamespaceOf(peer_)};
  }
  Message operator()(v1::TaskHeartbeat& h) const {
    const uint64_t run = h.token().run();
    return ForRun<engine::HeartbeatInput>{run, {std::move(h)}, 0, 0, NamespaceOf(peer_)};
  }

 private:
  const dispatch::PeerPtr& peer_;
  const uint64_t session_;
};

}  // namespace

void Ring::Release(std::vector<Work> work, Acks acks) {
  parts_.dispatcher->Release(std::move(work), std::move(acks));
}

void Ring::Post(uint32_t partition, std::vector<Report> reports) {
  std::vector<Message> messages;
  messages.reserve(reports.size());
  for (Report& report : reports) messages.push_back(std::visit(ToMessage(report.peer), report.what));
  parts_.partitions[partition]->Put(std::move(messages));
}

bool Ring::HasRoom() const {
  for (const partition::Partition* p : parts_.partitions) {
    // Twice what clients may fill, so that workers get through where clients do not.
    if (p->mailbox_depth() <= 2 * options_.mailbox_items_max) continue;
    if (const std::optional<uint64_t> left_out = full_for_workers_.Admit(options_.now_ms())) {
      base::LogWarning("a mailbox is full: refusing answers of workers, who reconnect and send them again",
                       {{"partition", p->number()},
                        {"waiting", p->mailbox_depth()},
                        {"mailbox_items_max", options_.mailbox_items_max},
                        {"not_logged", *left_out}});
    }
    return false;
  }
  return true;
}

bool Ring::RequestHistory(const dispatch::HistoryRead& read) {
  return parts_.replay_pool->Submit([this, read] {
    absl::StatusOr<partition::Reader::Events> page =
        reader().ReadEvents(read.token.partition(), read.token.run(), read.from, read.through,
                            kHistoryChunkEvents, kHistoryChunkBytes);
    if (page.ok()) {
      dispatcher().SendHistory(read, std::move(page->events), page->next_event_id, absl::OkStatus());
    } else {
      dispatcher().SendHistory(read, {}, 0, page.status());
    }
  });
}

absl::Status Ring::AdmitAny() const {
  if (draining()) return absl::UnavailableError("the server is stopping; retry with the same request_id");
  if (disk_full()) {
    return absl::ResourceExhaustedError(
        "the server's disk is full (disk_reserve_bytes is kept free); make room, then retry with the same "
        "request_id");
  }
  return absl::OkStatus();
}

absl::Status Ring::Admit(std::string_view ns, std::string_view workflow_id, int64_t on_their_way) const {
  RETURN_IF_ERROR(AdmitAny());
  const partition::Partition& partition = PartitionFor(ns, workflow_id);
  RETURN_IF_ERROR(partition.Admit());
  return AdmitToMailbox(partition, on_their_way);
}

absl::Status Ring::AdmitRead(std::string_view ns, std::string_view workflow_id) const {
  return AdmitToMailbox(PartitionFor(ns, workflow_id), 0);
}

absl::Status Ring::AdmitToMailbox(const partition::Partition& partition, int64_t on_their_way) const {
  const int64_t depth = partition.mailbox_depth() + on_their_way;
  if (depth <= options_.mailbox_items_max) return absl::OkStatus();
  if (const std::optional<uint64_t> left_out = full_mailboxes_.Admit(options_.now_ms())) {
    base::LogWarning("a mailbox is full: refusing calls of clients",
                     {{"partition", partition.number()},
                      {"waiting", depth},
                      {"mailbox_items_max", options_.mailbox_items_max},
                      {"not_logged", *left_out}});
  }
  return absl::ResourceExhaustedError(absl::StrCat("the server has more than mailbox_items_max (",
                                                   options_.mailbox_items_max,
                                                   ") requests waiting; back off, then retry with the same "
                                                   "request_id"));
}

absl::Status Ring::TooManyReads() const {
  return absl::ResourceExhaustedError(
      absl::StrCat("more reads of histories and lists than reads_waiting_max (", options_.reads_waiting_max,
                   ") wait already; back off and try again"));
}

partition::Partition& Ring::PartitionFor(std::string_view ns, std::string_view workflow_id) const {
  return *parts_.partitions[partition::PartitionOf(ns.empty() ? "default" : ns, workflow_id, partitions())];
}

void Ring::Collect(base::MetricSink& sink) const {
  const auto waiting = [&](const char* lane, const partition::ReaderPool& pool) {
    const base::Label labels[] = {{"lane", lane}};
    sink.Gauge("perdure_api_reads_waiting",
               "Reads that wait for a thread, of clients and of replaying workers.", labels,
               static_cast<double>(pool.waiting()));
  };
  waiting("clients", *parts_.pool);
  waiting("replays", *parts_.replay_pool);
  sink.Gauge("perdure_api_disk_full", "1 while changes are refused since the disk is full.", {},
             disk_full() ? 1 : 0);
}

}  // namespace perdure::api
