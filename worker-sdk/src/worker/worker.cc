#include "perdure/worker.h"

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "worker-sdk/src/session/identity.h"
#include "worker-sdk/src/worker/core.h"
#include "worker-sdk/src/worker/signals.h"

namespace perdure {
namespace {

constexpr const char* kSdkName = "perdure-cpp/0.1.0";

int CheckedCount(int value, int min, const char* what) {
  if (value < min) {
    throw std::invalid_argument(std::string("perdure: ") + what + " must be at least " + std::to_string(min) +
                                ", not " + std::to_string(value));
  }
  return value;
}

worker::CoreOptions CoreOptionsOf(const WorkerOptions& options, const Registry& registry) {
  worker::CoreOptions core;
  core.session.address = options.Address();
  core.session.log = options.Log();
  v1::Hello& hello = core.session.hello;
  hello.set_session_id(session::NewUuid());
  hello.set_identity(options.Identity());
  hello.set_namespace_(options.Namespace());
  hello.set_task_queue(options.TaskQueue());
  for (std::string& type : registry.WorkflowTypes()) hello.add_workflow_types(std::move(type));
  for (std::string& type : registry.TaskTypes()) hello.add_task_types(std::move(type));
  // Credits only for what is hosted.
  hello.set_max_activations(hello.workflow_types().empty() ? 0 : options.MaxConcurrentActivations());
  hello.set_max_tasks(hello.task_types().empty() ? 0 : options.MaxConcurrentTasks());
  hello.set_build_id(options.BuildId());
  hello.set_sdk(kSdkName);
  core.executor.threads = options.WorkflowThreads();
  core.executor.step_threads = options.StepThreads();
  core.executor.step_warning = options.StepWarning();
  core.executor.cache_bytes_max = options.CacheBytes();
  core.executor.converter = options.Converter();
  core.executor.log = options.Log();
  core.tasks.tasks_max = options.MaxConcurrentTasks();
  core.tasks.converter = options.Converter();
  core.tasks.log = options.Log();
  return core;
}

}  // namespace

WorkerOptions::WorkerOptions()
    : address_(session::EnvOr("PERDURE_ADDRESS", "127.0.0.1:7480")),
      namespace_(session::EnvOr("PERDURE_NAMESPACE", "default")),
      identity_(session::DefaultIdentity()),
      log_(std::make_shared<const LogSink>(StderrLogSink())) {}

WorkerOptions& WorkerOptions::MaxConcurrentTasks(int value) {
  max_tasks_ = CheckedCount(value, 0, "WorkerOptions::MaxConcurrentTasks");
  return *this;
}
WorkerOptions& WorkerOptions::MaxConcurrentActivations(int value) {
  max_activations_ = CheckedCount(value, 0, "WorkerOptions::MaxConcurrentActivations");
  return *this;
}
WorkerOptions& WorkerOptions::WorkflowThreads(int value) {
  workflow_threads_ = CheckedCount(value, 1, "WorkerOptions::WorkflowThreads");
  return *this;
}
WorkerOptions& WorkerOptions::StepThreads(int value) {
  step_threads_ = CheckedCount(value, 1, "WorkerOptions::StepThreads");
  return *this;
}
WorkerOptions& WorkerOptions::CacheBytes(std::int64_t value) {
  if (value < 0) throw std::invalid_argument("perdure: WorkerOptions::CacheBytes must not be negative");
  cache_bytes_ = value;
  return *this;
}

class Worker::Impl {
 public:
  explicit Impl(WorkerOptions options) : options_(std::move(options)) {}

  void CheckHosting(std::string_view kind, std::string_view name, bool hosted) const;
  void Start();
  // Null: not started.
  worker::Core* core() const;
  bool Drain(Milliseconds timeout);
  int Run();
  WorkerStats Stats() const;
  std::string Refusal() const;

  const WorkerOptions options_;
  Registry registry_;

 private:
  void Refused(const std::string& message);
  void NotifyRun();
  void LogLine(LogLevel level, std::string message, Logger::Fields fields = {}) const;
  int FinishRun();

  mutable std::mutex mu_;
  // All below: guarded by mu_; the core, once made, stays until the end.
  std::unique_ptr<worker::Core> core_;
  worker::StopSignals* signals_ = nullptr;
  bool stop_asked_ = false;
  std::string refusal_;

