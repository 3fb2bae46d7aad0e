#include "tests/bench/wait.h"

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace perdure::bench {
namespace {

constexpr std::chrono::duration<double> kSlice{0.02};

std::atomic<int> signal_caught{0};

void Catch(int signal) { signal_caught.store(signal); }

}  // namespace

void CatchSignals() {
  struct sigaction action{};
  action.sa_handler = Catch;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void ThrowIfInterrupted() {
  if (const int signal = signal_caught.load(); signal != 0) throw Interrupted(signal);
}

bool WaitUntil(const std::function<bool()>& done, std::chrono::duration<double> timeout,
               std::chrono::duration<double> interval) {
  const Clock::time_point begin = Clock::now();
  while (true) {
    ThrowIfInterrupted();
    if (done()) return true;
    if (Clock::now() - begin >= timeout) return false;
    std::this_thread::sleep_for(interval);
  }
}

void Pass(std::chrono::duration<double> time) {
  const Clock::time_point begin = Clock::now();
  for (auto left = time; left.count() > 0; left = time - (Clock::now() - begin)) {
    ThrowIfInterrupted();
    std::this_thread::sleep_for(std::min(left, kSlice));
  }
  ThrowIfInterrupted();
}

}  // namespace perdure::bench
