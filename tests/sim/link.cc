#include "tests/sim/link.h"

#include <algorithm>
#include <utility>

namespace perdure::sim {
namespace {

// The longest that an end takes to find out that nothing comes any more, as keepalive does.
constexpr int64_t kNoticeMsMax = 20'000;

}  // namespace

Link::Link(const Parts& parts, int number, WorkerEnd worker)
    : parts_(parts), number_(number), worker_(std::move(worker)) {}

int64_t Link::Delay() { return parts_.rng->Between(0, parts_.faults->delay_ms_max); }

void Link::Open(v1::Hello hello) {
  const int64_t delay = Delay();
  up_ms_ = parts_.schedule->now_ms() + delay;
  parts_.schedule->After(delay, [self = shared_from_this(), hello = std::move(hello)]() mutable {
    if (self->broken_) return;
    if (!self->parts_.server->up()) {
      self->broken_ = true;
      return self->EndWorker(absl::UnavailableError("connection refused"), self->Delay());
    }
    self->epoch_ = self->parts_.server->epoch();
    auto opened = self->parts_.server->dispatcher().Open(std::move(hello), self);
    if (!opened.ok()) {
      self->broken_ = true;
      return self->EndWorker(opened.status(), self->Delay());
    }
    self->opened_ = true;
    self->session_ = opened->session;
    v1::ServerFrame welcome;
    *welcome.mutable_welcome() = std::move(opened->welcome);
    self->Deliver(std::move(welcome));
    self->Wake();
  });
}

void Link::Send(v1::WorkerFrame frame) {
  if (broken_) return;
  if (parts_.faults->Hits(parts_.faults->break_at_frame, *parts_.rng)) return Break();
  up_ms_ = std::max(up_ms_, parts_.schedule->now_ms() + Delay());
  // Each arrival takes the oldest: those of one moment keep their order too.
  up_.push_back(std::move(frame));
  parts_.schedule->After(up_ms_ - parts_.schedule->now_ms(),
                         [self = shared_from_this()] { self->Receive(); });
}

void Link::Receive() {
  v1::WorkerFrame frame = std::move(up_.front());
  up_.pop_front();
  if (broken_ || server_ended_ || !ServerAlive()) return;
  const absl::Status status = parts_.server->dispatcher().Receive(session_, this, std::move(frame));
  if (status.ok()) return;
  (*parts_.trace)("link ", number_, ": the server refuses a frame: ", status.ToString());
  Abort(status);
}

void Link::Forget() {
  worker_ended_ = true;
  worker_ = {};
  if (broken_) return;
  broken_ = true;
  EndServer(parts_.rng->Percent(70) ? Delay() : parts_.rng->Between(0, kNoticeMsMax));
}

void Link::Wake() {
  if (broken_ || std::exchange(pump_due_, true)) return;
  parts_.schedule->After(parts_.rng->Below(3), [self = shared_from_this()] {
    self->pump_due_ = false;
    self->Pump();
  });
}

void Link::Pump() {
  if (broken_ || server_ended_ || !ServerAlive()) return;
  v1::ServerFrame frame;
  while (parts_.server->dispatcher().TakeFrame(session_, this, frame)) {
    if (parts_.faults->Hits(parts_.faults->break_at_frame, *parts_.rng)) return Break();
    parts_.sent(frame);
    Deliver(std::exchange(frame, {}));
  }
}

void Link::Deliver(v1::ServerFrame frame) {
  down_ms_ = std::max(down_ms_, parts_.schedule->now_ms() + Delay());
  down_.push_back(std::move(frame));
  parts_.schedule->After(down_ms_ - parts_.schedule->now_ms(), [self = shared_from_this()] {
    v1::ServerFrame oldest = std::move(self->down_.front());
    self->down_.pop_front();
    if (!self->broken_ && !self->worker_ended_) self->worker_.received(oldest);
  });
}

void Link::Abort(absl::Status status) {
  if (broken_) return;
  broken_ = true;
  EndServer(0);
  EndWorker(status, Delay());
}

void Link::ServerDied() {
  server_ended_ = true;
  if (broken_) return;
  broken_ = true;
  EndWorker(absl::UnavailableError("socket closed"), Delay());
}

void Link::Break() {
  broken_ = true;
  ++*parts_.broken;
  (*parts_.trace)("link ", number_, " breaks");
  EndServer(parts_.rng->Between(0, kNoticeMsMax));
  EndWorker(absl::UnavailableError("connection reset"), parts_.rng->Between(0, kNoticeMsMax));
}

void Link::EndWorker(const absl::Status& why, int64_t in_ms) {
  parts_.schedule->After(in_ms, [self = shared_from_this(), why] {
    if (std::exchange(self->worker_ended_, true)) return;
    // What is called may be the last to need this link.
    const WorkerEnd worker = std::exchange(self->worker_, {});
    worker.ended(why);
  });
}

void Link::EndServer(int64_t in_ms) {
  parts_.schedule->After(in_ms, [self = shared_from_this()] {
    if (!self->opened_ || !self->ServerAlive() || std::exchange(self->server_ended_, true)) return;
    self->parts_.server->dispatcher().StreamClosed(self->session_, self.get());
  });
}

}  // namespace perdure::sim
