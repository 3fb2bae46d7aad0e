// Worker: a process, or a part of one, that hosts workflows and tasks.
//
//   int main() {
//     perdure::Worker worker(perdure::WorkerOptions().TaskQueue("orders"));
//     worker.Host(ProcessPayment, [](Payment payment) { return Charge(payment); });
//     worker.Host(OrderFulfillment, Fulfil);
//     return worker.Run();   // until SIGTERM, then drains
//   }
//
// The worker connects to the server and takes work for as long as it runs. It reconnects for ever, with
// backoff: a server that restarts finds running tasks still running, and takes them over.
//
// Threads: task functions run on up to MaxConcurrentTasks threads, each of them possibly on several at once;
// workflow code runs on WorkflowThreads threads, each run on one at a time. Ownership: the worker owns the
// functions; what they refer to must outlive it.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_WORKER_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_WORKER_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "perdure/log.h"
#include "perdure/options.h"
#include "perdure/payload.h"
#include "perdure/registry.h"
#include "perdure/task.h"
#include "perdure/workflow.h"

namespace perdure {

class WorkerOptions {
 public:
  // Address from PERDURE_ADDRESS, else "127.0.0.1:7480"; namespace from PERDURE_NAMESPACE, else "default".
  WorkerOptions();

  // "host:port" of the server.
  WorkerOptions& Address(std::string value) {
    address_ = std::move(value);
    return *this;
  }
  WorkerOptions& Namespace(std::string value) {
    namespace_ = std::move(value);
    return *this;
  }
  // Which queue to take work from ["default"].
  WorkerOptions& TaskQueue(std::string value) {
    task_queue_ = std::move(value);
    return *this;
  }
  // How many task functions may run at once, each on a thread of its own [64]; 0: take no tasks.
  WorkerOptions& MaxConcurrentTasks(int value);
  // How many activations of workflows may be in hand [200]; 0: take none.
  WorkerOptions& MaxConcurrentActivations(int value);
  // Threads that run workflow code [2]. It only ever computes, so a few are enough.
  WorkerOptions& WorkflowThreads(int value);
  // Threads that run steps [8].
  WorkerOptions& StepThreads(int value);
  // A step that runs longer is logged, with its run [10 s]; 0: none is.
  WorkerOptions& StepWarning(Milliseconds value) {
    step_warning_ = detail::CheckedDuration(value, "WorkerOptions::StepWarning");
    return *this;
  }
  // Suspended coroutines kept in memory, in bytes [256 MiB]; beyond it the least recently used ones are
  // dropped, and replayed from history when they are needed.
  WorkerOptions& CacheBytes(std::int64_t value);
  // Recorded with what this worker did; shown to people.
  WorkerOptions& BuildId(std::string value) {
    build_id_ = std::move(value);
    return *this;
  }
  // Shown to people ["pid@host"].
  WorkerOptions& Identity(std::string value) {
    identity_ = std::move(value);
    return *this;
  }
  // How long Run() lets work in hand finish after SIGTERM [30 s].
  WorkerOptions& DrainTimeout(Milliseconds value) {
    drain_timeout_ = detail::CheckedDuration(value, "WorkerOptions::DrainTimeout");
    return *this;
  }
  // Where the worker, workflows and tasks log to [stderr, from info on]. A null sink logs nothing.
  WorkerOptions& Log(LogSink value) {
    log_ = std::make_shared<const LogSink>(std::move(value));
    return *this;
  }
  // Rewrites payloads on their way out and in; clients need the same one.
  WorkerOptions& Converter(std::shared_ptr<const PayloadConverter> value) {
    converter_ = std::move(value);
    return *this;
  }

  const std::string& Address() const { return address_; }
  const std::string& Namespace() const { return namespace_; }
  const std::string& TaskQueue() const { return task_queue_; }
  int MaxConcurrentTasks() const { return max_tasks_; }
  int MaxConcurrentActivations() const { return max_activations_; }
  int WorkflowThreads() const { return workflow_threads_; }
  int StepThreads() const { return step_threads_; }
  Milliseconds StepWarning() const { return step_warning_; }
  std::int64_t CacheBytes() const { return cache_bytes_; }
  const std::string& BuildId() const { return build_id_; }
  const std::string& Identity() const { return identity_; }
  Milliseconds DrainTimeout() const { return drain_timeout_; }
  const std::shared_ptr<const LogSink>& Log() const { return log_; }
  const std::shared_ptr<const PayloadConverter>& Converter() const { return converter_; }

