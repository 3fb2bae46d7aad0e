// The small language in which tests say what workflow code asks for:
//
//   harness.AnswerActivation({Schedule("charge").StartToClose(1000).Retry(Policy().MaxAttempts(3)),
//   Timer(50)});
//
// A command that takes a seq gets the next one when it is sent, unless the test sets it.
#ifndef PERDURE_TESTS_UNIT_ENGINE_COMMANDS_H_
#define PERDURE_TESTS_UNIT_ENGINE_COMMANDS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "perdure/v1/history.pb.h"

namespace perdure::engine::testing {

inline v1::Payload Json(std::string text) {
  v1::Payload payload;
  payload.set_encoding("json");
  payload.set_data(std::move(text));
  return payload;
}

// What user code threw.
inline v1::Failure Error(std::string type, std::string message = "it broke") {
  v1::Failure failure;
  failure.set_kind(v1::Failure::KIND_APPLICATION);
  failure.set_type(std::move(type));
  failure.set_message(std::move(message));
  return failure;
}

// Without jitter, unless the test asks for it.
class Policy {
 public:
  Policy() { policy_.set_jitter(-1); }
  Policy& Initial(int64_t ms) { return policy_.set_initial_interval_ms(ms), *this; }
  Policy& Coefficient(double factor) { return policy_.set_backoff_coefficient(factor), *this; }
  Policy& MaxInterval(int64_t ms) { return policy_.set_max_interval_ms(ms), *this; }
  Policy& MaxAttempts(int32_t attempts) { return policy_.set_max_attempts(attempts), *this; }
  Policy& Jitter(double jitter) { return policy_.set_jitter(jitter), *this; }
  Policy& NotRetrying(std::string type) { return policy_.add_non_retryable_types(std::move(type)), *this; }
  operator v1::RetryPolicy() const { return policy_; }

 private:
  v1::RetryPolicy policy_;
};

class Schedule {
 public:
  explicit Schedule(std::string task_type) {
    task().set_task_type(std::move(task_type));
    task().mutable_retry_policy()->set_jitter(-1);
  }
  Schedule& Seq(int64_t seq) { return task().set_seq(seq), *this; }
  Schedule& Queue(std::string queue) { return task().set_task_queue(std::move(queue)), *this; }
  Schedule& Input(std::string json) { return *task().mutable_input() = Json(std::move(json)), *this; }
  Schedule& ScheduleToStart(int64_t ms) { return timeouts().set_schedule_to_start_ms(ms), *this; }
  Schedule& StartToClose(int64_t ms) { return timeouts().set_start_to_close_ms(ms), *this; }
  Schedule& ScheduleToClose(int64_t ms) { return timeouts().set_schedule_to_close_ms(ms), *this; }
  Schedule& HeartbeatEvery(int64_t ms) { return timeouts().set_heartbeat_ms(ms), *this; }
  Schedule& Retry(const v1::RetryPolicy& policy) { return *task().mutable_retry_policy() = policy, *this; }
  operator v1::Command() const { return command_; }

 private:
  v1::ScheduleTask& task() { return *command_.mutable_schedule_task(); }
  v1::TaskTimeouts& timeouts() { return *task().mutable_timeouts(); }
  v1::Command command_;
};

inline v1::Command CancelTask(int64_t seq, v1::CancelTask::Mode mode = v1::CancelTask::MODE_TRY) {
  v1::Command command;
  command.mutable_cancel_task()->set_seq(seq);
  command.mutable_cancel_task()->set_mode(mode);
  return command;
}

inline v1::Command CancelTaskAndWait(int64_t seq) { return CancelTask(seq, v1::CancelTask::MODE_WAIT); }

inline v1::Command Timer(int64_t delay_ms, std::string name = "") {
  v1::Command command;
  command.mutable_start_timer()->set_delay_ms(delay_ms);
  command.mutable_start_timer()->set_name(std::move(name));
  return command;
}

inline v1::Command CancelTimer(int64_t seq) {
  v1::Command command;
  command.mutable_cancel_timer()->set_seq(seq);
  return command;
}

inline v1::Command Step(std::string name) {
  v1::Command command;
  command.mutable_run_step()->set_name(std::move(name));
  return command;
}

inline v1::Command Complete(std::string json = "\"done\"") {
  v1::Command command;
  *command.mutable_complete_run()->mutable_result() = Json(std::move(json));
  return command;
}

inline v1::Command FailWith(v1::Failure failure) {
  v1::Command command;
  *command.mutable_fail_run()->mutable_failure() = std::move(failure);
  return command;
}

inline v1::Command CancelledRun(std::string json = "null") {
  v1::Command command;
  *command.mutable_cancel_run()->mutable_details() = Json(std::move(json));
  return command;
}

inline v1::StepCompleted StepResult(int64_t seq, std::string json) {
  v1::StepCompleted step;
  step.set_seq(seq);
  *step.mutable_result() = Json(std::move(json));
  step.set_attempt(1);
  return step;
}

// Sets the seqs that are not set, counting on from `last_seq`.
void NumberCommands(std::vector<v1::Command>& commands, int64_t last_seq);

}  // namespace perdure::engine::testing

#endif  // PERDURE_TESTS_UNIT_ENGINE_COMMANDS_H_
