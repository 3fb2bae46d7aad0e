// Dispatcher: task queues and worker sessions, and who gets what.
//
// Work comes from the committer (Release), only once it is durable; sessions come from their streams. The
// dispatcher matches them against credits and remembers what each session has in hand. What it learns (taken,
// answered, lost) it reports Upstream. Nothing here is durable: a restarted server makes all of it up again
// from the partitions and from the hellos of the workers that come back.
//
// Thread-safe: one lock, held for short and never over I/O. Sinks are woken after it is released. Each
// operation costs what it touches, however many queues and sessions there are.
#ifndef PERDURE_SERVER_DISPATCH_DISPATCHER_H_
#define PERDURE_SERVER_DISPATCH_DISPATCHER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "perdure/v1/worker_service.pb.h"
#include "perdure/v1/workflow_service.pb.h"
#include "server/base/work.h"
#include "server/dispatch/metrics.h"
#include "server/dispatch/queue.h"
#include "server/dispatch/session.h"
#include "server/dispatch/upstream.h"

namespace perdure::dispatch {

struct DispatchOptions {
  int64_t sessions_max = 1'000;
  // A queue's window in memory; beyond either, work waits on disk.
  int64_t queue_window_max = 10'000;
  int64_t queue_window_bytes_max = 64 << 20;
  // All windows together.
  int64_t queued_bytes_max = 256 << 20;
  // Of one session, not sent yet; beyond it the session gets nothing new.
  int64_t session_outgoing_bytes_max = 32 << 20;
  int64_t reconnect_grace_ms = 3'000;
  int64_t name_bytes_max = 256;
  int64_t types_per_session_max = 10'000;
  int64_t credits_max = 100'000;
  // Tasks and activations that a hello may say are in hand.
  int64_t in_hand_max = 1'000'000;
  // For the welcome.
  uint64_t server_epoch = 0;
  std::string server_version;
  int64_t payload_bytes_max = 4 << 20;
  int64_t commands_per_advance_max = 20'000;
  int64_t frame_bytes_max = 64 << 20;
  int64_t frame_items_max = 10'000;
  // Milliseconds since the Unix epoch.
  int64_t (*now_ms)() = nullptr;
};

// What is wrong with a hello: INVALID_ARGUMENT names the field and the limit.
absl::Status CheckHello(const v1::Hello& hello, const DispatchOptions& options);

class Dispatcher {
 public:
  // `expected` names the sessions that were connected when the server stopped: once all of them are back, the
  // partitions hear SessionsBack; those that are not back after the reconnect grace are forgotten.
  Dispatcher(DispatchOptions options, Upstream* upstream, std::vector<std::string> expected);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;

  // ---- from the committer ----

  // `acks`: the partitions made something durable of these answers, or dropped them.
  void Release(std::vector<Work> work, Acks acks);

  // ---- from streams; `sink` is the stream's own, so that one that was taken over can do no harm ----

  struct Opened {
    SessionNumber session = 0;
    v1::Welcome welcome;
  };
  // INVALID_ARGUMENT names the field that is wrong; RESOURCE_EXHAUSTED: too many sessions.
  absl::StatusOr<Opened> Open(v1::Hello hello, FrameSinkPtr sink);
  // A frame after the hello. An error ends the stream.
  absl::Status Receive(SessionNumber session, const FrameSink* sink, v1::WorkerFrame frame);
  // Fills the next frame to send; false if there is nothing.
  bool TakeFrame(SessionNumber session, const FrameSink* sink, v1::ServerFrame& frame);
  // The stream ended. The session stays for the reconnect grace, unless it left in good order.
  void StreamClosed(SessionNumber session, const FrameSink* sink);

  // ---- from readers ----

  // A chunk of a history, and the event to go on from (0: that was all). `status`: why it cannot be read;
  // then the activation has failed.
  void SendHistory(const HistoryRead& read, std::vector<v1::Event> events, int64_t next_event_id,
                   const absl::Status& status);

  // ---- housekeeping ----

  // Expires lost sessions and empty queues. Call some times a second.
  void Tick();
  // Ends all streams: the server stops.
  void Shutdown(absl::Status status);

  struct Totals {
    int64_t sessions = 0;
    int64_t activations_out = 0;
    int64_t tasks_out = 0;
    int64_t queued = 0;
  };
  // For people: what is going on.
  Totals Sum() const;
  bool Hosted(std::string_view ns, std::string_view task_queue, WorkKind kind, std::string_view type) const;
  void FillInfo(v1::GetServerInfoResponse& out) const;
  void Collect(base::MetricSink& sink) const;

 private:
  using Reports = absl::btree_map<uint32_t, std::vector<Report>>;
  // Each sink once, in the order they came: in which order things happen is not left to the addresses of
  // objects.
  class SinkSet {
   public:
    void insert(const FrameSinkPtr& sink) {
      if (known_.insert(sink.get()).second) sinks_.push_back(sink);
    }
    void erase(const FrameSinkPtr& sink) {
      if (known_.erase(sink.get()) != 0) std::erase(sinks_, sink);
    }
    void clear() {
      known_.clear();
      sinks_.clear();
    }
    auto begin() const { return sinks_.begin(); }
    auto end() const { return sinks_.end(); }

