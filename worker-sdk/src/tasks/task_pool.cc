#include "worker-sdk/src/tasks/task_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include "worker-sdk/src/runtime/ticker.h"
#include "worker-sdk/src/session/token.h"
#include "worker-sdk/src/tasks/answer.h"
#include "worker-sdk/src/tasks/heartbeat_timer.h"
#include "worker-sdk/src/tasks/running_task.h"

namespace perdure::tasks {

using session::KeyOf;
using session::TokenHash;
using session::TokenKey;
using TaskPtr = std::shared_ptr<RunningTask>;

class TaskPool::Impl {
 public:
  Impl(const Registry& registry, TaskPoolOptions options, TaskSink* sink)
      : registry_(registry),
        options_(std::move(options)),
        sink_(sink),
        processors_(std::max(1U, std::thread::hardware_concurrency())),
        ticker_(runtime::kQueueWaitMax, [this] { return StaffIfStalled(); }) {}
  ~Impl();

  void Deliver(std::vector<v1::TaskDelivery> deliveries);
  void Stop(const v1::WorkToken& token, StopCause cause, const std::string& reason);
  void StopAll();
  void SetLimits(std::int64_t bytes) { payload_bytes_max_ = bytes; }
  std::vector<v1::TaskInHand> InHand() const;
  std::vector<std::string> Names() const;
  bool WaitIdle(std::chrono::milliseconds timeout) const;
  TaskPoolStats Stats() const;

 private:
  using Clock = std::chrono::steady_clock;

  TaskPtr NewTask(v1::TaskDelivery delivery);
  enum class Taken { kYes, kIgnored, kOverloaded };
  Taken TakeLocked(const TaskPtr& task, bool answered);
  // Sees to it that the queue is worked off by as many as `wanted` threads; false: there is no thread at all.
  bool StaffLocked(std::size_t wanted);
  std::size_t RunningLocked() const { return threads_.size() - static_cast<std::size_t>(threads_idle_); }
  void Work();
  bool StaffIfStalled();
  void Execute(RunningTask& task);
  void Finish(RunningTask& task, v1::TaskAnswer answer);

  const Registry& registry_;
  const TaskPoolOptions options_;
  TaskSink* const sink_;
  const std::size_t processors_;
  std::atomic<std::int64_t> payload_bytes_max_{0};
  HeartbeatTimer timer_;

