// The mini history keeper of the runtime's tests.
#include "tests/unit/sdk/runtime/fake_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "worker-sdk/src/runtime/command_diff.h"

namespace perdure::testing {
namespace {

// An answer that takes longer is a hang.
constexpr std::chrono::seconds kPatience(60);

class TestTaskContext final : public detail::TaskContextImpl {
 public:
  const TaskInfo& Info() const override { return info_; }
  const Logger& Log() const override { return log_; }
  void Heartbeat(std::optional<Payload>) override {}
  const std::optional<Payload>& LastHeartbeat() const override { return last_; }
  bool Cancelled() const override { return false; }
  std::string CancelReason() const override { return ""; }
  bool WaitCancelled(std::chrono::milliseconds) override { return false; }

 private:
  TaskInfo info_;
  Logger log_{nullptr, {}};
  std::optional<Payload> last_;
};

}  // namespace

runtime::ExecutorOptions TestOptions() {
  runtime::ExecutorOptions options;
  options.threads = 2;
  options.log = std::make_shared<const LogSink>(StderrLogSink(LogLevel::kError));
  return options;
}

FakeServer::FakeServer(const Registry& registry, Cache cache, runtime::ExecutorOptions options)
    : cache_(cache), options_(std::move(options)) {
  executor_ = std::make_unique<runtime::Executor>(registry, options_, this);
}

FakeServer::~FakeServer() { executor_.reset(); }

void FakeServer::ReplaceExecutor(const Registry& registry) {
  executor_.reset();
  executor_ = std::make_unique<runtime::Executor>(registry, options_, this);
}

v1::Event& FakeServer::Append() {
  v1::Event& event = history_.emplace_back();
  event.set_event_id(static_cast<std::int64_t>(history_.size()));
  event.set_time_unix_ms(now_ms_);
  return event;
}

void FakeServer::StartType(const std::string& type, Payload input) {
  const std::lock_guard lock(mutex_);
  type_ = type;
  v1::RunStarted& started = *Append().mutable_run_started();
  started.set_namespace_("default");
  started.set_workflow_id("wf-1");
  started.set_run_id("run-1");
  started.set_first_run_id("run-1");
  started.set_workflow_type(type);
  started.set_task_queue("queue");
  started.set_attempt(1);
  started.set_random_seed(4711);
  *started.mutable_input() = runtime::ToProto(runtime::Encode(options_.converter.get(), std::move(input)));
}

void FakeServer::SendPayload(const std::string& name, Payload payload) {
  const std::lock_guard lock(mutex_);
  v1::SignalReceived& signal = *Append().mutable_signal_received();
  signal.set_name(name);
  *signal.mutable_input() = runtime::ToProto(runtime::Encode(options_.converter.get(), std::move(payload)));
}

void FakeServer::Cancel(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  Append().mutable_cancel_requested()->set_reason(reason);
}

std::int64_t FakeServer::OldestTask(const std::string& type) const {
  for (const auto& [seq, task] : tasks_) {
    if (task.type == type) return seq;
  }
  ADD_FAILURE() << "no open task of type " << type;
  return 0;
}

void FakeServer::CompletePayload(const std::string& type, Payload result) {
  const std::lock_guard lock(mutex_);
  const std::int64_t seq = OldestTask(type);
  tasks_.erase(seq);
  v1::TaskCompleted& done = *Append().mutable_task_completed();
  done.set_seq(seq);
  done.set_attempt(1);
  *done.mutable_result() = runtime::ToProto(runtime::Encode(options_.converter.get(), std::move(result)));
}

void FakeServer::Fail(const std::string& type, const Failure& failure) {
  const std::lock_guard lock(mutex_);
  const std::int64_t seq = OldestTask(type);
  tasks_.erase(seq);
  v1::TaskFailed& failed = *Append().mutable_task_failed();
  failed.set_seq(seq);
  failed.set_attempt(2);
  *failed.mutable_failure() = runtime::ToProto(failure, options_.converter.get());
}

void FakeServer::EndCancelled(const std::string& type) {
  const std::lock_guard lock(mutex_);
  const std::int64_t seq = OldestTask(type);
  tasks_.erase(seq);
  Append().mutable_task_cancelled()->set_seq(seq);
}

void FakeServer::Advance(std::chrono::milliseconds by) {
  const std::lock_guard lock(mutex_);
  now_ms_ += by.count();
  std::vector<std::pair<std::int64_t, std::int64_t>> due;
  for (const auto& [seq, at] : timers_) {
    if (at <= now_ms_) due.emplace_back(at, seq);
  }
  std::sort(due.begin(), due.end());
  for (const auto& [at, seq] : due) {
    timers_.erase(seq);
    Append().mutable_timer_fired()->set_seq(seq);
  }
}

bool FakeServer::HasNews() const {
  return std::any_of(history_.begin() + consumed_through_, history_.end(),
                     [](const v1::Event& event) { return !event.has_advanced(); });
}

v1::WorkToken FakeServer::token() const {
  v1::WorkToken token;
  token.set_partition(3);
  token.set_run(77);
  token.set_attempt(1);
  token.set_delivery(delivery_);
  return token;
}

void FakeServer::SendActivation() {
  v1::Activation activation;
  {
    const std::lock_guard lock(mutex_);
    ++delivery_;
    *activation.mutable_token() = token();
    activation.set_workflow_id("wf-1");
    activation.set_run_id("run-1");
    activation.set_workflow_type(type_);
    activation.set_time_unix_ms(now_ms_);
    activation.set_activation_id(next_activation_++);
    activation.set_previous_activation_id(last_activation_);
    activation.set_attempt(1);
    for (const auto& [seq, name] : steps_) activation.add_pending_steps(seq);
    for (const v1::Event& event : history_) {
      if (event.has_advanced()) activation.set_history_through(event.event_id());
      if (!event.has_advanced() && event.event_id() > consumed_through_) *activation.add_events() = event;
    }
    activation.set_deliver_through(static_cast<std::int64_t>(history_.size()));
    activation_out_ = true;
    out_time_ms_ = now_ms_;
  }
  if (cache_ == Cache::kDropAlways) executor_->Evict(activation.token());
  executor_->Activate(std::move(activation));
}

void FakeServer::ForgetActivation() {
  const std::lock_guard lock(mutex_);
  activation_out_ = false;
}

void FakeServer::Answer(v1::ActivationAnswer answer) {
  const std::lock_guard lock(mutex_);
  answers_.push_back(std::move(answer));
  changed_.notify_all();
}

void FakeServer::Answer(v1::StepAnswer answer) {
  const std::lock_guard lock(mutex_);
  step_answers_.push_back(std::move(answer));
  changed_.notify_all();
}

void FakeServer::Evicted(v1::WorkToken) {
  const std::lock_guard lock(mutex_);
  ++evicted_;
  changed_.notify_all();
}

int FakeServer::history_requests() const {
  const std::lock_guard lock(mutex_);
  return history_requests_;
}

int FakeServer::evicted() const {
  const std::lock_guard lock(mutex_);
  return evicted_;
}

void FakeServer::RequestHistory(v1::HistoryRequest request) {
  {
    const std::lock_guard lock(mutex_);
    ++history_requests_;
    changed_.notify_all();
    if (!answer_history_) return;
  }
  AnswerHistory(request, 3);
}

void FakeServer::AnswerHistory(const v1::HistoryRequest& request, std::size_t chunk_size) {
  std::vector<v1::HistoryChunk> chunks;
  {
    const std::lock_guard lock(mutex_);
    std::size_t through = 0;
    for (const v1::Event& event : history_) {
      if (event.has_advanced()) through = static_cast<std::size_t>(event.event_id());
    }
    for (std::size_t at = 0; at < through; at += chunk_size) {
      v1::HistoryChunk& chunk = chunks.emplace_back();
      *chunk.mutable_token() = request.token();
      for (std::size_t i = at; i < std::min(through, at + chunk_size); ++i) *chunk.add_events() = history_[i];
      chunk.set_last(at + chunk_size >= through);
    }
  }
  for (v1::HistoryChunk& chunk : chunks) executor_->History(std::move(chunk));
}

void FakeServer::TakeAnswer() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kPatience, [this] { return !answers_.empty() || !step_answers_.empty(); })) {
    ADD_FAILURE() << "the executor did not answer";
    activation_out_ = false;
    steps_.clear();
    return;
  }
  // What was sent first; an advance goes before the late results of its steps.
  if (!answers_.empty()) {
    const v1::ActivationAnswer answer = std::move(answers_.front());
    answers_.pop_front();
    ++answers_taken_;
    Apply(answer);
    return;
  }
  const v1::StepAnswer answer = std::move(step_answers_.front());
  step_answers_.pop_front();
  ApplyStep(answer.step());
}

