#include "worker-sdk/src/worker/core.h"

#include <algorithm>
#include <utility>

namespace perdure::worker {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

milliseconds Left(Clock::time_point deadline) {
  return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(deadline - Clock::now()));
}

}  // namespace

Core::Core(const Registry& registry, CoreOptions options, std::function<void(const std::string&)> refused)
    : refused_(std::move(refused)),
      session_(std::move(options.session), this),
      executor_(registry, std::move(options.executor), this),
      pool_(registry, std::move(options.tasks), this) {}

Core::~Core() {
  // Nothing comes in from here on; then pool and executor go, then the session.
  session_.Close(milliseconds(0));
}

void Core::AddInHand(v1::Hello* hello) {
  for (v1::TaskInHand& task : pool_.InHand()) *hello->add_tasks_in_hand() = std::move(task);
  for (v1::WorkToken& token : executor_.InHand()) *hello->add_activations_in_hand() = std::move(token);
}

void Core::OnWelcome(const v1::Welcome& welcome, bool same_epoch) {
  pool_.SetLimits(welcome.payload_bytes_max());
  executor_.SetLimits(welcome.payload_bytes_max(), welcome.commands_per_advance_max());
  for (const v1::WorkToken& token : welcome.stale_tokens()) {
    // By convention an activation's token has no seq.
    if (token.seq() == 0) {
      executor_.Drop(token);
    } else {
      pool_.Drop(token);
    }
  }
  executor_.Reconnected(same_epoch);
}

void Core::OnFrame(std::shared_ptr<const v1::ServerFrame> frame) {
  executor_.Take(frame);
  pool_.Deliver(*frame);
  for (const v1::TaskCancel& cancel : frame->task_cancels()) pool_.Cancel(cancel.token(), cancel.reason());
  for (const v1::WorkToken& token : frame->evict()) executor_.Evict(token);
}

bool Core::WaitIdle(milliseconds timeout) const {
  const auto deadline = Clock::now() + timeout;
  // What one of them waits for may bring the other something: both have to be idle at last.
  do {
    if (!pool_.WaitIdle(Left(deadline)) || !executor_.WaitIdle(Left(deadline))) return false;
  } while (!pool_.WaitIdle(milliseconds(0)));
  return true;
}

bool Core::Drain(milliseconds timeout) {
  session_.SendDrain();
  bool finished = WaitIdle(timeout);
  if (!finished) {
    pool_.StopAll();
    const auto grace = Clock::now() + kStopGrace;
    pool_.WaitIdle(kStopGrace);
    executor_.WaitIdle(Left(grace));
  }
  finished = session_.WaitFlushed(kFlushTimeout) && finished;
  session_.Close(kCloseTimeout);
  return finished;
}

}  // namespace perdure::worker
