// Frames: what sessions send, and what goes to them.
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/dispatch/dispatcher.h"

namespace perdure::dispatch {
namespace {

constexpr int kFrameItemsMax = 256;
constexpr size_t kFrameBytesMax = 1 << 20;

// Refusals that wait to be sent: acknowledgements of stale answers, histories that cannot be had. They take
// no credit, so nothing else bounds what a worker that does not read its stream makes the server keep.
constexpr size_t kRefusedHistoriesMax = 10'000;
constexpr size_t kAcksMax = 1'000'000;

absl::Status DoesNotRead() {
  return absl::ResourceExhaustedError(
      absl::StrCat("the worker asks and answers without reading what the server says: more than ", kAcksMax,
                   " acknowledgements or ", kRefusedHistoriesMax, " refused histories wait; reconnect"));
}

absl::Status TakenOverError() { return absl::AbortedError("another stream took over this session id"); }

}  // namespace

Session* Dispatcher::FindFor(SessionNumber number, const FrameSink* sink) const {
  Session* session = Find(number);
  return session == nullptr || session->sink.get() != sink ? nullptr : session;
}

Item* Dispatcher::InHand(const Session& session, const v1::WorkToken& token, WorkKind kind) {
  auto it = items_.find(KeyOf(token));
  if (it == items_.end()) return nullptr;
  Item& item = *it->second;
  const bool his = item.session == &session && item.place != Place::kUnsent;
  return his && item.kind == kind && SameToken(item.token, token) ? &item : nullptr;
}

bool Dispatcher::Accept(Session& session, const v1::WorkToken& token, WorkKind kind, uint64_t answer_id) {
  metrics_.answers.Add();
  Item* item = InHand(session, token, kind);
  if (item != nullptr && item->place == Place::kSent) {
    const ItemList::iterator it = items_.find(KeyOf(token))->second;
    if (answer_id == 0 || session.by_answer.contains(answer_id)) {
      Drop(it);
      return true;
    }
    Leave(*item);
    item->place = Place::kAnswered;
    item->answer_id = answer_id;
    session.by_answer[answer_id] = it;
    session.answered.splice(session.answered.end(), session.sent, it);
    return true;
  }
  // Sent again since its stream was cut: the outcome of the first one is not durable yet, but will be.
  if (item != nullptr && item->answer_id == answer_id) return false;
  Stale(session, answer_id);
  return false;
}

void Dispatcher::Stale(Session& session, uint64_t answer_id) {
  metrics_.stale_answers.Add();
  if (answer_id != 0) session.outgoing.acks.push_back(answer_id);
}

// A step outlives the delivery that began it, so most tokens of steps are not known here, and the partition
// judges them. What can be told here: those of no run, those of sessions that host no workflows, and those of
// a delivery that is in other hands.
bool Dispatcher::MayHaveStep(const Session& session, const v1::WorkToken& token) {
  if (token.partition() >= upstream_->partitions() || token.run() == 0 || token.seq() != 0) return false;
  if (session.hello.workflow_types().empty()) return false;
  if (!items_.contains(KeyOf(token))) return true;
  return InHand(session, token, WorkKind::kActivation) != nullptr;
}

absl::Status Dispatcher::Receive(SessionNumber number, const FrameSink* sink, v1::WorkerFrame frame) {
  if (frame.has_hello()) {
    return absl::InvalidArgumentError("hello: a stream carries one hello, as its first frame");
  }
  if (!upstream_->HasRoom()) {
    return absl::ResourceExhaustedError(
        "the server has more answers waiting than mailbox_items_max allows; reconnect with backoff and send "
        "the "
        "answers that were not acknowledged again");
  }
  metrics_.frames_received.Add();
  After after;
  {
    absl::MutexLock lock(&mu_);
    Session* session = FindFor(number, sink);
    if (session == nullptr) return TakenOverError();
    if (session->outgoing.acks.size() > kAcksMax ||
        session->outgoing.refused_histories > kRefusedHistoriesMax) {
      return DoesNotRead();
    }
    const auto pass = [&](uint32_t partition, auto& what) {
      after.reports[partition].push_back({session->peer, std::move(what)});
    };
    for (v1::ActivationAnswer& a : *frame.mutable_activation_answers()) {
      if (Accept(*session, a.token(), WorkKind::kActivation, a.answer_id())) pass(a.token().partition(), a);
    }
    for (v1::StepAnswer& a : *frame.mutable_step_answers()) {
      metrics_.answers.Add();
      if (MayHaveStep(*session, a.token())) {
        pass(a.token().partition(), a);
      } else {
        Stale(*session, a.answer_id());
      }
    }
    for (v1::TaskAnswer& a : *frame.mutable_task_answers()) {
      if (Accept(*session, a.token(), WorkKind::kTask, a.answer_id())) pass(a.token().partition(), a);
    }
    for (v1::TaskHeartbeat& h : *frame.mutable_heartbeats()) {
      const Item* item = InHand(*session, h.token(), WorkKind::kTask);
      if (item != nullptr && item->place == Place::kSent) pass(h.token().partition(), h);
    }
    for (const v1::HistoryRequest& r : frame.history_requests()) StartReading(*session, r);
    for (v1::WorkToken& token : *frame.mutable_evicted()) {
      if (token.partition() >= upstream_->partitions() || token.run() == 0) continue;
      const uint32_t partition = token.partition();
      after.reports[partition].push_back({session->peer, CoroutineGone{std::move(token)}});
    }
    if (frame.has_drain() && !session->draining) {
      session->draining = true;
      Unsubscribe(*session);
    }
    Pump(*session, after);
    ContinueReading(*session, after);
    if (session->HasOutgoing()) after.wake.insert(session->sink);
  }
  Finish(after);
  return absl::OkStatus();
}

bool Dispatcher::TakeFrame(SessionNumber number, const FrameSink* sink, v1::ServerFrame& frame) {
  After after;
  {
    absl::MutexLock lock(&mu_);
    Session* session = FindFor(number, sink);
    if (session == nullptr || !session->HasOutgoing()) return false;
    session->FillFrame(frame, kFrameItemsMax, kFrameBytesMax);
    metrics_.frames_sent.Add();
    // Sending made room, which may have been what held work back.
    Pump(*session, after);
    ContinueReading(*session, after);
  }
  // Whoever takes this frame asks for the next one.
  after.wake.clear();
  Finish(after);
  return true;
}

}  // namespace perdure::dispatch
