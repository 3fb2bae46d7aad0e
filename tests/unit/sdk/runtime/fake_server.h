// FakeServer: the other side of an Executor, small enough to read: keeps one run's history, hands out
// activations, runs tasks and timers when the test says so.
//
// With Cache::kDropAlways the coroutine is dropped before every activation, so that each of them replays the
// whole history and compares its commands: a scenario that passes both ways is deterministic at every point.
#ifndef PERDURE_TESTS_UNIT_SDK_RUNTIME_FAKE_SERVER_H_
#define PERDURE_TESTS_UNIT_SDK_RUNTIME_FAKE_SERVER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "perdure/errors.h"
#include "perdure/payload.h"
#include "perdure/registry.h"
#include "perdure/v1/worker_service.pb.h"
#include "worker-sdk/src/runtime/convert.h"
#include "worker-sdk/src/runtime/executor.h"

namespace perdure::testing {

enum class Cache { kKeep, kDropAlways };

// Options with which a test is quick and says what goes on.
runtime::ExecutorOptions TestOptions();

class FakeServer final : public runtime::ExecutorSink {
 public:
  explicit FakeServer(const Registry& registry, Cache cache = Cache::kKeep,
                      runtime::ExecutorOptions options = TestOptions());
  ~FakeServer() override;

  // --- The outside world. Each appends a stimulus; Settle() delivers it.

  template <class R, class... Args>
  void Start(const Workflow<R(Args...)>& workflow, std::type_identity_t<Args>... args) {
    StartType(std::string(workflow.Name()), detail::EncodeArgs(args...));
  }
  void StartType(const std::string& type, Payload input);
  template <class T>
  void Send(const Signal<T>& signal, const std::type_identity_t<T>& value) {
    SendPayload(std::string(signal.Name()), ToPayload(value));
  }
  void SendPayload(const std::string& name, Payload payload);
  void Cancel(const std::string& reason);

  // The oldest open task of this type ends.
  template <class R, class... Args>
  void Complete(const Task<R(Args...)>& task, const std::type_identity_t<R>& value) {
    CompletePayload(std::string(task.Name()), ToPayload(value));
  }
  void CompletePayload(const std::string& type, Payload result);
  void Fail(const std::string& type, const Failure& failure);
  void EndCancelled(const std::string& type);
  // The clock goes on; timers that become due fire.
  void Advance(std::chrono::milliseconds by);

  // Functions for tasks, used by RunToEnd.
  template <class R, class... Args, class F>
  void Host(const Task<R(Args...)>& task, F function) {
    hosted_[std::string(task.Name())] = detail::EraseTask(task, std::move(function));
  }

  // --- Driving.

  // Delivers what has happened until the run waits for something else, steps included.
  void Settle();
  // Settles, runs open tasks in order and fires timers in order until the run closes, or nothing is left to
  // do.
  void RunToEnd();
  // Sends the next activation without waiting for its answer.
  void SendActivation();
  // Waits until `count` answers to activations have come since the start, and takes them in.
  void AwaitAnswers(std::size_t count);
  // Takes the next answer in, whatever it is.
  void TakeAnswer();

  // --- What can be asked.

  bool closed() const { return !status_.empty(); }
  // "completed", "failed", "cancelled", or empty.
  const std::string& status() const { return status_; }
  template <class R, class... Args>
  R ResultOf(const Workflow<R(Args...)>&) const {
    return FromPayload<R>(result_);
  }
  const Failure& failure() const { return failure_; }
  // Of activations that were answered with a failure.
  const std::vector<Failure>& activation_failures() const { return activation_failures_; }
  // "task pay (seq 1)": every command so far, in order.
  std::vector<std::string> CommandLog() const;
  std::size_t open_tasks() const { return tasks_.size(); }
  std::size_t open_timers() const { return timers_.size(); }
  std::int64_t now_ms() const { return now_ms_; }
  std::vector<v1::Event>& history() { return history_; }
  runtime::Executor& executor() { return *executor_; }
  v1::WorkToken token() const;
  int history_requests() const;
  int evicted() const;
  // History requests are left unanswered while false.
  void set_answer_history(bool value) { answer_history_ = value; }
  void AnswerHistory(const v1::HistoryRequest& request, std::size_t chunk_size);
  // The server forgets an activation that is out, as after a restart; the next one has a new token.
  void ForgetActivation();
  // As if this worker were another: the code behind the registry may differ.
  void ReplaceExecutor(const Registry& registry);

  // runtime::ExecutorSink
  void Answer(v1::ActivationAnswer answer) override;
  void Answer(v1::StepAnswer answer) override;
  void RequestHistory(v1::HistoryRequest request) override;
  void Evicted(v1::WorkToken token) override;

 private:
  struct OpenTask {
    std::string type;
    Payload input;
    bool cancel_asked = false;
  };

  v1::Event& Append();
  std::int64_t OldestTask(const std::string& type) const;
  bool HasNews() const;
  void Apply(const v1::ActivationAnswer& answer);
  void Apply(const v1::Command& command);
  void ApplyStep(const v1::StepCompleted& step);
  bool RunOneTask();
  bool FireNextTimer();

  const Cache cache_;
  const runtime::ExecutorOptions options_;
  std::map<std::string, detail::TaskFunction> hosted_;

  // Used by the test's thread; guarded by mutex_ where the sink reads it too.
  std::vector<v1::Event> history_;
  std::string type_;
  std::int64_t now_ms_ = 1'000'000;
  std::int64_t consumed_through_ = 0;
  std::uint64_t last_activation_ = 0;
  std::uint64_t next_activation_ = 1;
  std::uint64_t delivery_ = 1;
  bool activation_out_ = false;
  std::int64_t out_time_ms_ = 0;
  std::map<std::int64_t, OpenTask> tasks_;
  std::map<std::int64_t, std::int64_t> timers_;
  std::map<std::int64_t, std::string> steps_;
  std::string status_;
  Payload result_;
  Failure failure_;
  std::vector<Failure> activation_failures_;
  std::size_t answers_taken_ = 0;
  bool answer_history_ = true;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::ActivationAnswer> answers_;
  std::deque<v1::StepAnswer> step_answers_;
  int history_requests_ = 0;
  int evicted_ = 0;

  std::unique_ptr<runtime::Executor> executor_;
};

}  // namespace perdure::testing

#endif  // PERDURE_TESTS_UNIT_SDK_RUNTIME_FAKE_SERVER_H_
