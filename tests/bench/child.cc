#include "tests/bench/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "tests/bench/wait.h"

namespace perdure::bench {
namespace {

constexpr std::chrono::duration<double> kPollInterval{0.001};
constexpr int kExitCannotExec = 127;

// Between fork and exec only async-signal-safe calls are allowed.
[[noreturn]] void Become(char* const* argv, int log, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kExitCannotExec);
  // A Ctrl-C is for the parent, which then stops its children in order.
  setpgid(0, 0);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  close_range(STDERR_FILENO + 1, ~0U, 0);
  execv(argv[0], argv);
  _exit(kExitCannotExec);
}

}  // namespace

Child::Child(const std::vector<std::string>& argv, const std::string& log_file) {
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) throw BenchError("cannot write " + log_file + ": " + std::strerror(errno));
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) Become(arguments.data(), log, parent);
  close(log);
  if (pid_ < 0) throw BenchError("cannot start " + argv[0] + ": " + std::strerror(errno));
}

Child::~Child() { Kill(); }

bool Child::Running() {
  if (status_) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return !status_;
}

void Child::Signal(int signal) {
  if (Running()) kill(pid_, signal);
}

bool Child::WaitExit(std::chrono::duration<double> timeout) {
  return WaitUntil([this] { return !Running(); }, timeout, kPollInterval);
}

void Child::Kill() {
  if (!Running()) return;
  kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  status_ = status;
}

std::string SelfPath() { return std::filesystem::read_symlink("/proc/self/exe"); }

std::string SiblingPath(const std::string& name) {
  return std::filesystem::path(SelfPath()).parent_path() / name;
}

}  // namespace perdure::bench
