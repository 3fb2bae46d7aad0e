// What the workers do. Dispatch is in sim_dispatch.cc.
#include "tests/unit/partition/sim_workers.h"

#include <utility>

#include "tests/unit/partition/disk.h"

namespace perdure::partition::testing {
namespace {

using engine::testing::Error;
using engine::testing::Json;

// Workflow code ends at the latest when its history is this long.
constexpr int64_t kEventsMax = 24;

}  // namespace

template <typename Input>
void SimWorkers::Report(const v1::WorkToken& token, Input input) {
  server_->Put(ForRun<Input>{token.run(), std::move(input)}, token.partition());
}

void SimWorkers::Send(v1::ActivationAnswer answer) {
  const v1::WorkToken token = answer.token();
  const uint64_t id = answer.answer_id();
  server_->Put(
      ForRun<engine::ActivationAnswerInput>{
          token.run(), {std::move(answer), session(), nullptr, nullptr}, session(), id},
      token.partition());
}

void SimWorkers::Send(const v1::TaskAnswer& answer) {
  server_->Put(
      ForRun<engine::TaskAnswerInput>{answer.token().run(), {answer, nullptr}, session(), answer.answer_id()},
      answer.token().partition());
}

void SimWorkers::Step() {
  Collect();
  const int64_t what = rng_->Below(100);
  if (what < 25) return TakeOne();
  if (what < 55) {
    if (activations_.empty()) return TakeOne();
    const auto at = activations_.begin() + rng_->Below(static_cast<int64_t>(activations_.size()));
    const v1::Activation activation = std::move(*at);
    activations_.erase(at);
    return AnswerActivation(activation);
  }
  if (what < 75) return AnswerOneTask();
  if (what < 80) return AnswerOneStep();
  if (what < 84) return LoseOneTask();
  if (what < 86) return LoseCoroutines();
  if (what < 89) return HeartbeatOne();
  if (what < 92) return Repeat();
  if (what < 96) return SpillOne();
  RefillOne();
}

// ---- activations ----

void SimWorkers::AnswerActivation(const v1::Activation& activation) {
  v1::ActivationAnswer answer;
  answer.set_answer_id(next_answer_++);
  *answer.mutable_token() = activation.token();
  if (!finishing_ && rng_->Percent(5)) {
    *answer.mutable_failure() = Error("WorkflowPanic");
    return Send(std::move(answer));
  }
  // As a worker does that replays: from what is durable.
  absl::StatusOr<engine::RunState> state =
      Disk(server_->store(), activation.token().partition()).Fold(activation.token().run(), false);
  if (!state.ok() || !state->open()) return;  // it was closed meanwhile
  v1::Advance& advance = *answer.mutable_advance();
  advance.set_consumed_through(activation.deliver_through());
  std::vector<v1::Command> commands = Code(*state);
  engine::testing::NumberCommands(commands, state->last_seq);
  for (v1::Command& command : commands) *advance.add_commands() = std::move(command);
  for (const int64_t seq : activation.pending_steps()) {
    if (finishing_ || rng_->Percent(50)) {
      *advance.add_steps() = engine::testing::StepResult(seq, "1");
    } else {
      steps_.push_back({activation.token(), seq});
    }
  }
  for (const v1::Command& command : advance.commands()) {
    if (!command.has_run_step()) continue;
    if (rng_->Percent(50)) {
      *advance.add_steps() = engine::testing::StepResult(command.run_step().seq(), "1");
    } else {
      steps_.push_back({activation.token(), command.run_step().seq()});
    }
  }
  old_advances_.push_back(answer);
  Send(std::move(answer));
}

v1::Command SimWorkers::ScheduleAtRandom() {
  auto policy = engine::testing::Policy().Initial(rng_->Between(10, 3'000));
  if (rng_->Percent(40)) policy.MaxAttempts(static_cast<int32_t>(rng_->Between(1, 3)));
  auto task = engine::testing::Schedule(rng_->Percent(50) ? "charge" : "ship").Retry(policy);
  if (rng_->Percent(30)) task.StartToClose(rng_->Between(200, 10'000));
  if (rng_->Percent(10)) task.ScheduleToStart(rng_->Between(200, 10'000));
  if (rng_->Percent(10)) task.ScheduleToClose(rng_->Between(200, 20'000));
  if (rng_->Percent(20)) task.HeartbeatEvery(rng_->Between(500, 5'000));
  if (rng_->Percent(20)) task.Queue("elsewhere");
  return task;
}

// Workflow code that does as it likes, and ends after a while.
std::vector<v1::Command> SimWorkers::Code(const engine::RunState& state) {
  std::vector<v1::Command> commands;
  const bool waits = !state.tasks.empty() || !state.timers.empty() || !state.steps.empty();
  const bool end = finishing_ ? !waits : (state.last_event_id > kEventsMax || rng_->Percent(10));
  if (end) {
    if (state.cancel_requested && rng_->Percent(70)) return {engine::testing::CancelledRun()};
    if (!finishing_ && rng_->Percent(25)) return {engine::testing::FailWith(Error("Broken"))};
    return {engine::testing::Complete(std::to_string(rng_->Below(1'000'000)))};
  }
  if (finishing_) return {};
  for (int64_t i = rng_->Below(4); i > 0; --i) {
    const int64_t what = rng_->Below(100);
    if (what < 45) {
      commands.push_back(ScheduleAtRandom());
    } else if (what < 75) {
      commands.push_back(
          engine::testing::Timer(rng_->Percent(70) ? rng_->Below(3'000) : rng_->Below(120'000)));
    } else if (what < 88) {
      commands.push_back(engine::testing::Step("compute"));
    } else if (what < 95 && !state.tasks.empty()) {
      const auto mode = rng_->Percent(50) ? v1::CancelTask::MODE_TRY : v1::CancelTask::MODE_WAIT;
      commands.push_back(engine::testing::CancelTask(rng_->Pick(state.tasks).first, mode));
    } else if (!state.timers.empty()) {
      commands.push_back(engine::testing::CancelTimer(rng_->Pick(state.timers).first));
    }
  }
  return commands;
}

// ---- tasks ----

void SimWorkers::AnswerTask(const v1::TaskDelivery& task) {
  running_.erase({task.token().partition(), task.token().run(), task.seq()});
  v1::TaskAnswer answer;
  answer.set_answer_id(next_answer_++);
  *answer.mutable_token() = task.token();
  const int64_t how = finishing_ ? 0 : rng_->Below(100);
  if (how < 65) {
    *answer.mutable_result() = Json(std::to_string(rng_->Below(1'000'000)));
  } else if (how < 95) {
    *answer.mutable_failure() = Error(rng_->Percent(20) ? "Declined" : "Busy");
    answer.mutable_failure()->set_non_retryable(rng_->Percent(20));
  } else {
    answer.mutable_cancelled();
  }
  unacked_[answer.answer_id()] = answer;
  if (rng_->Percent(20)) old_answers_.push_back(answer);
  Send(answer);
}

void SimWorkers::AnswerOneTask() {
  if (tasks_.empty()) return TakeOne();
  const auto at = tasks_.begin() + rng_->Below(static_cast<int64_t>(tasks_.size()));
  const v1::TaskDelivery task = std::move(*at);
  tasks_.erase(at);
  AnswerTask(task);
}

void SimWorkers::LoseOneTask() {
  if (tasks_.empty()) return;
  const auto at = tasks_.begin() + rng_->Below(static_cast<int64_t>(tasks_.size()));
  const v1::WorkToken token = at->token();
  tasks_.erase(at);
  running_.erase({token.partition(), token.run(), token.seq()});
  Report(token, engine::ReturnedInput{token, rng_->Percent(70)});
}

void SimWorkers::HeartbeatOne() {
  if (tasks_.empty()) return;
  v1::TaskHeartbeat heartbeat;
  *heartbeat.mutable_token() = rng_->Pick(tasks_).token();
  if (rng_->Percent(60)) *heartbeat.mutable_details() = Json(std::to_string(rng_->Below(100)));
  Report(v1::WorkToken(heartbeat.token()), engine::HeartbeatInput{heartbeat});
}

// ---- steps and coroutines ----

void SimWorkers::AnswerOneStep() {
  if (steps_.empty()) return;
  const auto at = steps_.begin() + rng_->Below(static_cast<int64_t>(steps_.size()));
  v1::StepAnswer answer;
  answer.set_answer_id(next_answer_++);
  *answer.mutable_token() = at->token;
  *answer.mutable_step() = engine::testing::StepResult(at->seq, "1");
  steps_.erase(at);
  const v1::WorkToken token = answer.token();
  const uint64_t id = answer.answer_id();
  server_->Put(ForRun<engine::StepAnswerInput>{token.run(), {std::move(answer)}, session(), id},
               token.partition());
}

// The worker process with the coroutines dies: what it was given comes back to dispatch.
void SimWorkers::LoseCoroutines() {
  steps_.clear();
  for (const v1::Activation& a : activations_) Report(a.token(), engine::ReturnedInput{a.token(), true});
  activations_.clear();
  for (uint32_t p = 0; p < server_->partitions(); ++p) server_->Put(CoroutinesGone{session()}, p);
}

// Answers that were sent before, once more: they are stale, or were lost with the server.
void SimWorkers::Repeat() {
  if (!old_answers_.empty()) Send(rng_->Pick(old_answers_));
  if (!old_advances_.empty()) Send(v1::ActivationAnswer(rng_->Pick(old_advances_)));
}

// ---- a restart of the server ----

void SimWorkers::LoseServer() {
  queues_.clear();
  backlogs_.clear();
  running_.clear();
  ++session_;
  // Some answers to activations are still on their way; they will be stale.
  activations_.clear();
  if (rng_->Percent(20)) tasks_.clear();
  if (rng_->Percent(20)) steps_.clear();
}

void SimWorkers::ComeBack(bool hold) {
  const auto claim = [this](const v1::WorkToken& token) {
    Report(token, engine::TakenOverInput{token, session(), nullptr, 100});
  };
  if (hold) {
    for (const v1::TaskDelivery& task : tasks_) {
      claim(task.token());
      // One whose attempt is over on disk is not taken over: the worker had not heard of that yet.
      const TaskKey key{task.token().partition(), task.token().run(), task.token().seq()};
      const auto state = Disk(server_->store(), task.token().partition()).Fold(task.token().run(), true);
      if (!state.ok() || !state->open()) continue;
      auto pending = state->tasks.find(task.token().seq());
      if (pending != state->tasks.end() && pending->second.attempt == task.token().attempt()) {
        running_.insert(key);
      }
    }
    for (const auto& [id, answer] : unacked_) claim(answer.token());
  } else {
    tasks_.clear();
  }
  for (const auto& [id, answer] : unacked_) Send(answer);
}

// ---- the end ----

void SimWorkers::ServeAll() {
  for (int round = 0; round < 4; ++round) {
    Collect();
    for (auto& [queue, items] : queues_) {
      for (; !items.empty(); TakeOne()) continue;
    }
    for (const v1::Activation& activation : std::exchange(activations_, {})) AnswerActivation(activation);
    for (const v1::TaskDelivery& task : std::exchange(tasks_, {})) AnswerTask(task);
    while (!steps_.empty()) AnswerOneStep();
    for (const auto& [at, spilled] : backlogs_) AskForRefill(at, 10);
    server_->Settle();
  }
}

}  // namespace perdure::partition::testing
