// Sessions coming, going, and coming back.
//
//   state     | event                              | next
//   ----------+------------------------------------+---------------------------------------------------
//   -         | hello                              | connected; tasks in hand are taken over
//   connected | stream ends, draining, empty hands | gone
//   connected | stream ends otherwise              | lost; what was not sent yet is handed out again
//   connected | hello with the same session id     | connected; the older stream is aborted
//   lost      | hello with the same session id     | connected; what did not arrive is handed out again
//   lost      | the reconnect grace is over        | gone; what it had in hand is handed out again
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/dispatch/dispatcher.h"

namespace perdure::dispatch {

void Dispatcher::ToAll(const Report& report, After& after) const {
  for (uint32_t p = 0; p < upstream_->partitions(); ++p) after.reports[p].push_back(report);
}

// A new session; null: there are too many.
Session* Dispatcher::Enter(const v1::Hello& hello) {
  if (static_cast<int64_t>(sessions_.size()) >= options_.sessions_max) return nullptr;
  auto session = std::make_unique<Session>();
  session->number = next_session_++;
  session->id = hello.session_id();
  by_id_[session->id] = session->number;
  metrics_.sessions_opened.Add();
  return (sessions_[session->number] = std::move(session)).get();
}

absl::StatusOr<Dispatcher::Opened> Dispatcher::Open(v1::Hello hello, FrameSinkPtr sink) {
  if (hello.namespace_().empty()) hello.set_namespace_("default");
  if (absl::Status s = CheckHello(hello, options_); !s.ok()) return s;
  After after;
  Opened opened;
  opened.welcome.set_server_epoch(options_.server_epoch);
  opened.welcome.set_server_version(options_.server_version);
  opened.welcome.set_reconnect_grace_ms(options_.reconnect_grace_ms);
  opened.welcome.set_payload_bytes_max(options_.payload_bytes_max);
  opened.welcome.set_commands_per_advance_max(options_.commands_per_advance_max);
  opened.welcome.set_frame_bytes_max(options_.frame_bytes_max);
  opened.welcome.set_frame_items_max(options_.frame_items_max);
  {
    absl::MutexLock lock(&mu_);
    if (stopping_) return absl::UnavailableError("the server is stopping; reconnect with backoff");
    const auto known = by_id_.find(hello.session_id());
    const bool resumed = known != by_id_.end();
    Session* const session = resumed ? Find(known->second) : Enter(hello);
    if (session == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the server has ", sessions_.size(),
                       " worker sessions, the limit sessions_max; raise it or stop some workers"));
    }
    if (resumed && (session->hello.namespace_() != hello.namespace_() ||
                    session->hello.task_queue() != hello.task_queue())) {
      return absl::InvalidArgumentError(absl::StrCat(
          "session_id '", hello.session_id(),
          "' is that of a worker of another namespace or task queue; each worker process draws a "
          "random one"));
    }
    if (session->sink) {
      after.abort.emplace_back(session->sink, absl::AbortedError("another stream took over this session id"));
      Detach(*session, after);
    }
    auto peer = std::make_shared<Peer>();
    peer->session = session->number;
    peer->identity = hello.identity();
    peer->build_id = hello.build_id();
    peer->ns = hello.namespace_();
    session->peer = std::move(peer);
    session->sink = std::move(sink);
    session->connected_ms = options_.now_ms();
    session->draining = false;
    opened.session = session->number;
    opened.welcome.set_resumed(resumed);
    if (resumed) {
      metrics_.sessions_resumed.Add();
      Resume(*session, hello, opened.welcome, after);
    } else {
      after.reports[0].push_back(
          {session->peer, SessionOpened{session->id, hello.namespace_(), hello.task_queue()}});
      TakeOver(*session, hello, opened.welcome, after);
    }
    session->hello = std::move(hello);
    session->hello.clear_tasks_in_hand();
    session->hello.clear_activations_in_hand();
    Subscribe(*session);
    if (expected_.erase(session->id) > 0 && expected_.empty()) ToAll({nullptr, SessionsBack{}}, after);
    base::LogInfo(resumed ? "worker resumed" : "worker connected",
                  {{"session", session->number},
                   {"identity", session->peer->identity},
                   {"namespace", session->hello.namespace_()},
                   {"task_queue", session->hello.task_queue()},
                   {"workflow_types", session->hello.workflow_types_size()},
                   {"task_types", session->hello.task_types_size()},
                   {"tasks_in_hand", session->tasks_out}});
    Pump(*session, after);
    // The welcome goes first; the stream asks for frames after it.
    after.wake.erase(session->sink);
    // No partition may hear SessionsBack before the tasks that an earlier session took over.
    PostNow(after);
  }
  Finish(after);
  return opened;
}

// The same server process: what the worker has and what the server thinks it has are compared.
void Dispatcher::Resume(Session& session, const v1::Hello& hello, v1::Welcome& welcome, After& after) {
  absl::flat_hash_set<DeliveryKey> in_hand;
  const auto note = [&](const v1::WorkToken& token, WorkKind kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (InHand(session, token, kind) != nullptr) {
      in_hand.insert(KeyOf(token));
    } else {
      *welcome.add_stale_tokens() = token;
    }
  };
  for (const v1::TaskInHand& t : hello.tasks_in_hand()) note(t.token(), WorkKind::kTask);
  for (const v1::WorkToken& t : hello.activations_in_hand()) note(t, WorkKind::kActivation);
  for (auto next = session.sent.begin(); next != session.sent.end();) {
    const ItemList::iterator item = next++;
    if (!in_hand.contains(KeyOf(item->token))) {
      TakeBack(item, false, after);
    } else if (item->cancel_reason) {
      SendCancel(session, *item, after);
    }
  }
}

