#include "worker-sdk/src/worker/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace perdure::worker {
namespace {

// What the handler needs: the end of a pipe to write to, and whether a signal came before.
std::atomic<int> pipe_fd{-1};
std::atomic<int> signals_seen{0};
static_assert(std::atomic<int>::is_always_lock_free, "signal handlers need it");

void OnSignal(int number) {
  const int old_errno = errno;
  if (signals_seen.fetch_add(1) > 0) _exit(128 + number);
  const unsigned char byte = static_cast<unsigned char>(number);
  const int fd = pipe_fd.load();
  if (fd >= 0 && write(fd, &byte, 1) < 0) _exit(128 + number);
  errno = old_errno;
}

}  // namespace

StopSignals::StopSignals() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  read_fd_ = fds[0];
  write_fd_ = fds[1];
  int none = -1;
  if (!pipe_fd.compare_exchange_strong(none, write_fd_)) {
    close(read_fd_);
    close(write_fd_);
    throw std::logic_error(
        "perdure: another Worker::Run() is active in this process; use Start() for several");
  }
  signals_seen = 0;
  struct sigaction action{};
  action.sa_handler = OnSignal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, &old_term_);
  sigaction(SIGINT, &action, &old_int_);
}

StopSignals::~StopSignals() {
  sigaction(SIGTERM, &old_term_, nullptr);
  sigaction(SIGINT, &old_int_, nullptr);
  pipe_fd = -1;
  close(read_fd_);
  close(write_fd_);
}

int StopSignals::Wait() {
  unsigned char byte = 0;
  while (read(read_fd_, &byte, 1) < 0 && errno == EINTR) {
  }
  return byte;
}

void StopSignals::Notify() {
  const unsigned char byte = 0;
  while (write(write_fd_, &byte, 1) < 0 && errno == EINTR) {
  }
}

}  // namespace perdure::worker
