// Waiting that ends when somebody asks this process to stop, so that its children and directories are cleaned
// up on the way out.
#ifndef PERDURE_TESTS_BENCH_WAIT_H_
#define PERDURE_TESTS_BENCH_WAIT_H_

#include <chrono>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>

namespace perdure::bench {

using Clock = std::chrono::steady_clock;

// The bench cannot go on; the text says why.
class BenchError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// SIGINT, SIGTERM or SIGHUP came.
class Interrupted : public std::exception {
 public:
  explicit Interrupted(int signal) : signal_(signal) {}
  const char* what() const noexcept override { return "interrupted"; }
  int signal() const { return signal_; }

 private:
  int signal_;
};

// From now on those signals make the functions below throw Interrupted.
void CatchSignals();
void ThrowIfInterrupted();

// Whether `done` came true within `timeout`; asks every `interval`.
bool WaitUntil(const std::function<bool()>& done, std::chrono::duration<double> timeout,
               std::chrono::duration<double> interval);
// Lets that time pass.
void Pass(std::chrono::duration<double> time);

inline double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_WAIT_H_
