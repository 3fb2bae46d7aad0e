#include "server/api/ring.h"

#include <utility>

#include "absl/strings/str_cat.h"

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

// One overload for each kind of report.
class ToMessage {
 public:
  explicit ToMessage(const dispatch::PeerPtr& peer) : peer_(peer), session_(peer ? peer->session : 0) {}

  Message operator()(dispatch::Taken& r) const {
    return ForRun<engine::TakenInput>{r.token.run(), {r.token, session_, IdentityOf(peer_)}};
  }
  Message operator()(dispatch::TakenOver& r) const {
    return ForRun<engine::TakenOverInput>{r.token.run(),
                                          {r.token, session_, IdentityOf(peer_), r.running_ms}};
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
    return ForRun<engine::CoroutineGoneInput>{r.token.run(), {session_}};
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
        run, {std::move(a), session_, IdentityOf(peer_), std::move(build)}, session_, id};
  }
  Message operator()(v1::StepAnswer& a) const {
    const uint64_t run = a.token().run();
    const uint64_t id = a.answer_id();
    return ForRun<engine::StepAnswerInput>{run, {std::move(a)}, session_, id};
  }
  Message operator()(v1::TaskAnswer& a) const {
    const uint64_t run = a.token().run();
    const uint64_t id = a.answer_id();
    return ForRun<engine::TaskAnswerInput>{run, {std::move(a), IdentityOf(peer_)}, session_, id};
  }
  Message operator()(v1::TaskHeartbeat& h) const {
    const uint64_t run = h.token().run();
    return ForRun<engine::HeartbeatInput>{run, {std::move(h)}};
  }

 private:
  const dispatch::PeerPtr& peer_;
  const uint64_t session_;
};

}  // namespace

void Ring::Connect(std::vector<partition::Partition*> partitions, partition::Committer* committer,
                   dispatch::Dispatcher* dispatcher, const partition::Reader* reader,
                   partition::ReaderPool* pool) {
  partitions_ = std::move(partitions);
  committer_ = committer;
  dispatcher_ = dispatcher;
  reader_ = reader;
  pool_ = pool;
}

void Ring::Release(std::vector<Work> work, Acks acks) {
  dispatcher_->Release(std::move(work), std::move(acks));
}

void Ring::Post(uint32_t partition, std::vector<Report> reports) {
  std::vector<Message> messages;
  messages.reserve(reports.size());
  for (Report& report : reports) messages.push_back(std::visit(ToMessage(report.peer), report.what));
  partitions_[partition]->Put(std::move(messages));
}

bool Ring::HasRoom() const {
  for (const partition::Partition* p : partitions_) {
    // Twice what clients may fill, so that workers get through where clients do not.
    if (p->mailbox_depth() > 2 * mailbox_items_max_) return false;
  }
  return true;
}

bool Ring::RequestHistory(const dispatch::HistoryRead& read) {
  return pool_->Submit([this, read] {
    absl::StatusOr<partition::Reader::Events> page =
        reader_->ReadEvents(read.token.partition(), read.token.run(), read.from, read.through,
                            kHistoryChunkEvents, kHistoryChunkBytes);
    if (page.ok()) {
      dispatcher_->SendHistory(read, std::move(page->events), page->next_event_id, absl::OkStatus());
    } else {
      dispatcher_->SendHistory(read, {}, 0, page.status());
    }
  });
}

absl::Status Ring::Admit(std::string_view ns, std::string_view workflow_id) const {
  if (draining()) return absl::UnavailableError("the server is stopping; retry with the same request_id");
  if (committer_->disk_full()) {
    return absl::ResourceExhaustedError(
        "the server's disk is full (disk_reserve_bytes is kept free); make room, then retry with the same "
        "request_id");
  }
  if (PartitionFor(ns, workflow_id).mailbox_depth() > mailbox_items_max_) {
    return absl::ResourceExhaustedError(absl::StrCat("the server has more than mailbox_items_max (",
                                                     mailbox_items_max_,
                                                     ") requests waiting; back off, then retry with the same "
                                                     "request_id"));
  }
  return absl::OkStatus();
}

partition::Partition& Ring::PartitionFor(std::string_view ns, std::string_view workflow_id) const {
  return *partitions_[partition::PartitionOf(ns.empty() ? "default" : ns, workflow_id, partitions())];
}

}  // namespace perdure::api
