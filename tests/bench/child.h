// Child: a process of ours. It is gone when this object is, and when this process dies in any way.
#ifndef PERDURE_TESTS_BENCH_CHILD_H_
#define PERDURE_TESTS_BENCH_CHILD_H_

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace perdure::bench {

// For the thread that made it; that must be the main thread (the child dies with the thread that forked it).
class Child {
 public:
  // Starts `argv[0]` with its output appended to `log_file`. Throws BenchError.
  Child(const std::vector<std::string>& argv, const std::string& log_file);
  // Kills it.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  bool Running();
  void Signal(int signal);
  // Whether it ended within `timeout`.
  bool WaitExit(std::chrono::duration<double> timeout);
  // SIGKILL; returns once it is gone.
  void Kill();
  // As waitpid gave it; none: it runs.
  std::optional<int> status() const { return status_; }

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

// This program's own file, and a program beside it.
std::string SelfPath();
std::string SiblingPath(const std::string& name);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_CHILD_H_