  mutable std::mutex mu_;
  std::condition_variable work_;
  mutable std::condition_variable idle_;
  // All below: guarded by mu_.
  std::unordered_map<TokenKey, TaskPtr, TokenHash> in_hand_;
  // With the time since when it waits.
  std::deque<std::pair<TaskPtr, Clock::time_point>> queue_;
  std::vector<std::thread> threads_;
  // Of the threads: those that wait for work, those of them that were told of some, and those that are about
  // to begin.
  int threads_idle_ = 0;
  int threads_woken_ = 0;
  int threads_starting_ = 0;
  // Of the woken: those that work_ has not been told for yet. Whoever holds the lock does so after it.
  int to_notify_ = 0;
  bool closing_ = false;
  TaskPoolStats stats_;
  runtime::Ticker ticker_;
};

TaskPool::Impl::~Impl() {
  {
    std::lock_guard lock(mu_);
    closing_ = true;
  }
  StopAll();
  work_.notify_all();
  ticker_.Stop();
  for (std::thread& thread : threads_) thread.join();
}

TaskPtr TaskPool::Impl::NewTask(v1::TaskDelivery delivery) {
  auto self = std::make_shared<std::weak_ptr<RunningTask>>();
  auto task = std::make_shared<RunningTask>(
      std::move(delivery), options_.converter, options_.log,
      static_cast<std::size_t>(std::max<std::int64_t>(payload_bytes_max_.load(), 0)),
      [this](v1::TaskHeartbeat heartbeat) { sink_->Heartbeat(std::move(heartbeat)); },
      [this, self](RunningTask::Clock::time_point due) { timer_.At(due, *self); });
  *self = task;
  return task;
}

void TaskPool::Impl::Deliver(std::vector<v1::TaskDelivery> deliveries) {
  struct New {
    TaskPtr task;
    bool answered = false;
    Taken taken = Taken::kIgnored;
  };
  std::vector<New> all;
  all.reserve(deliveries.size());
  for (v1::TaskDelivery& delivery : deliveries) {
    const bool answered = sink_->Answered(delivery.token());
    all.push_back({NewTask(std::move(delivery)), answered});
  }
  int to_notify = 0;
  {
    std::lock_guard lock(mu_);
    if (closing_) return;
    for (New& one : all) one.taken = TakeLocked(one.task, one.answered);
    if (!queue_.empty() && !StaffLocked(processors_)) {
      // There is no thread at all, so that whatever is in the queue came just now.
      queue_.clear();
      for (New& one : all) {
        if (one.taken != Taken::kYes) continue;
        in_hand_.erase(KeyOf(one.task->token()));
        one.taken = Taken::kOverloaded;
      }
    }
    to_notify = std::exchange(to_notify_, 0);
  }
  // Not under the lock, which the woken want at once.
  for (; to_notify > 0; --to_notify) work_.notify_one();
  for (const New& one : all) {
    if (one.taken == Taken::kOverloaded) sink_->Answer(Overloaded(one.task->delivery(), options_.tasks_max));
  }
}

TaskPool::Impl::Taken TaskPool::Impl::TakeLocked(const TaskPtr& task, bool answered) {
  if (answered || in_hand_.contains(KeyOf(task->token()))) {
    ++stats_.duplicates;
    return Taken::kIgnored;
  }
  ++stats_.delivered;
  // Some slack: the server may count a credit as returned before the pool does.
  if (in_hand_.size() >= static_cast<std::size_t>(options_.tasks_max) * 2) return Taken::kOverloaded;
  in_hand_.emplace(KeyOf(task->token()), task);
  queue_.emplace_back(task, Clock::now());
  return Taken::kYes;
}

bool TaskPool::Impl::StaffLocked(std::size_t wanted) {
  wanted = std::min(wanted, static_cast<std::size_t>(options_.tasks_max));
  // Those that are on their way take one task each.
  const auto coming = static_cast<std::size_t>(threads_woken_ + threads_starting_);
  for (std::size_t n = coming; n < queue_.size() && RunningLocked() < wanted; ++n) {
    if (threads_idle_ > 0) {
      --threads_idle_;
      ++threads_woken_;
      ++to_notify_;
      continue;
    }
    try {
      threads_.emplace_back([this] { Work(); });
      ++threads_starting_;
    } catch (const std::system_error&) {
      // The system has no more threads; those that there are take the work one after the other.
      break;
    }
  }
  if (!queue_.empty()) ticker_.Arm();
  return !threads_.empty();
}

void TaskPool::Impl::Work() {
  std::unique_lock lock(mu_);
  --threads_starting_;
  bool unflushed = false;
  while (!closing_) {
    if (!queue_.empty()) {
      TaskPtr task = std::move(queue_.front().first);
      queue_.pop_front();
      lock.unlock();
      Execute(*task);
      task.reset();
      lock.lock();
      unflushed = true;
      continue;
    }
    if (std::exchange(unflushed, false)) {
      lock.unlock();
      sink_->Flush();
      lock.lock();
      continue;
    }
    ++threads_idle_;
    work_.wait(lock, [this] { return closing_ || threads_woken_ > 0; });
    --threads_woken_;
  }
}

// The ticker's look.
bool TaskPool::Impl::StaffIfStalled() {
  int to_notify = 0;
  {
    const std::lock_guard lock(mu_);
    if (closing_ || queue_.empty()) return false;
    if (Clock::now() - queue_.front().second >= runtime::kQueueWaitMax) {
      StaffLocked(RunningLocked() + queue_.size());
    }
    to_notify = std::exchange(to_notify_, 0);
  }
  for (; to_notify > 0; --to_notify) work_.notify_one();
  return true;
}

void TaskPool::Impl::Execute(RunningTask& task) {
  if (auto answer = AnswerIfStopped(task)) {
    Finish(task, *std::move(answer));
    return;
  }
  Finish(task, RunTask(registry_, task, options_.converter.get(), payload_bytes_max_));
}

void TaskPool::Impl::Finish(RunningTask& task, v1::TaskAnswer answer) {
  task.EndHeartbeats(answer.has_failure());
  const auto outcome = answer.outcome_case();
  bool silent = task.Stopped() == StopCause::kStale;
  {
    std::lock_guard lock(mu_);
    silent = silent || closing_;
  }
  // Answered before it is out of hand: a hello in between lists the task either way.
  if (!silent) sink_->Answer(std::move(answer));
  std::lock_guard lock(mu_);
  in_hand_.erase(KeyOf(task.token()));
  stats_.completed += outcome == v1::TaskAnswer::kResult;
  stats_.failed += outcome == v1::TaskAnswer::kFailure;
  stats_.cancelled += outcome == v1::TaskAnswer::kCancelled;
  if (in_hand_.empty()) idle_.notify_all();
}

void TaskPool::Impl::Stop(const v1::WorkToken& token, StopCause cause, const std::string& reason) {
  TaskPtr task;
  {
    std::lock_guard lock(mu_);
    const auto it = in_hand_.find(KeyOf(token));
    if (it == in_hand_.end()) return;
    task = it->second;
  }
  task->Stop(cause, reason);
}

void TaskPool::Impl::StopAll() {
  std::vector<TaskPtr> tasks;
  {
    std::lock_guard lock(mu_);
    for (const auto& [key, task] : in_hand_) tasks.push_back(task);
  }
  for (const TaskPtr& task : tasks) task->Stop(StopCause::kWorkerStopping, "the worker is stopping");
}

std::vector<v1::TaskInHand> TaskPool::Impl::InHand() const {
  std::vector<v1::TaskInHand> list;
  std::lock_guard lock(mu_);
  for (const auto& [key, task] : in_hand_) {
    if (task->Stopped() == StopCause::kStale) continue;
    v1::TaskInHand& item = list.emplace_back();
    *item.mutable_token() = task->token();
    item.set_running_ms(task->Running().count());
  }
  return list;
}

std::vector<std::string> TaskPool::Impl::Names() const {
  std::vector<std::string> names;
  std::lock_guard lock(mu_);
  for (const auto& [key, task] : in_hand_) {
    names.push_back(task->delivery().task_type() + " of " + task->delivery().workflow_id() + " for " +
                    std::to_string(task->Running().count()) + " ms");
  }
  return names;
}

bool TaskPool::Impl::WaitIdle(std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mu_);
  return idle_.wait_for(lock, timeout, [this] { return in_hand_.empty(); });
}