   private:
    absl::flat_hash_set<const FrameSink*> known_;
    std::vector<FrameSinkPtr> sinks_;
  };
  // What to do once the lock is released.
  struct After {
    Reports reports;
    SinkSet wake;
    std::vector<std::pair<FrameSinkPtr, absl::Status>> abort;
    std::vector<HistoryRead> reads;
  };

  Queue& GetQueue(const std::string& key, WorkKind kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Session* Find(SessionNumber number) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Session* FindFor(SessionNumber number, const FrameSink* sink) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // ---- dispatcher.cc: matching ----
  void Acknowledged(const Acks& acks, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Offer(Work work, bool from_disk, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool FitsWindow(const Queue& queue, size_t bytes, bool from_disk) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // A session of the queue with a credit to spare; null: none.
  Session* Pick(Queue& queue) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Moves an item of `from` into the session's hands.
  void Hand(Session& session, ItemList& from, ItemList::iterator item, After& after)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Gives waiting work to the session for as long as it has credits.
  void Pump(Session& session, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool PumpOne(Session& session, WorkKind kind, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Takes the item out of the accounts of the place it is in.
  void Leave(Item& item) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Forgets the item.
  void Drop(ItemList::iterator item) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Out of a session's hands and back to its partition.
  void TakeBack(ItemList::iterator item, bool begun, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Recall(const Work& work, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SendCancel(Session& session, const Item& item, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Evict(const Work& work, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // ---- backlog.cc: work on disk ----
  void Spill(Queue& queue, const Item& item, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Refilled(const Work& work, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int64_t Room(Queue& queue) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What a session with credits to spare takes of the queue at once, without a place in memory.
  int64_t TakenAtOnce(Queue& queue) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Asks the partitions for what fits; if all windows together are full, once they are not.
  void AskForRefill(Queue& queue, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // There is room again, or there may be: `most` of the queues that wait for it ask.
  void AskForThoseThatWait(size_t most, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // ---- sessions.cc: coming and going ----
  Session* Enter(const v1::Hello& hello) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Resume(Session& session, const v1::Hello& hello, v1::Welcome& welcome, After& after)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TakeOver(Session& session, const v1::Hello& hello, v1::Welcome& welcome, After& after)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Nothing goes to or through the stream any more.
  void Detach(Session& session, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Remove(Session& session, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Subscribe(Session& session) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Unsubscribe(Session& session) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetExpected(int64_t now_ms, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ToAll(const Report& report, After& after) const;

  // ---- frames.cc: what goes through the streams ----
  // The item that the token names exactly, if it is in this session's hands; else null.
  Item* InHand(const Session& session, const v1::WorkToken& token, WorkKind kind)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Returns the answer's credit, or acknowledges it as stale right away. True: pass it on.
  bool Accept(Session& session, const v1::WorkToken& token, WorkKind kind, uint64_t answer_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Drops an answer for good.
  void Stale(Session& session, uint64_t answer_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // False: no step of this session can have the token.
  bool MayHaveStep(const Session& session, const v1::WorkToken& token) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // ---- history.cc: what workers replay ----
  void StartReading(Session& session, const v1::HistoryRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Goes on with the histories that the session's stream has room for.
  void ContinueReading(Session& session, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The reading that this is a part of, if it is still wanted and waits for this part; else null.
  Reading* FindReading(const HistoryRead& read) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FailActivation(Session& session, const v1::WorkToken& token, const absl::Status& status, After& after)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReadLater(const HistoryRead& read) ABSL_LOCKS_EXCLUDED(mu_);

  // Tells the partitions while the lock is held: where the order of several threads' reports matters.
  void PostNow(After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Finish(After& after) ABSL_LOCKS_EXCLUDED(mu_);

  const DispatchOptions options_;
  Upstream* const upstream_;
  DispatchMetrics metrics_;

  mutable absl::Mutex mu_;
  SessionNumber next_session_ ABSL_GUARDED_BY(mu_) = 1;
  absl::btree_map<SessionNumber, std::unique_ptr<Session>> sessions_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, SessionNumber> by_id_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, std::unique_ptr<Queue>> queues_ ABSL_GUARDED_BY(mu_);
  // Every item, wherever it is.
  absl::flat_hash_map<DeliveryKey, ItemList::iterator> items_ ABSL_GUARDED_BY(mu_);
  int64_t queued_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  // Sum of Backlog::asked_bytes.
  int64_t asked_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  // Queues with nothing in memory and a backlog, for which all windows together left no room.
  std::deque<Queue*> wait_for_room_ ABSL_GUARDED_BY(mu_);
  uint64_t next_read_ ABSL_GUARDED_BY(mu_) = 1;
  absl::btree_set<std::string> expected_ ABSL_GUARDED_BY(mu_);
  int64_t expected_since_ms_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace perdure::dispatch

#endif  // PERDURE_SERVER_DISPATCH_DISPATCHER_H_
