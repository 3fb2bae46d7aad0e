// Frames: what sessions send, and what goes to them.
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/dispatch/dispatcher.h"

namespace perdure::dispatch {
namespace {

constexpr size_t kFrameItemsMax = 256;
constexpr size_t kFrameBytesMax = 1 << 20;

}  // namespace

bool Dispatcher::Accept(Session& session, const v1::WorkToken& token, uint64_t answer_id) {
  metrics_.answers.Add();
  if (token.partition() < upstream_->partitions() && session.Remove(KeyOf(token))) return true;
  metrics_.stale_answers.Add();
  if (answer_id != 0) session.outgoing.acks.push_back(answer_id);
  return false;
}

absl::Status Dispatcher::Receive(SessionNumber number, v1::WorkerFrame frame) {
  if (frame.has_hello()) {
    return absl::InvalidArgumentError("hello: a stream carries one hello, as its first frame");
  }
  if (!upstream_->HasRoom()) {
    return absl::ResourceExhaustedError(
        "the server has more answers waiting than mailbox_items_max allows; reconnect with backoff and send the "
        "answers that were not acknowledged again");
  }
  metrics_.frames_received.Add();
  After after;
  std::vector<std::pair<v1::WorkToken, int64_t>> history;
  absl::flat_hash_map<DeliveryKey, int64_t> through;
  {
    absl::MutexLock lock(&mu_);
    Session* session = Find(number);
    if (session == nullptr) return absl::AbortedError("the session is gone; reconnect");
    for (v1::ActivationAnswer& a : *frame.mutable_activation_answers()) {
      const uint32_t p = a.token().partition();
      if (Accept(*session, a.token(), a.answer_id())) after.reports[p].push_back({session->peer, std::move(a)});
    }
    for (v1::StepAnswer& a : *frame.mutable_step_answers()) {
      const uint32_t p = a.token().partition();
      metrics_.answers.Add();
      if (p < upstream_->partitions()) {
        after.reports[p].push_back({session->peer, std::move(a)});
      } else {
        metrics_.stale_answers.Add();
        session->outgoing.acks.push_back(a.answer_id());
      }
    }
    for (v1::TaskAnswer& a : *frame.mutable_task_answers()) {
      const uint32_t p = a.token().partition();
      if (Accept(*session, a.token(), a.answer_id())) after.reports[p].push_back({session->peer, std::move(a)});
    }
    for (v1::TaskHeartbeat& h : *frame.mutable_heartbeats()) {
      const uint32_t p = h.token().partition();
      if (session->out.contains(KeyOf(h.token()))) after.reports[p].push_back({session->peer, std::move(h)});
    }
    for (v1::HistoryRequest& r : *frame.mutable_history_requests()) {
      auto it = session->out.find(KeyOf(r.token()));
      if (it == session->out.end()) {
        v1::HistoryChunk chunk;
        *chunk.mutable_token() = r.token();
        chunk.set_last(true);
        chunk.set_error("the activation is not current any more");
        session->outgoing.chunks.push_back(std::move(chunk));
        continue;
      }
      metrics_.history_requests.Add();
      through[it->first] = it->second.history_through;
      history.emplace_back(r.token(), r.from_event_id() < 1 ? 1 : r.from_event_id());
    }
    for (v1::WorkToken& token : *frame.mutable_evicted()) {
      const uint32_t p = token.partition();
      if (p < upstream_->partitions() && token.run() != 0) {
        after.reports[p].push_back({session->peer, CoroutineGone{std::move(token)}});
      }
    }
    if (frame.has_drain()) session->draining = true;
    Pump(*session, after);
    if (session->sink != nullptr && !session->outgoing.empty()) after.wake.insert(session->sink);
  }
  Finish(after);
  for (auto& [token, from] : history) upstream_->RequestHistory(number, token, from, through[KeyOf(token)]);
  return absl::OkStatus();
}

bool Dispatcher::TakeFrame(SessionNumber number, v1::ServerFrame& frame) {
  After after;
  bool filled = false;
  {
    absl::MutexLock lock(&mu_);
    Session* session = Find(number);
    if (session != nullptr && !session->outgoing.empty()) {
      session->outgoing.MoveTo(frame, kFrameItemsMax, kFrameBytesMax);
      metrics_.frames_sent.Add();
      filled = true;
      // Sending made room, which may have been what held work back.
      Pump(*session, after);
    }
  }
  after.wake.clear();
  Finish(after);
  return filled;
}

bool Dispatcher::SendHistory(SessionNumber number, v1::HistoryChunk chunk) {
  FrameSinkPtr wake;
  {
    absl::MutexLock lock(&mu_);
    Session* session = Find(number);
    if (session == nullptr || session->sink == nullptr) return false;
    session->outgoing.bytes += chunk.ByteSizeLong();
    session->outgoing.chunks.push_back(std::move(chunk));
    wake = session->sink;
  }
  wake->Wake();
  return true;
}

size_t Dispatcher::OutgoingBytes(SessionNumber number) const {
  absl::MutexLock lock(&mu_);
  const Session* session = Find(number);
  return session == nullptr || session->sink == nullptr ? 0 : session->outgoing.bytes;
}

}  // namespace perdure::dispatch
