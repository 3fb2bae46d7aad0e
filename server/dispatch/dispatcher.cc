// Matching work with sessions.
#include "server/dispatch/dispatcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perdure::dispatch {
namespace {

// Idle queues a refill brings back at most, as a share of the window.
constexpr int64_t kRefillShare = 2;

size_t BytesOf(const Work& work) {
  return 128 + (work.activation ? work.activation->ByteSizeLong() : 0) + (work.task ? work.task->ByteSizeLong() : 0);
}

const v1::WorkToken& TokenOf(const Work& work) {
  if (work.activation) return work.activation->token();
  if (work.task) return work.task->token();
  return work.token;
}

}  // namespace

Dispatcher::Dispatcher(DispatchOptions options, Upstream* upstream, std::vector<std::string> expected)
    : options_(std::move(options)), upstream_(upstream), expected_(expected.begin(), expected.end()) {}

Dispatcher::~Dispatcher() = default;

void Dispatcher::Finish(After& after) {
  for (auto& [partition, reports] : after.reports) upstream_->Post(partition, std::move(reports));
  for (const FrameSinkPtr& sink : after.wake) sink->Wake();
  for (auto& [sink, status] : after.abort) sink->Abort(std::move(status));
}

void Dispatcher::ToAll(const Report& report, After& after) const {
  for (uint32_t p = 0; p < upstream_->partitions(); ++p) after.reports[p].push_back(report);
}

Queue& Dispatcher::GetQueue(const std::string& key, WorkKind kind) {
  std::unique_ptr<Queue>& queue = queues_[key];
  if (!queue) {
    queue = std::make_unique<Queue>();
    queue->key = key;
    queue->kind = kind;
  }
  return *queue;
}

Session* Dispatcher::Find(SessionNumber number) const {
  auto it = sessions_.find(number);
  return it == sessions_.end() ? nullptr : it->second.get();
}

void Dispatcher::Release(std::vector<Work> work, Acks acks) {
  After after;
  {
    absl::MutexLock lock(&mu_);
    for (const auto& [number, ids] : acks) {
      Session* session = Find(number);
      if (session == nullptr || session->sink == nullptr) continue;
      session->outgoing.acks.insert(session->outgoing.acks.end(), ids.begin(), ids.end());
      after.wake.insert(session->sink);
    }
    for (Work& w : work) {
      switch (w.kind) {
        case Work::Kind::kActivation:
        case Work::Kind::kTask:
          Offer(std::move(w), after);
          break;
        case Work::Kind::kCancelTask:
          if (Session* s = Find(w.session)) Cancel(*s, std::move(w.token), std::move(w.reason), after);
          break;
        case Work::Kind::kWithdraw:
          Withdraw(w, after);
          break;
        case Work::Kind::kEvict:
          Evict(w, after);
          break;
        case Work::Kind::kRefilled: {
          const auto kind = ParseQueueKey(w.queue).kind == "task" ? WorkKind::kTask : WorkKind::kActivation;
          Queue& queue = GetQueue(w.queue, kind);
          queue.refilling.erase(w.token.partition());
          queue.spilled = std::max<int64_t>(0, queue.spilled - w.count);
          if (w.more) {
            queue.backlog.insert(w.token.partition());
          } else {
            queue.backlog.erase(w.token.partition());
          }
          AskForRefill(queue, after);
          break;
        }
      }
    }
  }
  Finish(after);
}

void Dispatcher::Offer(Work work, After& after) {
  const WorkKind kind = work.kind == Work::Kind::kActivation ? WorkKind::kActivation : WorkKind::kTask;
  Queue& queue = GetQueue(work.queue, kind);
  const auto outgoing_max = static_cast<size_t>(options_.session_outgoing_bytes_max);
  if (work.session != 0) {
    // The session that holds the coroutine goes before those that would have to replay.
    Session* holder = Find(work.session);
    if (holder != nullptr && holder->CanTake(kind, outgoing_max)) {
      metrics_.activations_sticky.Add();
      return Assign(*holder, std::move(work), after);
    }
  }
  if (queue.items.empty()) {
    if (Session* session = Pick(queue)) return Assign(*session, std::move(work), after);
  }
  Enqueue(queue, std::move(work), after);
}

void Dispatcher::Enqueue(Queue& queue, Work work, After& after) {
  const size_t bytes = BytesOf(work);
  const v1::WorkToken& token = TokenOf(work);
  const bool full = static_cast<int64_t>(queue.items.size()) >= options_.queue_window_max ||
                    static_cast<int64_t>(queue.bytes + bytes) > options_.queue_window_bytes_max ||
                    queued_bytes_ + static_cast<int64_t>(bytes) > options_.queued_bytes_max;
  // An item that is larger than any window still gets in when nothing else is there.
  if (full && !queue.items.empty()) {
    metrics_.spilled.Add();
    ++queue.spilled;
    queue.backlog.insert(token.partition());
    after.reports[token.partition()].push_back({nullptr, Spilled{token}});
    return;
  }
  queued_[KeyOf(token)] = false;
  queue.bytes += bytes;
  queued_bytes_ += static_cast<int64_t>(bytes);
  queue.items.push_back({std::move(work), options_.now_ms(), bytes});
}