void FakeServer::AwaitAnswers(std::size_t count) {
  while (answers_taken_ < count && activation_out_) TakeAnswer();
}

void FakeServer::Apply(const v1::ActivationAnswer& answer) {
  if (answer.token().delivery() != delivery_ || !activation_out_) return;
  activation_out_ = false;
  if (answer.has_failure()) {
    activation_failures_.push_back(runtime::FromProto(answer.failure(), options_.converter.get()));
    return;
  }
  last_activation_ = next_activation_ - 1;
  consumed_through_ = answer.advance().consumed_through();
  v1::Advanced& advanced = *Append().mutable_advanced();
  advanced.set_consumed_through(consumed_through_);
  advanced.set_activation_time_unix_ms(out_time_ms_);
  advanced.set_activation_id(last_activation_);
  *advanced.mutable_commands() = answer.advance().commands();
  for (const v1::Command& command : answer.advance().commands()) Apply(command);
  for (const v1::StepCompleted& step : answer.advance().steps()) ApplyStep(step);
}

void FakeServer::Apply(const v1::Command& command) {
  const PayloadConverter* converter = options_.converter.get();
  switch (command.body_case()) {
    case v1::Command::kScheduleTask: {
      const v1::ScheduleTask& task = command.schedule_task();
      tasks_[task.seq()] = {task.task_type(), runtime::Decode(converter, runtime::FromProto(task.input()))};
      break;
    }
    case v1::Command::kCancelTask: {
      const auto task = tasks_.find(command.cancel_task().seq());
      if (task == tasks_.end()) break;
      if (command.cancel_task().mode() == v1::CancelTask::MODE_WAIT) {
        task->second.cancel_asked = true;
      } else {
        tasks_.erase(task);
      }
      break;
    }
    case v1::Command::kStartTimer:
      timers_[command.start_timer().seq()] = out_time_ms_ + command.start_timer().delay_ms();
      break;
    case v1::Command::kCancelTimer:
      timers_.erase(command.cancel_timer().seq());
      break;
    case v1::Command::kRunStep:
      steps_[command.run_step().seq()] = command.run_step().name();
      break;
    case v1::Command::kCompleteRun:
      status_ = "completed";
      result_ = runtime::Decode(converter, runtime::FromProto(command.complete_run().result()));
      break;
    case v1::Command::kFailRun:
      status_ = "failed";
      failure_ = runtime::FromProto(command.fail_run().failure(), converter);
      break;
    case v1::Command::kCancelRun:
      status_ = "cancelled";
      break;
    case v1::Command::BODY_NOT_SET:
      ADD_FAILURE() << "an empty command";
  }
}

