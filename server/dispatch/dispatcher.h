// Dispatcher: task queues and worker sessions, and who gets what.
//
// Work comes from the committer (Release), only once it is durable; sessions come from their streams. The
// dispatcher matches them against credits and remembers what each session has in hand. What it learns (taken,
// answered, lost) it reports Upstream. Nothing here is durable: a restarted server makes all of it up again from
// the partitions and from the hellos of the workers that come back.
//
// Thread-safe: one lock, held for short and never over I/O. Sinks are woken after it is released.
#ifndef PERDURE_SERVER_DISPATCH_DISPATCHER_H_
#define PERDURE_SERVER_DISPATCH_DISPATCHER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
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
  // For the welcome.
  uint64_t server_epoch = 0;
  std::string server_version;
  int64_t payload_bytes_max = 4 << 20;
  int64_t commands_per_advance_max = 20'000;
  // Milliseconds since the Unix epoch.
  int64_t (*now_ms)() = nullptr;
};

class Dispatcher {
 public:
  // `expected` names the sessions that were connected when the server stopped: once all of them are back, the
  // partitions hear SessionsBack.
  Dispatcher(DispatchOptions options, Upstream* upstream, std::vector<std::string> expected);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;

  // ---- from the committer ----

  // `acks`: the partitions made something durable of these answers, or dropped them.
  void Release(std::vector<Work> work, Acks acks);

  // ---- from streams ----

  struct Opened {
    SessionNumber session = 0;
    v1::Welcome welcome;
  };
  // INVALID_ARGUMENT names the field that is wrong; RESOURCE_EXHAUSTED: too many sessions.
  absl::StatusOr<Opened> Open(v1::Hello hello, FrameSinkPtr sink);
  // A frame after the hello. An error ends the stream.
  absl::Status Receive(SessionNumber session, v1::WorkerFrame frame);
  // Fills the next frame to send; false if there is nothing.
  bool TakeFrame(SessionNumber session, v1::ServerFrame& frame);
  // The stream ended. The session stays for the reconnect grace, unless it left in good order.
  void StreamClosed(SessionNumber session, const FrameSink* sink);

  // ---- from readers ----

  // False: the session is gone, stop.
  bool SendHistory(SessionNumber session, v1::HistoryChunk chunk);
  // What waits to be sent to the session; 0 if it is gone.
  size_t OutgoingBytes(SessionNumber session) const;

  // ---- housekeeping ----

  // Expires lost sessions and empty queues. Call some times a second.
  void Tick();
  // Ends all streams: the server stops.
  void Shutdown(absl::Status status);

  bool Hosted(std::string_view ns, std::string_view task_queue, WorkKind kind, std::string_view type) const;
  void FillInfo(v1::GetServerInfoResponse& out) const;
  void Collect(base::MetricSink& sink) const;

 private:
  using Reports = absl::flat_hash_map<uint32_t, std::vector<Report>>;
  // What to do once the lock is released.
  struct After {
    Reports reports;
    absl::flat_hash_set<FrameSinkPtr> wake;
    std::vector<std::pair<FrameSinkPtr, absl::Status>> abort;
  };

  absl::Status CheckHello(const v1::Hello& hello) const;
  Queue& GetQueue(const std::string& key, WorkKind kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Session* Find(SessionNumber number) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Subscribe(Session& session) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Unsubscribe(Session& session) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  void Offer(Work work, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Enqueue(Queue& queue, Work work, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // A session of the queue with a credit to spare; null: none.
  Session* Pick(Queue& queue) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Assign(Session& session, Work work, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Gives waiting work to the session for as long as it has credits.
  void Pump(Session& session, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PopWaiting(Queue& queue, Work& work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AskForRefill(Queue& queue, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Cancel(Session& session, v1::WorkToken token, std::string reason, After& after)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Withdraw(const Work& work, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Evict(const Work& work, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  void Resume(Session& session, const v1::Hello& hello, v1::Welcome& welcome, After& after)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TakeOver(Session& session, const v1::Hello& hello, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Remove(Session& session, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ToAll(const Report& report, After& after) const;
  // Returns the answer's credit, or acknowledges it as stale right away. True: pass it on.
  bool Accept(Session& session, const v1::WorkToken& token, uint64_t answer_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Finish(After& after);

  const DispatchOptions options_;
  Upstream* const upstream_;
  DispatchMetrics metrics_;

  mutable absl::Mutex mu_;
  SessionNumber next_session_ ABSL_GUARDED_BY(mu_) = 1;
  absl::flat_hash_map<SessionNumber, std::unique_ptr<Session>> sessions_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, SessionNumber> by_id_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, std::unique_ptr<Queue>> queues_ ABSL_GUARDED_BY(mu_);
  // Deliveries that wait in a queue, and whether they were withdrawn.
  absl::flat_hash_map<DeliveryKey, bool> queued_ ABSL_GUARDED_BY(mu_);
  int64_t queued_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_set<std::string> expected_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace perdure::dispatch

#endif  // PERDURE_SERVER_DISPATCH_DISPATCHER_H_
