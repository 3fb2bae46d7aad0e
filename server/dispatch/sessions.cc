// Sessions coming, going, and coming back.
//
//   state     | event                              | next
//   ----------+------------------------------------+---------------------------------------------------
//   -         | hello                              | connected; tasks in hand are taken over
//   connected | stream ends, draining, empty hands | gone
//   connected | stream ends otherwise              | lost
//   connected | hello with the same session id     | connected; the older stream is aborted
//   lost      | hello with the same session id     | connected; what did not arrive is handed out again
//   lost      | the reconnect grace is over        | gone; what it had in hand is handed out again
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/utf8.h"
#include "server/dispatch/dispatcher.h"

namespace perdure::dispatch {
namespace {

absl::Status CheckName(std::string_view field, std::string_view value, int64_t max) {
  if (value.empty()) return absl::InvalidArgumentError(absl::StrCat("hello.", std::string(field), " is empty"));
  if (static_cast<int64_t>(value.size()) > max) {
    return absl::InvalidArgumentError(absl::StrCat("hello.", std::string(field), " has ", value.size(),
                                                   " bytes; the limit name_bytes_max is ", max));
  }
  if (!base::IsValidUtf8(value)) {
    return absl::InvalidArgumentError(absl::StrCat("hello.", std::string(field), " is not valid UTF-8"));
  }
  for (const char c : value) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return absl::InvalidArgumentError(absl::StrCat("hello.", std::string(field), " has a control character (byte ",
                                                     static_cast<int>(static_cast<unsigned char>(c)), ")"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Dispatcher::CheckHello(const v1::Hello& h) const {
  const int64_t max = options_.name_bytes_max;
  const std::pair<const char*, const std::string*> names[] = {
      {"session_id", &h.session_id()}, {"namespace", &h.namespace_()}, {"task_queue", &h.task_queue()}};
  for (const auto& [field, value] : names) {
    if (absl::Status s = CheckName(field, *value, max); !s.ok()) return s;
  }
  if (!h.identity().empty()) {
    if (absl::Status s = CheckName("identity", h.identity(), 1'000); !s.ok()) return s;
  }
  for (const auto* types : {&h.workflow_types(), &h.task_types()}) {
    const bool workflows = types == &h.workflow_types();
    const char* field = workflows ? "workflow_types" : "task_types";
    if (types->size() > options_.types_per_session_max) {
      return absl::InvalidArgumentError(absl::StrCat("hello.", field, " has ", types->size(),
                                                     " entries; the limit is ", options_.types_per_session_max));
    }
    for (const std::string& type : *types) {
      if (absl::Status s = CheckName(field, type, max); !s.ok()) return s;
    }
  }
  const std::pair<const char*, int64_t> credits[] = {{"max_activations", h.max_activations()},
                                                     {"max_tasks", h.max_tasks()}};
  for (const auto& [field, value] : credits) {
    if (value < 0 || value > options_.credits_max) {
      return absl::InvalidArgumentError(
          absl::StrCat("hello.", field, " is ", value, "; it must be from 0 to ", options_.credits_max));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Dispatcher::Opened> Dispatcher::Open(v1::Hello hello, FrameSinkPtr sink) {
  if (hello.namespace_().empty()) hello.set_namespace_("default");
  if (absl::Status s = CheckHello(hello); !s.ok()) return s;
  After after;
  Opened opened;
  opened.welcome.set_server_epoch(options_.server_epoch);
  opened.welcome.set_server_version(options_.server_version);
  opened.welcome.set_reconnect_grace_ms(options_.reconnect_grace_ms);
  opened.welcome.set_payload_bytes_max(options_.payload_bytes_max);
  opened.welcome.set_commands_per_advance_max(options_.commands_per_advance_max);
  {
    absl::MutexLock lock(&mu_);
    if (stopping_) return absl::UnavailableError("the server is stopping; reconnect with backoff");
    Session* session = nullptr;
    if (auto it = by_id_.find(hello.session_id()); it != by_id_.end()) session = Find(it->second);
    const bool resumed = session != nullptr;
    if (session == nullptr) {
      if (static_cast<int64_t>(sessions_.size()) >= options_.sessions_max) {
        return absl::ResourceExhaustedError(
            absl::StrCat("the server has ", sessions_.size(), " worker sessions, the limit sessions_max; raise it or "
                         "stop some workers"));
      }
      auto made = std::make_unique<Session>();
      session = made.get();
      session->number = next_session_++;
      session->id = hello.session_id();
      by_id_[session->id] = session->number;
      sessions_[session->number] = std::move(made);
      metrics_.sessions_opened.Add();
    } else {
      if (session->sink) {
        after.abort.emplace_back(session->sink,
                                 absl::AbortedError("another stream took over this session id"));
      }
      Unsubscribe(*session);
      metrics_.sessions_resumed.Add();
    }
    auto peer = std::make_shared<Peer>();
    peer->session = session->number;
    peer->identity = hello.identity();
    peer->build_id = hello.build_id();
    session->peer = std::move(peer);
    session->sink = std::move(sink);
    session->connected_ms = options_.now_ms();
    session->lost_ms = 0;
    session->draining = false;
    session->outgoing = Outgoing{};
    opened.session = session->number;
    opened.welcome.set_resumed(resumed);
    if (resumed) {
      Resume(*session, hello, opened.welcome, after);
    } else {
      after.reports[0].push_back({session->peer, SessionOpened{session->id, hello.namespace_(), hello.task_queue()}});
      TakeOver(*session, hello, after);
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
    // The welcome goes first; the stream asks for frames after it.
    Pump(*session, after);
    after.wake.erase(session->sink);
  }
  Finish(after);
  return opened;
}

// The same server process: what the worker has and what the server thinks it has are compared.
void Dispatcher::Resume(Session& session, const v1::Hello& hello, v1::Welcome& welcome, After& after) {
  absl::flat_hash_set<DeliveryKey> in_hand;
  auto note = [&](const v1::WorkToken& token) {
    in_hand.insert(KeyOf(token));
    if (!session.out.contains(KeyOf(token))) *welcome.add_stale_tokens() = token;
  };
  for (const v1::TaskInHand& t : hello.tasks_in_hand()) note(t.token());
  for (const v1::WorkToken& t : hello.activations_in_hand()) note(t);
  std::vector<Out> lost;
  for (const auto& [key, out] : session.out) {
    if (!in_hand.contains(key)) lost.push_back(out);
  }
  for (const Out& out : lost) {
    session.Remove(KeyOf(out.token));
    after.reports[out.token.partition()].push_back({session.peer, Returned{out.token, false}});
  }
}

// Another server process (or one that had given up on the session): the partitions decide.
void Dispatcher::TakeOver(Session& session, const v1::Hello& hello, After& after) {
  for (const v1::TaskInHand& t : hello.tasks_in_hand()) {
    if (t.token().partition() >= upstream_->partitions() || t.token().seq() == 0) continue;
    session.Add({t.token(), WorkKind::kTask, 0});
    after.reports[t.token().partition()].push_back(
        {session.peer, TakenOver{t.token(), std::max<int64_t>(0, t.running_ms())}});
  }
}

void Dispatcher::Subscribe(Session& session) {
  const v1::Hello& h = session.hello;
  auto add = [&](const std::string& type, WorkKind kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Queue& queue = GetQueue(QueueKey(h.namespace_(), h.task_queue(), kind, type), kind);
    if (std::find(queue.sessions.begin(), queue.sessions.end(), &session) != queue.sessions.end()) return;
    queue.sessions.push_back(&session);
    session.queues.push_back(&queue);
  };
  for (const std::string& type : h.workflow_types()) add(type, WorkKind::kActivation);
  for (const std::string& type : h.task_types()) add(type, WorkKind::kTask);
}

void Dispatcher::Unsubscribe(Session& session) {
  for (Queue* queue : session.queues) {
    queue->sessions.erase(std::remove(queue->sessions.begin(), queue->sessions.end(), &session),
                          queue->sessions.end());
  }
  session.queues.clear();
}

void Dispatcher::StreamClosed(SessionNumber number, const FrameSink* sink) {
  After after;
  {
    absl::MutexLock lock(&mu_);
    Session* session = Find(number);
    if (session == nullptr || session->sink.get() != sink) return;
    session->sink = nullptr;
    session->lost_ms = options_.now_ms();
    session->outgoing = Outgoing{};
    const bool left = session->draining && session->out.empty();
    base::LogInfo(left ? "worker left" : "worker stream lost",
                  {{"session", session->number},
                   {"identity", session->peer->identity},
                   {"activations_out", session->activations_out},
                   {"tasks_out", session->tasks_out}});
    if (left) Remove(*session, after);
  }
  Finish(after);
}

void Dispatcher::Remove(Session& session, After& after) {
  for (const auto& [key, out] : session.out) {
    after.reports[out.token.partition()].push_back({session.peer, Returned{out.token, true}});
  }
  ToAll({session.peer, CoroutineGone{}}, after);
  after.reports[0].push_back({session.peer, SessionClosed{session.id}});
  Unsubscribe(session);
  by_id_.erase(session.id);
  sessions_.erase(session.number);
}

void Dispatcher::Tick() {
  After after;
  {
    absl::MutexLock lock(&mu_);
    const int64_t now = options_.now_ms();
    std::vector<Session*> expired;
    for (auto& [number, session] : sessions_) {
      if (session->sink == nullptr && now - session->lost_ms >= options_.reconnect_grace_ms) {
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
    absl::erase_if(queues_, [](const auto& entry) { return entry.second->idle(); });
  }
  Finish(after);
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