void FakeServer::ApplyStep(const v1::StepCompleted& step) {
  if (steps_.erase(step.seq()) == 0) return;
  *Append().mutable_step_completed() = step;
}

void FakeServer::Settle() {
  while (!closed()) {
    if (activation_out_) {
      TakeAnswer();
      // A failed activation would be tried again for ever.
      if (!activation_failures_.empty() && !activation_out_) return;
    } else if (HasNews()) {
      SendActivation();
    } else if (!steps_.empty()) {
      TakeAnswer();
    } else {
      return;
    }
  }
}

bool FakeServer::RunOneTask() {
  for (const auto& [seq, task] : tasks_) {
    const auto function = hosted_.find(task.type);
    if (function == hosted_.end()) continue;
    TestTaskContext impl;
    TaskContext context(impl);
    const std::string type = task.type;
    try {
      CompletePayload(type, function->second(context, task.input));
    } catch (...) {
      Fail(type, CurrentFailure());
    }
    return true;
  }
  return false;
}

bool FakeServer::FireNextTimer() {
  if (timers_.empty()) return false;
  std::int64_t next = timers_.begin()->second;
  for (const auto& [seq, at] : timers_) next = std::min(next, at);
  Advance(std::chrono::milliseconds(std::max<std::int64_t>(0, next - now_ms_)));
  return true;
}

void FakeServer::RunToEnd() {
  Settle();
  while (!closed() && activation_failures_.empty() && (RunOneTask() || FireNextTimer())) Settle();
}

std::vector<std::string> FakeServer::CommandLog() const {
  std::vector<std::string> log;
  for (const v1::Event& event : history_) {
    for (const v1::Command& command : event.advanced().commands())
      log.push_back(runtime::DescribeCommand(command));
  }
  return log;
}

}  // namespace perdure::testing
