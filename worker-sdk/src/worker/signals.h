// SIGTERM and SIGINT for Worker::Run: the first one asks to stop, the second one ends the process at once.
#ifndef PERDURE_WORKER_SDK_SRC_WORKER_SIGNALS_H_
#define PERDURE_WORKER_SDK_SRC_WORKER_SIGNALS_H_

#include <signal.h>

namespace perdure::worker {

// Takes the two signals over for as long as it lives; one a process at a time.
class StopSignals {
 public:
  // Throws std::logic_error if there is another one, std::system_error if the system refuses.
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Blocks until a signal came (its number) or Notify was called (0).
  int Wait();
  // Any thread.
  void Notify();

 private:
  int read_fd_ = -1;
  int write_fd_ = -1;
  struct sigaction old_term_{};
  struct sigaction old_int_{};
};

}  // namespace perdure::worker

#endif  // PERDURE_WORKER_SDK_SRC_WORKER_SIGNALS_H_
