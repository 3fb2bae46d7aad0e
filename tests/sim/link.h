// Link: one stream between a worker and the server under simulation. Frames of one direction keep their
// order; everything else about time is up to chance. A link that breaks loses what is under way, and its two
// ends hear of it at different times, if at all.
#ifndef PERDURE_TESTS_SIM_LINK_H_
#define PERDURE_TESTS_SIM_LINK_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "perdure/v1/worker_service.pb.h"
#include "server/dispatch/session.h"
#include "tests/sim/server.h"
#include "tests/sim/setup.h"
#include "tests/sim/trace.h"

namespace perdure::sim {

class Link final : public dispatch::FrameSink, public std::enable_shared_from_this<Link> {
 public:
  // The worker's end. Not called after Forget.
  struct WorkerEnd {
    std::function<void(v1::ServerFrame& frame)> received;
    std::function<void(const absl::Status& why)> ended;
  };
  struct Parts {
    Server* server;
    const Faults* faults;
    model::Rng* rng;
    Schedule* schedule;
    Trace* trace;
    // Looks at each frame before the worker does, in the moment that the server gives it out.
    std::function<void(const v1::ServerFrame& frame)> sent;
    int64_t* broken;
    // Whether what the token names is over, on disk: nothing that is said of it may count any more.
    std::function<bool(const v1::WorkToken& token)> over;
  };

  Link(const Parts& parts, int number, WorkerEnd worker);

  // ---- the worker's end ----
  void Open(v1::Hello hello);
  void Send(v1::WorkerFrame frame);
  // The worker died, or gave up on the link.
  void Forget();

  // ---- the server's end ----
  void Wake() override;
  void Abort(absl::Status status) override;
  // The process at the server's end died.
  void ServerDied();

  int number() const { return number_; }

 private:
  bool ServerAlive() const { return parts_.server->up() && parts_.server->epoch() == epoch_; }
  int64_t Delay();
  void Receive();
  void Pump();
  void Deliver(v1::ServerFrame frame);
  // Nothing goes through any more; the ends hear of it later.
  void Break();
  void EndWorker(const absl::Status& why, int64_t in_ms);
  void EndServer(int64_t in_ms);

  const Parts parts_;
  const int number_;
  WorkerEnd worker_;
  uint64_t epoch_ = 0;
  dispatch::SessionNumber session_ = 0;
  bool opened_ = false;
  bool broken_ = false;
  bool worker_ended_ = false;
  bool server_ended_ = false;
  bool pump_due_ = false;
  // Frames under way, and when the latest of them arrives.
  std::deque<v1::WorkerFrame> up_;
  std::deque<v1::ServerFrame> down_;
  int64_t up_ms_ = 0;
  int64_t down_ms_ = 0;
};

}  // namespace perdure::sim

#endif  // PERDURE_TESTS_SIM_LINK_H_
