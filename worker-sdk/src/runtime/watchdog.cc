// The watchdog's loop: looks four times within the limit, reports each stay once.
#include "worker-sdk/src/runtime/watchdog.h"

#include <algorithm>
#include <utility>

#include "worker-sdk/src/runtime/run.h"

namespace perdure::runtime {

std::string BusyWith::StepText() const { return detail::SourceOf("step", step, seq); }

Watchdog::Watchdog(std::size_t slots, std::chrono::milliseconds limit, Report report)
    : limit_(limit), report_(std::move(report)), slots_(slots) {
  if (limit_.count() > 0) thread_ = std::thread([this] { Loop(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::Enter(std::size_t slot, BusyWith what) {
  const std::lock_guard lock(mutex_);
  slots_[slot] = Slot{std::move(what), Clock::now(), /*busy=*/true, /*reported=*/false};
}

void Watchdog::Leave(std::size_t slot) {
  const std::lock_guard lock(mutex_);
  slots_[slot].busy = false;
}

std::vector<std::string> Watchdog::Busy() const {
  std::vector<std::string> texts;
  const std::lock_guard lock(mutex_);
  for (const Slot& slot : slots_) {
    if (!slot.busy) continue;
    const auto held = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - slot.since);
    const std::string code =
        slot.what.seq == 0 ? "workflow " + slot.what.run->workflow_type : slot.what.StepText();
    texts.push_back(code + " of " + slot.what.run->workflow_id + " for " + std::to_string(held.count()) +
                    " ms");
  }
  return texts;
}

void Watchdog::Loop() {
  const auto pause = std::max(limit_ / 4, std::chrono::milliseconds(1));
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, pause);
    const Clock::time_point now = Clock::now();
    std::vector<std::pair<BusyWith, std::chrono::milliseconds>> late;
    for (Slot& slot : slots_) {
      if (!slot.busy || slot.reported || now - slot.since < limit_) continue;
      slot.reported = true;
      late.emplace_back(slot.what, std::chrono::duration_cast<std::chrono::milliseconds>(now - slot.since));
    }
    if (late.empty()) continue;
    lock.unlock();
    for (const auto& [what, held] : late) report_(what, held);
    lock.lock();
  }
}

}  // namespace perdure::runtime