// Another server process (or one that had given up on the session): the partitions decide.
void Dispatcher::TakeOver(Session& session, const v1::Hello& hello, v1::Welcome& welcome, After& after) {
  for (const v1::TaskInHand& t : hello.tasks_in_hand()) {
    const v1::WorkToken& token = t.token();
    if (token.partition() >= upstream_->partitions() || token.seq() == 0 || items_.contains(KeyOf(token))) {
      *welcome.add_stale_tokens() = token;
      continue;
    }
    Item& item = session.sent.emplace_back();
    item.token = token;
    item.kind = WorkKind::kTask;
    item.place = Place::kSent;
    item.session = &session;
    items_[KeyOf(token)] = std::prev(session.sent.end());
    ++session.tasks_out;
    after.reports[token.partition()].push_back(
        {session.peer, TakenOver{token, std::max<int64_t>(0, t.running_ms())}});
  }
  for (const v1::WorkToken& token : hello.activations_in_hand()) *welcome.add_stale_tokens() = token;
}

void Dispatcher::Subscribe(Session& session) {
  const v1::Hello& h = session.hello;
  const auto add = [&](const std::string& type, WorkKind kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Queue& queue = GetQueue(QueueKey(h.namespace_(), h.task_queue(), kind, type), kind);
    if (session.hosted.contains(&queue)) return;
    // Parked first: Pump finds out whether it can take something.
    SubscriptionList& parked = session.parked[static_cast<size_t>(kind)];
    session.hosted[&queue] = parked.insert(parked.end(), {&queue, &session, true});
    ++queue.sessions;
  };
  for (const std::string& type : h.workflow_types()) add(type, WorkKind::kActivation);
  for (const std::string& type : h.task_types()) add(type, WorkKind::kTask);
}

void Dispatcher::Unsubscribe(Session& session) {
  for (const auto& [key, subscription] : session.hosted) {
    Queue& queue = *subscription->queue;
    --queue.sessions;
    if (!subscription->parked) queue.ready.erase(subscription);
  }
  session.hosted.clear();
  for (SubscriptionList& parked : session.parked) parked.clear();
}

void Dispatcher::Detach(Session& session, After& after) {
  Unsubscribe(session);
  // What was not even sent can go to others at once.
  while (!session.unsent.empty()) TakeBack(session.unsent.begin(), false, after);
  session.outgoing = Outgoing{};
  session.StopAllReading();
  session.sink = nullptr;
}

void Dispatcher::StreamClosed(SessionNumber number, const FrameSink* sink) {
  After after;
  {
    absl::MutexLock lock(&mu_);
    Session* session = FindFor(number, sink);
    if (session == nullptr) return;
    Detach(*session, after);
    session->lost_ms = options_.now_ms();
    const bool left = session->draining && session->sent.empty();
    base::LogInfo(left ? "worker left" : "worker stream lost", {{"session", session->number},
                                                                {"identity", session->peer->identity},
                                                                {"activations_out", session->activations_out},
                                                                {"tasks_out", session->tasks_out}});
    if (left) Remove(*session, after);
    PostNow(after);
  }
  Finish(after);
}

void Dispatcher::Remove(Session& session, After& after) {
  metrics_.activations_lost.Add(static_cast<uint64_t>(session.activations_out));
  metrics_.tasks_lost.Add(static_cast<uint64_t>(session.tasks_out));
  while (!session.sent.empty()) TakeBack(session.sent.begin(), true, after);
  while (!session.answered.empty()) Drop(session.answered.begin());
  ToAll({session.peer, CoroutineGone{}}, after);
  after.reports[0].push_back({session.peer, SessionClosed{session.id}});
  by_id_.erase(session.id);
  sessions_.erase(session.number);
}

void Dispatcher::Tick() {
  After after;
  {
    absl::MutexLock lock(&mu_);
    // A server that stops gives nobody up: the next one takes over what they have in hand.
    if (stopping_) return;
    const int64_t now = options_.now_ms();
    std::vector<Session*> expired;
    for (auto& [number, session] : sessions_) {
      if (session->sink != nullptr) {
        ContinueReading(*session, after);
      } else if (now - session->lost_ms >= options_.reconnect_grace_ms) {
        expired.push_back(session.get());
      }
    }
    for (Session* session : expired) {
      metrics_.sessions_lost.Add();
      base::LogWarning("worker given up: its work goes to others", {{"session", session->number},
                                                                    {"identity", session->peer->identity},
                                                                    {"activations", session->activations_out},
                                                                    {"tasks", session->tasks_out}});
      Remove(*session, after);
    }
    ForgetExpected(now, after);
    AskForThoseThatWait(wait_for_room_.size(), after);
    absl::erase_if(queues_, [](const auto& entry) { return entry.second->idle(); });
    PostNow(after);
  }
  Finish(after);
}

// Workers of before the restart that did not come back: nobody need wait for them after the next one.
void Dispatcher::ForgetExpected(int64_t now_ms, After& after) {
  if (expected_.empty()) return;
  // The grace begins with the first tick: before it, a server that recovers does not listen yet.
  if (expected_since_ms_ == 0) expected_since_ms_ = now_ms;
  if (now_ms - expected_since_ms_ < options_.reconnect_grace_ms) return;
  for (const std::string& id : expected_) after.reports[0].push_back({nullptr, SessionClosed{id}});
  expected_.clear();
}

void Dispatcher::Shutdown(absl::Status status) {
  After after;
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    for (auto& [number, session] : sessions_) {
      if (session->sink) after.abort.emplace_back(session->sink, status);
    }
  }
  Finish(after);
}

}  // namespace perdure::dispatch
