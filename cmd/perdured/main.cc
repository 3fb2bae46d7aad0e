// perdured: the Perdure server.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "absl/synchronization/mutex.h"
#include "cmd/perdured/daemon.h"
#include "server/base/log.h"
#include "server/ops/command_line.h"
#include "server/ops/logging.h"
#include "server/ops/ready_file.h"

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

int Complain(const absl::Status& status, int exit_code) {
  std::fprintf(stderr, "perdured: %s\n", std::string(status.message()).c_str());
  return exit_code;
}

// A second request to stop ends the process at once: everything acknowledged is durable anyway.
void DieOnNextSignal(const sigset_t& signals) {
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  // Debian builds Abseil with its checks for debugging, so that each mutex of gRPC's is entered into a graph
  // of lock orders under one lock for all, and the process aborts at a cycle.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const absl::StatusOr<perdure::ops::ParsedArgs> args = perdure::ops::ParseCommandLine(argc, argv);
  if (!args.ok()) return Complain(args.status(), kExitUsage);
  if (args->action == perdure::ops::ParsedArgs::Action::kPrint) {
    std::fputs(args->output.c_str(), stdout);
    return 0;
  }
  if (const absl::Status s = perdure::ops::SetUpLogging(args->config); !s.ok())
    return Complain(s, kExitFailed);

  // All threads inherit the mask: only sigwait below takes these.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  perdure::Daemon daemon(args->config);
  if (const absl::Status s = daemon.Start(); !s.ok()) {
    daemon.Stop();
    return Complain(s, kExitFailed);
  }
  if (!args->ready_file.empty()) {
    const perdure::ops::ReadyInfo info{daemon.grpc_address(), daemon.http_address(), args->config.data_dir};
    if (const absl::Status s = perdure::ops::WriteReadyFile(args->ready_file, info); !s.ok()) {
      daemon.Stop();
      return Complain(s, kExitFailed);
    }
  }
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  DieOnNextSignal(signals);
  perdure::base::LogInfo("asked to stop", {{"signal", signal_number}});
  daemon.Stop();
  return 0;
}