void Dispatcher::PopWaiting(Queue& queue, Work& work) {
  Waiting& front = queue.items.front();
  queue.bytes -= front.bytes;
  queued_bytes_ -= static_cast<int64_t>(front.bytes);
  metrics_.queue_wait_ms.Observe(static_cast<uint64_t>(std::max<int64_t>(0, options_.now_ms() - front.since_ms)));
  work = std::move(front.work);
  queue.items.pop_front();
}

Session* Dispatcher::Pick(Queue& queue) {
  const size_t n = queue.sessions.size();
  for (size_t i = 0; i < n; ++i) {
    Session* session = queue.sessions[(queue.next_session + i) % n];
    if (session->CanTake(queue.kind, static_cast<size_t>(options_.session_outgoing_bytes_max))) {
      queue.next_session = (queue.next_session + i + 1) % n;
      return session;
    }
  }
  return nullptr;
}

void Dispatcher::Assign(Session& session, Work work, After& after) {
  Out out;
  out.token = TokenOf(work);
  out.kind = work.kind == Work::Kind::kActivation ? WorkKind::kActivation : WorkKind::kTask;
  if (work.activation) out.history_through = work.activation->history_through();
  session.Add(out);
  session.outgoing.bytes += BytesOf(work);
  after.reports[out.token.partition()].push_back({session.peer, Taken{out.token}});
  if (out.kind == WorkKind::kActivation) {
    metrics_.activations_delivered.Add();
    session.outgoing.activations.push_back(std::move(work.activation));
  } else {
    metrics_.tasks_delivered.Add();
    session.outgoing.tasks.push_back(std::move(work.task));
  }
  after.wake.insert(session.sink);
}

void Dispatcher::Pump(Session& session, After& after) {
  const auto outgoing_max = static_cast<size_t>(options_.session_outgoing_bytes_max);
  size_t fruitless = 0;
  while (fruitless < session.queues.size()) {
    Queue& queue = *session.queues[session.next_queue++ % session.queues.size()];
    if (queue.items.empty() || !session.CanTake(queue.kind, outgoing_max)) {
      ++fruitless;
      continue;
    }
    fruitless = 0;
    Work work;
    PopWaiting(queue, work);
    auto it = queued_.find(KeyOf(TokenOf(work)));
    const bool withdrawn = it == queued_.end() || it->second;
    if (it != queued_.end()) queued_.erase(it);
    if (!withdrawn) Assign(session, std::move(work), after);
    AskForRefill(queue, after);
  }
}

void Dispatcher::AskForRefill(Queue& queue, After& after) {
  const int64_t room = options_.queue_window_max - static_cast<int64_t>(queue.items.size());
  if (queue.backlog.empty() || room < options_.queue_window_max / kRefillShare) return;
  const auto asked = static_cast<int64_t>(queue.backlog.size());
  for (const uint32_t partition : queue.backlog) {
    if (!queue.refilling.insert(partition).second) continue;
    after.reports[partition].push_back({nullptr, Refill{queue.key, std::max<int64_t>(1, room / asked)}});
  }
}

void Dispatcher::Cancel(Session& session, v1::WorkToken token, std::string reason, After& after) {
  if (session.sink == nullptr) return;
  v1::TaskCancel cancel;
  *cancel.mutable_token() = std::move(token);
  cancel.set_reason(std::move(reason));
  session.outgoing.cancels.push_back(std::move(cancel));
  after.wake.insert(session.sink);
}

void Dispatcher::Withdraw(const Work& work, After& after) {
  const DeliveryKey key = KeyOf(work.token);
  if (auto it = queued_.find(key); it != queued_.end()) {
    // It stays in the queue, as a husk that is dropped when its turn comes.
    it->second = true;
    return;
  }
  // An activation whose run is closed: its answer will be dropped as stale.
  if (work.token.seq() == 0) return;
  for (auto& [number, session] : sessions_) {
    if (session->out.contains(key)) return Cancel(*session, work.token, work.reason, after);
  }
}

void Dispatcher::Evict(const Work& work, After& after) {
  Session* session = Find(work.session);
  if (session == nullptr || session->sink == nullptr) return;
  session->outgoing.evict.push_back(work.token);
  after.wake.insert(session->sink);
}

}  // namespace perdure::dispatch
