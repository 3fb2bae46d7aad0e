#include "tests/fuzz/dispatch_model.h"

#include <algorithm>

#include "tests/fuzz/check.h"

namespace perdure::fuzz {

using dispatch::PeerPtr;
using dispatch::SessionNumber;

namespace {

// As documented in worker_service.proto, and with room for one that is larger than a frame.
constexpr int kItemsPerFrameMax = 256;
// What dispatch counts for an item beside its message.
constexpr size_t kItemBytesMax = 512;

// The one metric that is not shown elsewhere.
class QueuedBytes : public base::MetricSink {
 public:
  void Counter(std::string_view, std::string_view, base::Labels, double) override {}
  void Gauge(std::string_view name, std::string_view, base::Labels, double value) override {
    if (name == "perdure_dispatch_queued_bytes") bytes = value;
  }
  void Histogram(std::string_view, std::string_view, base::Labels, const base::Histogram&, double) override {}

  double bytes = -1;
};

}  // namespace

void DispatchModel::Post(uint32_t partition, std::vector<dispatch::Report> reports) {
  Check(partition < kPartitions, "a report to partition ", partition);
  reporting_to_ = partition;
  for (const dispatch::Report& report : reports)
    std::visit([&](const auto& what) { On(report.peer, what); }, report.what);
}

bool DispatchModel::RequestHistory(const dispatch::HistoryRead& read) {
  if (refuses_reads) return false;
  Check(read.from >= 1, "a history from event ", read.from);
  auto it = deliveries_.find(KeyOf(read.token));
  Check(it != deliveries_.end() && it->second.session == read.session &&
            it->second.kind == WorkKind::kActivation,
        "a history for somebody who does not have the activation");
  reads.push_back(read);
  return true;
}

// ---- done to dispatch ----

void DispatchModel::Offering(const v1::WorkToken& token, WorkKind kind, size_t bytes) {
  largest_ = std::max(largest_, bytes + kItemBytesMax);
  // A worker that had made this one up gives way.
  deliveries_.erase(KeyOf(token));
  Delivery& delivery = deliveries_[KeyOf(token)];
  delivery.token = token;
  delivery.kind = kind;
  tokens.push_back(token);
}

void DispatchModel::Recalled(const v1::WorkToken& token) {
  auto it = deliveries_.find(KeyOf(token));
  if (it == deliveries_.end()) return;
  const Delivery& d = it->second;
  const bool dropped =
      d.state == State::kWaiting || (d.state == State::kInHand && d.kind == WorkKind::kActivation);
  if (dropped) deliveries_.erase(it);
}

void DispatchModel::Acknowledging(SessionNumber session, uint64_t answer_id) {
  std::erase_if(deliveries_, [&](const auto& entry) {
    const Delivery& d = entry.second;
    return d.state == State::kAnswered && d.session == session && d.answer_id == answer_id;
  });
}

// ---- reports ----

DispatchModel::Delivery& DispatchModel::InHand(const v1::WorkToken& token, const PeerPtr& peer) {
  Check(token.partition() == reporting_to_, "told to another partition than its own");
  auto it = deliveries_.find(KeyOf(token));
  Check(it != deliveries_.end() && it->second.state == State::kInHand, "delivery ", token.delivery(),
        " is in nobody's hands");
  Check(peer != nullptr && it->second.session == peer->session, "delivery ", token.delivery(),
        " is in other hands");
  Check(dispatch::SameToken(it->second.token, token), "another token than was given out");
  return it->second;
}

void DispatchModel::On(const PeerPtr& peer, const dispatch::Taken& what) {
  auto it = deliveries_.find(KeyOf(what.token));
  Check(it != deliveries_.end() && it->second.state == State::kWaiting, "taken: delivery ",
        what.token.delivery(), ", which does not wait");
  it->second.state = State::kInHand;
  it->second.session = peer->session;
  took_.insert({peer->session, it->second.kind});
}

void DispatchModel::On(const PeerPtr& peer, const dispatch::TakenOver& what) {
  Check(what.running_ms >= 0, "runs since ", what.running_ms);
  Delivery d;
  d.token = what.token;
  d.state = State::kInHand;
  d.session = peer->session;
  d.sent = true;
  Check(deliveries_.emplace(KeyOf(what.token), d).second, "taken over: delivery ", what.token.delivery(),
        ", which is somewhere else");
}

void DispatchModel::On(const PeerPtr& peer, const dispatch::Returned& what) {
  const Delivery& d = InHand(what.token, peer);
  Check(d.sent || !what.begun, "begun, but never sent");
  deliveries_.erase(KeyOf(what.token));
}

void DispatchModel::On(const PeerPtr&, const dispatch::Spilled& what) {
  auto it = deliveries_.find(KeyOf(what.token));
  Check(it != deliveries_.end() && it->second.state == State::kWaiting, "spilled, but not offered");
  deliveries_.erase(it);
}

void DispatchModel::On(const PeerPtr&, const dispatch::Refill& what) {
  Check(what.items >= 1 && what.items <= options_.queue_window_max, "asks for ", what.items);
  Check(asked_.insert({reporting_to_, what.queue}).second, "asked for the same backlog twice");
}

void DispatchModel::On(const PeerPtr& peer, const dispatch::CoroutineGone& what) {
  Check(peer != nullptr && what.token.partition() < kPartitions, "nobody's coroutine");
}

void DispatchModel::On(const PeerPtr& peer, const dispatch::SessionOpened& what) {
  Check(sessions_.emplace(peer->session, what.session_id).second, "session ", peer->session, " opened twice");
}

void DispatchModel::On(const PeerPtr& peer, const dispatch::SessionClosed& what) {
  // One of before the restart that did not come back.
  if (peer == nullptr) return;
  auto it = sessions_.find(peer->session);
  Check(it != sessions_.end() && it->second == what.session_id, "closed: a session that is not open");
  sessions_.erase(it);
  std::erase_if(deliveries_, [&](const auto& entry) {
    return entry.second.state == State::kAnswered && entry.second.session == peer->session;
  });
}

void DispatchModel::On(const PeerPtr&, const dispatch::SessionsBack&) {}

void DispatchModel::On(const PeerPtr& peer, const v1::ActivationAnswer& what) {
  Answered(peer, what.token(), WorkKind::kActivation, what.answer_id());
}

void DispatchModel::On(const PeerPtr& peer, const v1::StepAnswer& what) {
  Check(what.token().partition() == reporting_to_, "told to another partition than its own");
  if (what.answer_id() != 0) unacknowledged.emplace_back(peer->session, what.answer_id());
}

void DispatchModel::On(const PeerPtr& peer, const v1::TaskAnswer& what) {
  Answered(peer, what.token(), WorkKind::kTask, what.answer_id());
}

void DispatchModel::On(const PeerPtr& peer, const v1::TaskHeartbeat& what) {
  const Delivery& d = InHand(what.token(), peer);
  Check(d.kind == WorkKind::kTask && d.sent, "a heartbeat of what was not sent");
}

void DispatchModel::Answered(const PeerPtr& peer, const v1::WorkToken& token, WorkKind kind,
                             uint64_t answer_id) {
  Delivery& d = InHand(token, peer);
  Check(d.sent, "answered, but never sent");
  Check(d.kind == kind, "answered as another kind than it is");
  const bool id_in_use = std::any_of(deliveries_.begin(), deliveries_.end(), [&](const auto& entry) {
    const Delivery& other = entry.second;
    return other.state == State::kAnswered && other.session == peer->session && other.answer_id == answer_id;
  });
  if (answer_id != 0) unacknowledged.emplace_back(peer->session, answer_id);
  if (answer_id == 0 || id_in_use) {
    deliveries_.erase(KeyOf(token));
    return;
  }
  d.state = State::kAnswered;
  d.answer_id = answer_id;
}

// ---- frames ----

void DispatchModel::Sent(SessionNumber session, const v1::ServerFrame& frame) {
  Check(frame.activations_size() <= kItemsPerFrameMax && frame.tasks_size() <= kItemsPerFrameMax,
        "a frame of too many items");
  const auto sent = [&](const v1::WorkToken& token, WorkKind kind) {
    Check(ever_sent_.insert(KeyOf(token)).second, "delivery ", token.delivery(), " was sent twice");
    auto it = deliveries_.find(KeyOf(token));
    Check(it != deliveries_.end() && it->second.state == State::kInHand && it->second.session == session &&
              it->second.kind == kind,
          "sent to somebody who does not have it");
    it->second.sent = true;
  };
  for (const v1::Activation& a : frame.activations()) sent(a.token(), WorkKind::kActivation);
  for (const v1::TaskDelivery& t : frame.tasks()) sent(t.token(), WorkKind::kTask);
  // Nothing but items and chunks may be large, and of those one is enough.
  size_t largest = 0;
  for (const v1::Activation& a : frame.activations()) largest = std::max(largest, a.ByteSizeLong());
  for (const v1::TaskDelivery& t : frame.tasks()) largest = std::max(largest, t.ByteSizeLong());
  for (const v1::HistoryChunk& c : frame.history_chunks()) largest = std::max(largest, c.ByteSizeLong());
  Check(frame.ByteSizeLong() <= (2u << 20) + largest, "a frame of ", frame.ByteSizeLong(), " bytes");
}

// ---- what it shows ----

int64_t DispatchModel::waiting() const {
  return std::count_if(deliveries_.begin(), deliveries_.end(),
                       [](const auto& entry) { return entry.second.state == State::kWaiting; });
}

int DispatchModel::Out(SessionNumber session, WorkKind kind) const {
  return static_cast<int>(std::count_if(deliveries_.begin(), deliveries_.end(), [&](const auto& entry) {
    const Delivery& d = entry.second;
    return d.state == State::kInHand && d.session == session && d.kind == kind;
  }));
}

void DispatchModel::CompareSession(SessionNumber number, const v1::SessionInfo& info) {
  const int activations = Out(number, WorkKind::kActivation);
  const int tasks = Out(number, WorkKind::kTask);
  Check(info.activations_out() == activations, info.activations_out(), " activations are out, but ",
        activations, " should be");
  Check(info.tasks_out() == tasks, info.tasks_out(), " tasks are out, but ", tasks, " should be");
  // A worker may come back with more in hand than it has credits, but is given nothing then.
  if (took_.contains({number, WorkKind::kActivation}))
    Check(activations <= info.max_activations(), "more activations than credits");
  if (took_.contains({number, WorkKind::kTask})) Check(tasks <= info.max_tasks(), "more tasks than credits");
}

void DispatchModel::Compare(const dispatch::Dispatcher& dispatcher) {
  v1::GetServerInfoResponse info;
  dispatcher.FillInfo(info);
  Check(info.sessions_size() == static_cast<int>(sessions_.size()), "other sessions than were opened");
  Check(info.sessions_size() <= options_.sessions_max, info.sessions_size(), " sessions");
  for (const v1::SessionInfo& session : info.sessions()) {
    const auto it = std::find_if(sessions_.begin(), sessions_.end(),
                                 [&](const auto& entry) { return entry.second == session.session_id(); });
    Check(it != sessions_.end(), "a session that was never opened");
    CompareSession(it->first, session);
  }
  took_.clear();
  int64_t depth = 0;
  for (const v1::QueueInfo& q : info.queues()) {
    Check(q.depth() <= options_.queue_window_max, "a window of ", q.depth(), " items");
    Check(q.spilled() >= 0 && q.sessions() >= 0 && q.age_ms() >= 0, "a queue that counts below zero");
    depth += q.depth();
  }
  Check(depth == waiting(), depth, " items wait, but ", waiting(), " should");
  QueuedBytes queued;
  dispatcher.Collect(queued);
  const auto most =
      static_cast<double>(std::max<size_t>(largest_, static_cast<size_t>(options_.queued_bytes_max)));
  Check(queued.bytes >= 0 && queued.bytes <= most, queued.bytes, " bytes wait, and ", most, " are the most");
  Check((queued.bytes > 0) == (depth > 0), "bytes of nothing");
}

}  // namespace perdure::fuzz
