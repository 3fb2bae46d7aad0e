// Histories that workers replay: read a chunk at a time, no faster than the worker's stream takes them, so
// that a slow worker costs neither memory nor a reader's thread.
#include <utility>

#include "server/dispatch/dispatcher.h"

namespace perdure::dispatch {
namespace {

// Of one session.
constexpr int kReadingsAtOnce = 4;
// Chunks that wait to be sent, of one session; beyond it nothing more is read for it.
constexpr size_t kChunkBytesMax = 16 << 20;

v1::HistoryChunk ErrorChunk(const v1::WorkToken& token, std::string error) {
  v1::HistoryChunk chunk;
  *chunk.mutable_token() = token;
  chunk.set_last(true);
  chunk.set_error(std::move(error));
  return chunk;
}

}  // namespace

void Dispatcher::StartReading(Session& session, const v1::HistoryRequest& request) {
  const Item* item = InHand(session, request.token(), WorkKind::kActivation);
  // One that was answered needs no history, and must not fail for want of it.
  if (item == nullptr || item->place != Place::kSent) {
    session.AddChunk(ErrorChunk(request.token(), "the activation is not current any more"));
    ++session.outgoing.refused_histories;
    return;
  }
  metrics_.history_requests.Add();
  const DeliveryKey key = KeyOf(item->token);
  // One that is under way begins again: its worker has lost what it had of it.
  session.StopReading(key);
  Reading& reading = session.readings[key];
  reading.next = {session.number, next_read_++, item->token, std::max<int64_t>(1, request.from_event_id()),
                  item->history_through};
  session.readings_waiting.push_back(key);
}

void Dispatcher::ContinueReading(Session& session, After& after) {
  while (!session.readings_waiting.empty() && session.readings_running < kReadingsAtOnce &&
         session.outgoing.chunk_bytes < kChunkBytesMax) {
    auto it = session.readings.find(session.readings_waiting.front());
    session.readings_waiting.pop_front();
    if (it == session.readings.end() || it->second.running) continue;
    it->second.running = true;
    ++session.readings_running;
    after.reads.push_back(it->second.next);
  }
}

Reading* Dispatcher::FindReading(const HistoryRead& read) {
  Session* session = Find(read.session);
  if (session == nullptr) return nullptr;
  auto it = session->readings.find(KeyOf(read.token));
  if (it == session->readings.end() || it->second.next.read != read.read || !it->second.running)
    return nullptr;
  return &it->second;
}

void Dispatcher::ReadLater(const HistoryRead& read) {
  absl::MutexLock lock(&mu_);
  Reading* reading = FindReading(read);
  if (reading == nullptr) return;
  Session& session = *Find(read.session);
  reading->running = false;
  --session.readings_running;
  // Tick tries again.
  session.readings_waiting.push_front(KeyOf(read.token));
}

void Dispatcher::SendHistory(const HistoryRead& read, std::vector<v1::Event> events, int64_t next_event_id,
                             const absl::Status& status) {
  v1::HistoryChunk chunk;
  *chunk.mutable_token() = read.token;
  for (v1::Event& event : events) *chunk.add_events() = std::move(event);
  chunk.set_last(next_event_id == 0);
  After after;
  {
    absl::MutexLock lock(&mu_);
    Reading* reading = FindReading(read);
    if (reading == nullptr) return;
    Session& session = *Find(read.session);
    if (!status.ok()) {
      FailActivation(session, read.token, status, after);
    } else {
      session.AddChunk(std::move(chunk));
      if (next_event_id == 0) {
        session.StopReading(KeyOf(read.token));
      } else {
        reading->next.from = next_event_id;
        reading->running = false;
        --session.readings_running;
        // One history after another.
        session.readings_waiting.push_front(KeyOf(read.token));
      }
    }
    ContinueReading(session, after);
    Pump(session, after);
    if (session.sink != nullptr) after.wake.insert(session.sink);
  }
  Finish(after);
}

// The worker drops the activation and stays silent, so the failure is reported here.
void Dispatcher::FailActivation(Session& session, const v1::WorkToken& token, const absl::Status& status,
                                After& after) {
  const std::string why = "the history cannot be read: " + status.ToString();
  session.AddChunk(ErrorChunk(token, why));
  v1::ActivationAnswer answer;
  *answer.mutable_token() = token;
  answer.mutable_failure()->set_message(why);
  after.reports[token.partition()].push_back({session.peer, std::move(answer)});
  if (auto it = items_.find(KeyOf(token)); it != items_.end()) Drop(it->second);
}

}  // namespace perdure::dispatch