 private:
  std::string address_;
  std::string namespace_;
  std::string task_queue_ = "default";
  int max_tasks_ = 64;
  int max_activations_ = 200;
  int workflow_threads_ = 2;
  int step_threads_ = 8;
  Milliseconds step_warning_{10'000};
  std::int64_t cache_bytes_ = 256LL << 20;
  std::string build_id_;
  std::string identity_;
  Milliseconds drain_timeout_{30'000};
  std::shared_ptr<const LogSink> log_;
  std::shared_ptr<const PayloadConverter> converter_;
};

// How many things are in hand, and totals since the start.
struct WorkerStats {
  std::int64_t tasks_in_hand = 0;
  std::int64_t activations_in_hand = 0;
  std::int64_t cached_runs = 0;
  std::int64_t cached_bytes = 0;
  std::int64_t tasks_completed = 0;
  std::int64_t tasks_failed = 0;
  std::int64_t tasks_cancelled = 0;
  std::int64_t activations = 0;
  std::int64_t activations_failed = 0;
  std::int64_t replays = 0;
};

// What Worker::Run returns.
enum WorkerExit {
  kWorkerDrained = 0,
  // The server refused the worker: a bad name, say. The log says why.
  kWorkerRefused = 1,
  // The drain timeout passed with work left in hand; the server gives it to others.
  kWorkerCutShort = 2,
};

// Thread-safety: Host is for one thread, before Run or Start; the rest may be called from any thread.
class Worker {
 public:
  explicit Worker(WorkerOptions options = WorkerOptions());
  // Disconnects at once if still running, tells running tasks to stop, and waits for their functions, for
  // steps and for workflow code to return.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The function for a task: a callable R(Args...) or R(TaskContext&, Args...).
  // Throws std::logic_error if the task is hosted already, or the worker has been started.
  template <class R, class... Args, class F>
  Worker& Host(const Task<R(Args...)>& task, F function) {
    AddTask(task.Name(), detail::EraseTask(task, std::move(function)));
    return *this;
  }

  // The coroutine for a workflow: a callable Co<R>(Context&, Args...).
  template <class R, class... Args, class F>
  Worker& Host(const Workflow<R(Args...)>& workflow, F function) {
    AddWorkflow(workflow.Name(), detail::EraseWorkflow(workflow, std::move(function)));
    return *this;
  }

  // A class for a workflow, with a member Co<R> Run(Context&, Args...). Each run gets an object of its own,
  // constructed from `args`: worker.Host<OrderWorkflow>(OrderFulfillment).
  template <class W, class R, class... Args, class... CtorArgs>
  Worker& Host(const Workflow<R(Args...)>& workflow, CtorArgs... args) {
    AddWorkflow(workflow.Name(), detail::EraseWorkflowClass<W>(workflow, std::move(args)...));
    return *this;
  }

  // Runs until SIGTERM or SIGINT, or until Stop() is called, then drains: takes nothing new, finishes what
  // is in hand within DrainTimeout, disconnects. A second signal ends the process at once. Returns an exit
  // status, see WorkerExit. When tasks, steps or workflow code still run after the drain timeout and a
  // short grace, the process ends with kWorkerCutShort without returning from here, since their threads
  // cannot be stopped; the log names them. One Run() a process at a time: for several workers use Start().
  int Run();

  // For tests and for embedding: starts in the background; needs no signals.
  // Throws std::logic_error when started already, or when nothing is hosted.
  void Start();
  // Connected, and welcomed by the server.
  bool Ready() const;
  // Waits until Ready(); false: `timeout` passed or the server refused the worker.
  bool WaitReady(Milliseconds timeout = Milliseconds(10'000));
  // Takes nothing new, finishes what is in hand, disconnects. Whether all of it finished within `timeout`;
  // what has not is told to stop. Ends Run() in another thread.
  bool Drain(Milliseconds timeout);
  // Drain with the timeout from the options.
  bool Stop();

  WorkerStats Stats() const;
  // Why the server refused the worker; empty: it did not.
  std::string Refusal() const;

 private:
  void AddTask(std::string_view name, detail::TaskFunction function);
  void AddWorkflow(std::string_view name, detail::WorkflowFunction function);

  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_WORKER_H_
