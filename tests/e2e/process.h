// Processes that an end-to-end test starts, kills and starts again.
#ifndef PERDURE_TESTS_E2E_PROCESS_H_
#define PERDURE_TESTS_E2E_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace perdure::e2e {

// Polls until `condition` holds; false after `timeout`.
bool WaitUntil(const std::function<bool()>& condition, std::chrono::seconds timeout);

// A directory that is deleted at the end, unless the test failed: then its name is printed.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// One process; killed when this goes.
class Process {
 public:
  // Output is appended to `log`. Fails the test if it cannot be started.
  Process(const std::vector<std::string>& command, const std::string& log);
  ~Process();
  Process(const Process&) = delete;

  // SIGKILL, and waits until it is gone.
  void Kill();
  // SIGTERM; the exit status, or -1 if it had to be killed after `timeout`.
  int Terminate(std::chrono::seconds timeout = std::chrono::seconds(30));
  // Waits until it ends by itself; likewise.
  int Wait(std::chrono::seconds timeout = std::chrono::seconds(30));
  bool Running();
  // The signal that ended it; 0: it runs, or ended by itself.
  int EndedBySignal();
  pid_t pid() const { return pid_; }
  // Resident memory, and open file descriptors, now; 0 if it is gone.
  int64_t RssBytes() const;
  int64_t Descriptors() const;
  // SIGSTOP and SIGCONT: it hears and says nothing meanwhile.
  void Stop();
  void Continue();

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

// perdured on a data directory and a port that stays the same over restarts.
class Server {
 public:
  explicit Server(const TempDir& dir, std::vector<std::string> flags = {});

  // Waits until it takes calls.
  void Start();
  // Starts this program in place of perdured, with this in its environment, and waits until it takes calls.
  // False: it died before.
  bool StartAs(const std::string& program, const std::string& variable, const std::string& value);
  void Kill() { process_->Kill(); }
  int Terminate() { return process_->Terminate(); }
  // What it left behind is verified before it starts again.
  void Restart() {
    Kill();
    Verify();
    Start();
  }
  // While it does not run: whatever it was killed at, no stored row may contradict another (`perdure admin
  // verify`).
  void Verify() const;
  const std::string& address() const { return address_; }
  const std::string& http_address() const { return http_address_; }
  Process& process() { return *process_; }
  // From the start of the process until it took calls, at the last Start.
  int64_t start_ms() const { return start_ms_; }
  std::string Log() const;

 private:
  bool Launch(const std::string& program);

  const TempDir& dir_;
  const std::vector<std::string> flags_;
  std::string address_ = "127.0.0.1:0";
  std::string http_address_;
  std::unique_ptr<Process> process_;
  int64_t start_ms_ = 0;
};

// A program of this build, by name.
std::string Program(const std::string& name);

}  // namespace perdure::e2e

#endif  // PERDURE_TESTS_E2E_PROCESS_H_