  // Draining twice waits for the first.
  std::mutex drain_mu_;
  std::optional<bool> drained_;
};

void Worker::Impl::CheckHosting(std::string_view kind, std::string_view name, bool hosted) const {
  const std::string what = std::string(kind) + " '" + std::string(name) + "'";
  if (core() != nullptr) {
    throw std::logic_error("perdure: cannot host " + what +
                           ": the worker has been started; host before Run()");
  }
  if (hosted) throw std::logic_error("perdure: this worker hosts " + what + " already");
}

void Worker::Impl::Start() {
  std::unique_lock lock(mu_);
  if (core_ != nullptr) throw std::logic_error("perdure: this worker has been started already");
  if (registry_.WorkflowTypes().empty() && registry_.TaskTypes().empty()) {
    throw std::logic_error("perdure: this worker hosts nothing; call Host() before Run()");
  }
  core_ = std::make_unique<worker::Core>(registry_, CoreOptionsOf(options_, registry_),
                                         [this](const std::string& message) { Refused(message); });
  worker::Core* const core = core_.get();
  lock.unlock();
  LogLine(LogLevel::kInfo, "starting",
          {{"server", options_.Address()},
           {"namespace", options_.Namespace()},
           {"task_queue", options_.TaskQueue()},
           {"workflow_types", std::to_string(registry_.WorkflowTypes().size())},
           {"task_types", std::to_string(registry_.TaskTypes().size())},
           {"tasks_max", std::to_string(options_.MaxConcurrentTasks())},
           {"activations_max", std::to_string(options_.MaxConcurrentActivations())}});
  core->Start();
}

worker::Core* Worker::Impl::core() const {
  std::lock_guard lock(mu_);
  return core_.get();
}

void Worker::Impl::Refused(const std::string& message) {
  {
    std::lock_guard lock(mu_);
    refusal_ = message;
  }
  NotifyRun();
}

void Worker::Impl::NotifyRun() {
  std::lock_guard lock(mu_);
  stop_asked_ = true;
  if (signals_ != nullptr) signals_->Notify();
}

bool Worker::Impl::Drain(Milliseconds timeout) {
  worker::Core* core = this->core();
  if (core == nullptr) return true;
  std::lock_guard lock(drain_mu_);
  if (drained_.has_value()) return *drained_;
  const WorkerStats stats = Stats();
  LogLine(LogLevel::kInfo, "draining",
          {{"tasks_in_hand", std::to_string(stats.tasks_in_hand)},
           {"activations_in_hand", std::to_string(stats.activations_in_hand)},
           {"timeout_ms", std::to_string(timeout.count())}});
  drained_ = core->Drain(timeout);
  LogLine(*drained_ ? LogLevel::kInfo : LogLevel::kWarn,
          *drained_ ? "drained" : "drain timeout passed, work left to others",
          {{"tasks_completed", std::to_string(core->pool().Stats().completed)},
           {"activations", std::to_string(core->executor().Stats().activations)}});
  NotifyRun();
  return *drained_;
}

int Worker::Impl::Run() {
  worker::StopSignals signals;
  Start();
  {
    std::lock_guard lock(mu_);
    signals_ = &signals;
  }
  bool stop = false;
  {
    // Refused or stopped before the signals were known.
    std::lock_guard lock(mu_);
    stop = stop_asked_;
  }
  const int signal = stop ? 0 : signals.Wait();
  if (signal != 0) LogLine(LogLevel::kInfo, signal == SIGINT ? "SIGINT received" : "SIGTERM received");
  const int status = FinishRun();
  std::lock_guard lock(mu_);
  signals_ = nullptr;
  return status;
}

int Worker::Impl::FinishRun() {
  if (!Refusal().empty()) return kWorkerRefused;
  if (Drain(options_.DrainTimeout())) return kWorkerDrained;
  const std::vector<std::string> tasks = core()->pool().Names();
  const std::vector<std::string> code = core()->executor().Busy();
  for (const std::string& name : tasks) LogLine(LogLevel::kError, "still running, cut off", {{"task", name}});
  for (const std::string& name : code) LogLine(LogLevel::kError, "still running, cut off", {{"code", name}});
  if (!tasks.empty() || !code.empty()) {
    // Threads inside of user code cannot be stopped, and must not see what they use destroyed.
    std::fflush(nullptr);
    std::_Exit(kWorkerCutShort);
  }
  return kWorkerCutShort;
}

WorkerStats Worker::Impl::Stats() const {
  WorkerStats stats;
  const worker::Core* core = this->core();
  if (core == nullptr) return stats;
  const tasks::TaskPoolStats pool = core->pool().Stats();
  const runtime::ExecutorStats executor = core->executor().Stats();
  stats.tasks_in_hand = pool.in_hand;
  stats.activations_in_hand = executor.in_hand;
  stats.cached_runs = executor.cached_runs;
  stats.cached_bytes = executor.cached_bytes;
  stats.tasks_completed = pool.completed;
  stats.tasks_failed = pool.failed;
  stats.tasks_cancelled = pool.cancelled;
  stats.activations = executor.activations;
  stats.activations_failed = executor.activations_failed;
  stats.replays = executor.replays;
  return stats;
}

std::string Worker::Impl::Refusal() const {
  std::lock_guard lock(mu_);
  return refusal_;
}

void Worker::Impl::LogLine(LogLevel level, std::string message, Logger::Fields fields) const {
  if (options_.Log() == nullptr || !*options_.Log()) return;
  LogRecord record{level, std::move(message), {{"worker", options_.Identity()}}};
  for (auto& field : fields) record.fields.push_back(std::move(field));
  (*options_.Log())(record);
}

Worker::Worker(WorkerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Worker::~Worker() = default;

void Worker::AddTask(std::string_view name, detail::TaskFunction function) {
  impl_->CheckHosting("task", name, impl_->registry_.FindTask(name) != nullptr);
  impl_->registry_.AddTask(name, std::move(function));
}

void Worker::AddWorkflow(std::string_view name, detail::WorkflowFunction function) {
  impl_->CheckHosting("workflow", name, impl_->registry_.FindWorkflow(name) != nullptr);
  impl_->registry_.AddWorkflow(name, std::move(function));
}

int Worker::Run() { return impl_->Run(); }
void Worker::Start() { impl_->Start(); }

bool Worker::Ready() const {
  const worker::Core* core = impl_->core();
  return core != nullptr && core->session().connected();
}

bool Worker::WaitReady(Milliseconds timeout) {
  worker::Core* core = impl_->core();
  return core != nullptr && core->session().WaitConnected(timeout);
}

bool Worker::Drain(Milliseconds timeout) { return impl_->Drain(timeout); }
bool Worker::Stop() { return impl_->Drain(impl_->options_.DrainTimeout()); }
WorkerStats Worker::Stats() const { return impl_->Stats(); }
std::string Worker::Refusal() const { return impl_->Refusal(); }

}  // namespace perdure