TaskPoolStats TaskPool::Impl::Stats() const {
  std::lock_guard lock(mu_);
  TaskPoolStats stats = stats_;
  stats.in_hand = static_cast<std::int64_t>(in_hand_.size());
  stats.threads = static_cast<std::int64_t>(threads_.size());
  return stats;
}

TaskPool::TaskPool(const Registry& registry, TaskPoolOptions options, TaskSink* sink)
    : impl_(std::make_unique<Impl>(registry, std::move(options), sink)) {}
TaskPool::~TaskPool() = default;

void TaskPool::Deliver(v1::TaskDelivery delivery) {
  std::vector<v1::TaskDelivery> one;
  one.push_back(std::move(delivery));
  impl_->Deliver(std::move(one));
}
void TaskPool::Deliver(const v1::ServerFrame& frame) {
  // Copied: a task may run for hours, and must not keep a whole frame in memory.
  if (!frame.tasks().empty()) impl_->Deliver({frame.tasks().begin(), frame.tasks().end()});
}
void TaskPool::Cancel(const v1::WorkToken& token, const std::string& reason) {
  impl_->Stop(token, StopCause::kRequested, reason);
}
void TaskPool::Drop(const v1::WorkToken& token) {
  impl_->Stop(token, StopCause::kStale, "the server has no use for this attempt any more");
}
void TaskPool::SetLimits(std::int64_t payload_bytes_max) { impl_->SetLimits(payload_bytes_max); }
void TaskPool::StopAll() { impl_->StopAll(); }
std::vector<v1::TaskInHand> TaskPool::InHand() const { return impl_->InHand(); }
std::vector<std::string> TaskPool::Names() const { return impl_->Names(); }
bool TaskPool::WaitIdle(std::chrono::milliseconds timeout) const { return impl_->WaitIdle(timeout); }
TaskPoolStats TaskPool::Stats() const { return impl_->Stats(); }

}  // namespace perdure::tasks
