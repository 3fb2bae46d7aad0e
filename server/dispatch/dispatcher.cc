// Matching work with sessions.
#include "server/dispatch/dispatcher.h"

#include <algorithm>
#include <utility>

#include "server/base/inject.h"

namespace perdure::dispatch {
namespace {

// What an item costs in memory beside the bytes of its message, measured with small ones: the objects that a
// message is made of, and the item's places in lists and tables.
constexpr size_t kActivationBytes = 1'200;
constexpr size_t kTaskBytes = 768;
// Weight of the newest item in the average of sizes: one of so many.
constexpr int64_t kUsualBytesShare = 8;

constexpr WorkKind kKinds[] = {WorkKind::kActivation, WorkKind::kTask};

Item ToItem(Work work, int64_t now_ms) {
  Item item;
  item.since_ms = now_ms;
  if (work.activation) {
    item.kind = WorkKind::kActivation;
    item.token = work.activation->token();
    item.history_through = work.activation->history_through();
    item.bytes = kActivationBytes + work.activation->ByteSizeLong();
  } else {
    item.kind = WorkKind::kTask;
    item.token = work.task->token();
    item.bytes = kTaskBytes + work.task->ByteSizeLong();
  }
  item.activation = std::move(work.activation);
  item.task = std::move(work.task);
  return item;
}

// Which of the items a partition has just brought back from disk: those right before its kRefilled.
std::vector<bool> FindRefilled(const std::vector<Work>& work) {
  std::vector<bool> refilled;
  absl::flat_hash_map<std::pair<uint32_t, std::string_view>, int64_t> left;
  for (size_t i = work.size(); i-- > 0;) {
    const Work& w = work[i];
    if (w.kind == Work::Kind::kRefilled && w.count > 0) {
      if (refilled.empty()) refilled.resize(work.size());
      left[{w.token.partition(), w.queue}] += w.count;
    } else if (!left.empty() && (w.activation || w.task)) {
      const v1::WorkToken& token = w.activation ? w.activation->token() : w.task->token();
      auto it = left.find({token.partition(), w.queue});
      if (it != left.end() && it->second > 0) {
        --it->second;
        refilled[i] = true;
      }
    }
  }
  return refilled;
}

}  // namespace

Dispatcher::Dispatcher(DispatchOptions options, Upstream* upstream, std::vector<std::string> expected)
    : options_(std::move(options)), upstream_(upstream), expected_(expected.begin(), expected.end()) {}

Dispatcher::~Dispatcher() = default;

void Dispatcher::PostNow(After& after) {
  for (auto& [partition, reports] : after.reports) upstream_->Post(partition, std::move(reports));
  after.reports.clear();
}

void Dispatcher::Finish(After& after) {
  for (auto& [partition, reports] : after.reports) upstream_->Post(partition, std::move(reports));
  for (const FrameSinkPtr& sink : after.wake) sink->Wake();
  for (auto& [sink, status] : after.abort) sink->Abort(std::move(status));
  for (const HistoryRead& read : after.reads) {
    if (!upstream_->RequestHistory(read)) ReadLater(read);
  }
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
  const std::vector<bool> refilled = FindRefilled(work);
  After after;
  {
    absl::MutexLock lock(&mu_);
    Acknowledged(acks, after);
    for (size_t i = 0; i < work.size(); ++i) {
      Work& w = work[i];
      switch (w.kind) {
        case Work::Kind::kActivation:
        case Work::Kind::kTask:
          Offer(std::move(w), !refilled.empty() && refilled[i], after);
          break;
        case Work::Kind::kCancelTask:
        case Work::Kind::kWithdraw:
          Recall(w, after);
          break;
        case Work::Kind::kEvict:
          Evict(w, after);
          break;
        case Work::Kind::kRefilled:
          Refilled(w, after);
          break;
      }
    }
  }
  Finish(after);
}

void Dispatcher::Acknowledged(const Acks& acks, After& after) {
  for (const auto& [number, ids] : acks) {
    Session* session = Find(number);
    if (session == nullptr) continue;
    for (const uint64_t id : ids) {
      if (auto it = session->by_answer.find(id); it != session->by_answer.end()) Drop(it->second);
    }
    if (session->sink == nullptr) continue;
    session->outgoing.acks.insert(session->outgoing.acks.end(), ids.begin(), ids.end());
    after.wake.insert(session->sink);
  }
}

void Dispatcher::Offer(Work work, bool from_disk, After& after) {
  Queue& queue = GetQueue(work.queue, work.activation ? WorkKind::kActivation : WorkKind::kTask);
  const SessionNumber holder = work.session;
  ItemList fresh;
  fresh.push_back(ToItem(std::move(work), options_.now_ms()));
  const ItemList::iterator item = fresh.begin();
  queue.usual_bytes += (static_cast<int64_t>(item->bytes) - queue.usual_bytes) / kUsualBytesShare;
  // A delivery number is new; a worker that made one up in its hello gives way.
  if (auto it = items_.find(KeyOf(item->token)); it != items_.end()) Drop(it->second);

  if (PERDURE_BUG(kLoseAffinityFallback) && holder != 0 && Find(holder) == nullptr) return;
  if (Session* session = holder == 0 ? nullptr : Find(holder);
      session != nullptr && session->hosted.contains(&queue)) {
    // The session that holds the coroutine goes before those that would have to replay.
    if (session->CanTake(item->kind, static_cast<size_t>(options_.session_outgoing_bytes_max))) {
      metrics_.activations_sticky.Add();
      return Hand(*session, fresh, item, after);
    }
  }
  if (queue.items.empty()) {
    if (Session* session = Pick(queue)) return Hand(*session, fresh, item, after);
  }
  if (!FitsWindow(queue, item->bytes, from_disk)) return Spill(queue, *item, after);
  item->queue = &queue;
  queue.bytes += item->bytes;
  queued_bytes_ += static_cast<int64_t>(item->bytes);
  items_[KeyOf(item->token)] = item;
  queue.items.splice(queue.items.end(), fresh, item);
}

bool Dispatcher::FitsWindow(const Queue& queue, size_t bytes, bool from_disk) const {
  // First come, first served: what is new goes behind what waits on disk.
  if (!from_disk && queue.OlderOnDisk()) return false;
  const auto size = static_cast<int64_t>(bytes);
  // An item that is larger than a limit still gets in when nothing else is there.
  if (queued_bytes_ > 0 && queued_bytes_ + size > options_.queued_bytes_max) return false;
  if (queue.items.empty()) return true;
  return static_cast<int64_t>(queue.items.size()) < options_.queue_window_max &&
         static_cast<int64_t>(queue.bytes) + size <= options_.queue_window_bytes_max;
}

Session* Dispatcher::Pick(Queue& queue) {
  while (!queue.ready.empty()) {
    const SubscriptionList::iterator front = queue.ready.begin();
    Session& session = *front->session;
    if (session.CanTake(queue.kind, static_cast<size_t>(options_.session_outgoing_bytes_max))) {
      queue.ready.splice(queue.ready.end(), queue.ready, front);
      return &session;
    }
    front->parked = true;
    SubscriptionList& parked = session.parked[static_cast<size_t>(queue.kind)];
    parked.splice(parked.end(), queue.ready, front);
  }
  return nullptr;
}

void Dispatcher::Hand(Session& session, ItemList& from, ItemList::iterator item, After& after) {
  item->place = Place::kUnsent;
  item->queue = nullptr;
  item->session = &session;
  ++session.out(item->kind);
  session.unsent_bytes += item->bytes;
  items_[KeyOf(item->token)] = item;
  session.unsent.splice(session.unsent.end(), from, item);
  (item->kind == WorkKind::kActivation ? metrics_.activations_delivered : metrics_.tasks_delivered).Add();
  after.reports[item->token.partition()].push_back({session.peer, Taken{item->token}});
  after.wake.insert(session.sink);
}

void Dispatcher::Pump(Session& session, After& after) {
  // In turns, so that neither kind fills the stream alone.
  for (bool more = true; more;) {
    more = false;
    for (const WorkKind kind : kKinds) more |= PumpOne(session, kind, after);
  }
}

bool Dispatcher::PumpOne(Session& session, WorkKind kind, After& after) {
  SubscriptionList& parked = session.parked[static_cast<size_t>(kind)];
  while (!parked.empty() && session.CanTake(kind, static_cast<size_t>(options_.session_outgoing_bytes_max))) {
    const SubscriptionList::iterator front = parked.begin();
    Queue& queue = *front->queue;
    if (queue.items.empty()) {
      front->parked = false;
      queue.ready.splice(queue.ready.end(), parked, front);
      // It takes from disk what finds no room in memory.
      AskForRefill(queue, after);
      continue;
    }
    parked.splice(parked.end(), parked, front);
    const ItemList::iterator item = queue.items.begin();
    metrics_.queue_wait_ms.Observe(
        static_cast<uint64_t>(std::max<int64_t>(0, options_.now_ms() - item->since_ms)));
    Leave(*item);
    Hand(session, queue.items, item, after);
    AskForRefill(queue, after);
    AskForThoseThatWait(1, after);
    return true;
  }
  return false;
}

void Dispatcher::Leave(Item& item) {
  switch (item.place) {
    case Place::kWaiting:
      item.queue->bytes -= item.bytes;
      queued_bytes_ -= static_cast<int64_t>(item.bytes);
      break;
    case Place::kUnsent:
      item.session->unsent_bytes -= item.bytes;
      --item.session->out(item.kind);
      break;
    case Place::kSent:
      --item.session->out(item.kind);
      item.session->StopReading(KeyOf(item.token));
      break;
    case Place::kAnswered:
      item.session->by_answer.erase(item.answer_id);
      break;
  }
}

void Dispatcher::Drop(ItemList::iterator item) {
  Leave(*item);
  items_.erase(KeyOf(item->token));
  switch (item->place) {
    case Place::kWaiting:
      item->queue->items.erase(item);
      break;
    case Place::kUnsent:
      item->session->unsent.erase(item);
      break;
    case Place::kSent:
      item->session->sent.erase(item);
      break;
    case Place::kAnswered:
      item->session->answered.erase(item);
      break;
  }
}

void Dispatcher::TakeBack(ItemList::iterator item, bool begun, After& after) {
  after.reports[item->token.partition()].push_back({item->session->peer, Returned{item->token, begun}});
  Drop(item);
}

// Not wanted any more, wherever it is.
void Dispatcher::Recall(const Work& work, After& after) {
  auto found = items_.find(KeyOf(work.token));
  if (found == items_.end()) return;
  const ItemList::iterator item = found->second;
  Session* const session = item->session;
  switch (item->place) {
    case Place::kWaiting: {
      Queue& queue = *item->queue;
      Drop(item);
      AskForRefill(queue, after);
      AskForThoseThatWait(1, after);
      break;
    }
    case Place::kUnsent:
      // Its worker need never hear of it.
      TakeBack(item, false, after);
      Pump(*session, after);
      break;
    case Place::kSent:
      // An activation whose run is closed. Its worker hears by `evict` that the run is gone and may never
      // answer: the credit is returned here, and an answer that comes all the same is stale.
      if (item->kind == WorkKind::kActivation) {
        Drop(item);
        Pump(*session, after);
        break;
      }
      // Kept with the item: a worker that has lost its stream hears of it when it is back.
      item->cancel_reason = work.reason;
      SendCancel(*session, *item, after);
      break;
    case Place::kAnswered:
      break;
  }
}

void Dispatcher::SendCancel(Session& session, const Item& item, After& after) {
  if (session.sink == nullptr) return;
  v1::TaskCancel cancel;
  *cancel.mutable_token() = item.token;
  cancel.set_reason(item.cancel_reason.value_or(""));
  session.outgoing.cancels.push_back(std::move(cancel));
  after.wake.insert(session.sink);
}

void Dispatcher::Evict(const Work& work, After& after) {
  Session* session = Find(work.session);
  if (session == nullptr || session->sink == nullptr) return;
  session->outgoing.evict.push_back(work.token);
  after.wake.insert(session->sink);
}

}  // namespace perdure::dispatch
