// Upstream: what dispatch tells the partitions. Data goes one way round: a report is a message in a
// partition's mailbox, and what comes of it arrives later through Dispatcher::Release.
#ifndef PERDURE_SERVER_DISPATCH_UPSTREAM_H_
#define PERDURE_SERVER_DISPATCH_UPSTREAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "perdure/v1/worker_service.pb.h"

namespace perdure::dispatch {

using SessionNumber = uint64_t;

// Who a report comes from; shared by all reports of a session.
struct Peer {
  SessionNumber session = 0;
  std::string identity;
  std::string build_id;
  std::string ns;
};
using PeerPtr = std::shared_ptr<const Peer>;

struct Taken {
  v1::WorkToken token;
};
struct TakenOver {
  v1::WorkToken token;
  int64_t running_ms = 0;
};
struct Returned {
  v1::WorkToken token;
  bool begun = false;
};
struct Spilled {
  v1::WorkToken token;
};
// Offer up to `items` of what waits on disk for this queue.
struct Refill {
  std::string queue;
  int64_t items = 0;
};
// token.run 0: all runs.
struct CoroutineGone {
  v1::WorkToken token;
};
struct SessionOpened {
  std::string session_id;
  std::string ns;
  std::string task_queue;
};
struct SessionClosed {
  std::string session_id;
};
// Every session that was connected before the server restarted is back.
struct SessionsBack {};

struct Report {
  PeerPtr peer;
  std::variant<Taken, TakenOver, Returned, Spilled, Refill, CoroutineGone, SessionOpened, SessionClosed,
               SessionsBack, v1::ActivationAnswer, v1::StepAnswer, v1::TaskAnswer, v1::TaskHeartbeat>
      what;
};

// A part of a run's history that a worker replays: events `from` up to and including `through`.
struct HistoryRead {
  SessionNumber session = 0;
  // Chosen by dispatch; goes with each chunk, so that those of a read that was given up are told from others.
  uint64_t read = 0;
  v1::WorkToken token;
  int64_t from = 1;
  int64_t through = 0;
};

// Thread-safe; calls must not block and must not call back into dispatch. Post may be called with dispatch's
// lock held.
class Upstream {
 public:
  virtual ~Upstream() = default;
  virtual uint32_t partitions() const = 0;
  virtual void Post(uint32_t partition, std::vector<Report> reports) = 0;
  // Whether the partitions can take more from workers now. False: the session is asked to come back later.
  virtual bool HasRoom() const = 0;
  // Have one chunk of it read and handed to Dispatcher::SendHistory, by another thread. False: not now.
  virtual bool RequestHistory(const HistoryRead& read) = 0;
};

}  // namespace perdure::dispatch

#endif  // PERDURE_SERVER_DISPATCH_UPSTREAM_H_
