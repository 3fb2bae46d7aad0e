// TaskPool: runs the task functions of a worker process on a pool of threads, and answers for them.
//
// Threads are added as they are needed, up to `tasks_max`. Answers and heartbeats go to the sink.
//
// At first as many threads as there are processors work off the queue, since a wake-up costs more than a
// short task. A task that waited for kQueueWaitMax finds them all blocked or busy: then all that wait get
// threads.
//
// Ownership: registry and sink must outlive the pool. Thread-safety: all public functions may be called from
// any thread; only WaitIdle and the destructor block. User code is called with no lock held.
#ifndef PERDURE_WORKER_SDK_SRC_TASKS_TASK_POOL_H_
#define PERDURE_WORKER_SDK_SRC_TASKS_TASK_POOL_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "perdure/log.h"
#include "perdure/payload.h"
#include "perdure/registry.h"
#include "perdure/v1/worker_service.pb.h"

namespace perdure::tasks {

struct TaskPoolOptions {
  // The session's credits: threads, and tasks in hand. A server that delivers more gets a retryable failure
  // back for what is too much.
  int tasks_max = 64;
  // Null: payloads go in and out as they are.
  std::shared_ptr<const PayloadConverter> converter;
  // Null: nothing is logged.
  std::shared_ptr<const LogSink> log;
};

// Where answers go. Must not block. `answer_id` is left for the sink to fill.
class TaskSink {
 public:
  virtual ~TaskSink() = default;
  virtual void Answer(v1::TaskAnswer answer) = 0;
  // No more answers come at once: time to send those that were given.
  virtual void Flush() {}
  virtual void Heartbeat(v1::TaskHeartbeat heartbeat) = 0;
  // Whether an answer for this delivery was given already, so that a second delivery is ignored.
  virtual bool Answered(const v1::WorkToken& token) = 0;
};

struct TaskPoolStats {
  std::int64_t in_hand = 0;
  std::int64_t threads = 0;
  // Totals since the start.
  std::int64_t delivered = 0;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  std::int64_t cancelled = 0;
  std::int64_t duplicates = 0;
};

class TaskPool {
 public:
  TaskPool(const Registry& registry, TaskPoolOptions options, TaskSink* sink);
  // Tells running tasks to stop and waits for them; nothing is answered after it began.
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  // From ServerFrame.tasks and task_cancels. A delivery whose token is in hand is ignored. Those of one frame
  // together cost less than one by one.
  void Deliver(const v1::ServerFrame& frame);
  void Deliver(v1::TaskDelivery delivery);
  void Cancel(const v1::WorkToken& token, const std::string& reason);
  // Welcome.stale_tokens: tells the task to stop; it is not answered for.
  void Drop(const v1::WorkToken& token);
  // From Welcome; 0: no limit.
  void SetLimits(std::int64_t payload_bytes_max);

  // Tells all tasks to stop. What they answer is a retryable failure that says that the worker stopped.
  void StopAll();

  // Delivered and not answered, for Hello.tasks_in_hand.
  std::vector<v1::TaskInHand> InHand() const;
  // What runs, for people: "process_payment of order-42 for 1200 ms".
  std::vector<std::string> Names() const;
  // Waits until nothing is in hand or `timeout` has passed; whether that is so.
  bool WaitIdle(std::chrono::milliseconds timeout) const;

  TaskPoolStats Stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure::tasks

#endif  // PERDURE_WORKER_SDK_SRC_TASKS_TASK_POOL_H_
