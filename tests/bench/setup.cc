#include "tests/bench/setup.h"

#include <unistd.h>

#include <utility>

namespace perdure::bench {

Setup::Setup(const Args& args, const Workload& workload)
    : base_(TempBase(args.directory)),
      directory_(base_),
      // Nobody else's work gets into ours, on a server that others use too.
      task_queue_("perdure-bench-" + std::to_string(getpid())),
      concurrency_(args.concurrency > 0 ? args.concurrency : workload.concurrency_default) {
  if (args.server.empty()) {
    sync_ = ProbeSync(directory_.path());
    server_ = std::make_unique<Server>(directory_.path(), args.daemon_args);
    server_->Start();
  } else {
    server_ = std::make_unique<Server>(Server::Running(args.server, args.server_http));
  }
  worker_ = std::make_unique<WorkerProcess>(args, server_->address(), task_queue_, directory_.path());
}

LoadOptions Setup::Load() const {
  LoadOptions options;
  options.address = server_->address();
  options.task_queue = task_queue_;
  options.concurrency = concurrency_;
  return options;
}

void Setup::AddTo(Report& report) const { AddMachine(report, sync_ ? base_ : "", sync_); }

}  // namespace perdure::bench
