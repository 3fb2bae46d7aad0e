#include "tests/unit/partition/fake_worker.h"

#include <algorithm>
#include <utility>

#include "gtest/gtest.h"
#include "tests/unit/partition/disk.h"

namespace perdure::partition::testing {
namespace {

bool Is(const Work& work, Work::Kind kind, const std::string& workflow_id, int64_t seq) {
  if (work.kind != kind) return false;
  if (workflow_id.empty()) return true;
  if (work.activation) return work.activation->workflow_id() == workflow_id;
  if (work.task) return work.task->workflow_id() == workflow_id && (seq == 0 || work.task->seq() == seq);
  return false;
}

template <typename Queue>
auto Find(Queue& queue, Work::Kind kind, const std::string& workflow_id, int64_t seq) {
  return std::find_if(queue.begin(), queue.end(),
                      [&](const Work& w) { return Is(w, kind, workflow_id, seq); });
}

}  // namespace

bool FakeWorker::Offered(Work::Kind kind, const std::string& workflow_id, int64_t seq) const {
  const auto& work = server_->outbox().work;
  return Find(work, kind, workflow_id, seq) != work.end();
}

size_t FakeWorker::CountOffered(Work::Kind kind) const {
  const auto& work = server_->outbox().work;
  return static_cast<size_t>(
      std::count_if(work.begin(), work.end(), [&](const Work& w) { return w.kind == kind; }));
}

v1::Activation FakeWorker::GetActivation(const std::string& workflow_id) {
  auto& work = server_->outbox().work;
  auto it = Find(work, Work::Kind::kActivation, workflow_id, 0);
  if (it == work.end()) {
    ADD_FAILURE() << "no activation of " << workflow_id << " was released";
    return v1::Activation();
  }
  v1::Activation activation = std::move(*it->activation);
  work.erase(it);
  return activation;
}

v1::Activation FakeWorker::TakeActivation(const std::string& workflow_id) {
  v1::Activation activation = GetActivation(workflow_id);
  Taken(activation.token());
  return activation;
}

v1::TaskDelivery FakeWorker::GetTask(const std::string& workflow_id, int64_t seq) {
  auto& work = server_->outbox().work;
  auto it = Find(work, Work::Kind::kTask, workflow_id, seq);
  if (it == work.end()) {
    ADD_FAILURE() << "task " << seq << " of " << workflow_id << " was not released";
    return v1::TaskDelivery();
  }
  v1::TaskDelivery task = std::move(*it->task);
  work.erase(it);
  return task;
}

v1::TaskDelivery FakeWorker::TakeTask(const std::string& workflow_id, int64_t seq) {
  v1::TaskDelivery task = GetTask(workflow_id, seq);
  Taken(task.token());
  return task;
}

std::optional<Work> FakeWorker::Get(Work::Kind kind) {
  auto& work = server_->outbox().work;
  auto it = Find(work, kind, "", 0);
  if (it == work.end()) return std::nullopt;
  Work got = std::move(*it);
  work.erase(it);
  return got;
}

uint64_t FakeWorker::Advance(const v1::Activation& activation, std::vector<v1::Command> commands,
                             std::vector<v1::StepCompleted> steps) {
  // Numbered on from the last command in the history, which is durable by now.
  int64_t last_seq = 0;
  for (const v1::Event& event :
       Disk(server_->store(), activation.token().partition()).History(activation.token().run())) {
    for (const v1::Command& c : event.advanced().commands()) {
      last_seq = std::max({last_seq, c.schedule_task().seq(), c.start_timer().seq(), c.run_step().seq()});
    }
  }
  engine::testing::NumberCommands(commands, last_seq);
  v1::ActivationAnswer answer;
  answer.set_answer_id(next_answer_++);
  *answer.mutable_token() = activation.token();
  v1::Advance& advance = *answer.mutable_advance();
  advance.set_consumed_through(activation.deliver_through());
  for (v1::Command& command : commands) *advance.add_commands() = std::move(command);
  for (v1::StepCompleted& step : steps) *advance.add_steps() = std::move(step);
  const uint64_t id = answer.answer_id();
  server_->Put(
      ForRun<engine::ActivationAnswerInput>{
          activation.token().run(), {std::move(answer), session_, nullptr, nullptr}, session_, id},
      activation.token().partition());
  return id;
}

uint64_t FakeWorker::FailActivation(const v1::Activation& activation, v1::Failure failure) {
  v1::ActivationAnswer answer;
  const uint64_t id = next_answer_++;
  answer.set_answer_id(id);
  *answer.mutable_token() = activation.token();
  *answer.mutable_failure() = std::move(failure);
  server_->Put(
      ForRun<engine::ActivationAnswerInput>{
          activation.token().run(), {std::move(answer), session_, nullptr, nullptr}, session_, id},
      activation.token().partition());
  return id;
}

uint64_t FakeWorker::Complete(const v1::TaskDelivery& task, std::string json) {
  v1::TaskAnswer answer;
  *answer.mutable_token() = task.token();
  *answer.mutable_result() = engine::testing::Json(std::move(json));
  return SendTaskAnswer(std::move(answer));
}

uint64_t FakeWorker::Fail(const v1::TaskDelivery& task, v1::Failure failure) {
  v1::TaskAnswer answer;
  *answer.mutable_token() = task.token();
  *answer.mutable_failure() = std::move(failure);
  return SendTaskAnswer(std::move(answer));
}

uint64_t FakeWorker::SendTaskAnswer(v1::TaskAnswer answer) {
  const uint64_t id = next_answer_++;
  answer.set_answer_id(id);
  const v1::WorkToken token = answer.token();
  server_->Put(ForRun<engine::TaskAnswerInput>{token.run(), {std::move(answer), nullptr}, session_, id},
               token.partition());
  return id;
}

bool FakeWorker::Acked(uint64_t answer_id) const {
  return server_->outbox().acked[session_].contains(answer_id);
}

void FakeWorker::Taken(const v1::WorkToken& token) {
  server_->Put(ForRun<engine::TakenInput>{token.run(), {token, session_, nullptr}}, token.partition());
}

void FakeWorker::TakenOver(const v1::WorkToken& token, int64_t running_ms) {
  server_->Put(ForRun<engine::TakenOverInput>{token.run(), {token, session_, nullptr, running_ms}},
               token.partition());
}

void FakeWorker::Returned(const v1::WorkToken& token, bool begun) {
  server_->Put(ForRun<engine::ReturnedInput>{token.run(), {token, begun}}, token.partition());
}

void FakeWorker::Spilled(const v1::WorkToken& token) {
  server_->Put(ForRun<engine::SpilledInput>{token.run(), {token}}, token.partition());
}

void FakeWorker::Heartbeat(const v1::WorkToken& token, std::string json) {
  v1::TaskHeartbeat heartbeat;
  *heartbeat.mutable_token() = token;
  *heartbeat.mutable_details() = engine::testing::Json(std::move(json));
  server_->Put(ForRun<engine::HeartbeatInput>{token.run(), {std::move(heartbeat)}}, token.partition());
}

void FakeWorker::Refill(const std::string& queue, int64_t items, uint32_t partition) {
  server_->Put(RefillRequest{queue, items}, partition);
}

v1::Activation FakeWorker::Play(const std::string& workflow_id, std::vector<v1::Command> commands) {
  server_->Settle();
  v1::Activation activation = TakeActivation(workflow_id);
  Advance(activation, std::move(commands));
  server_->Settle();
  return activation;
}

void FakeWorker::StartAndPlay(const v1::StartWorkflowRequest& request, std::vector<v1::Command> commands) {
  const std::string workflow_id = request.workflow_id();
  server_->Start(request);
  Play(workflow_id, std::move(commands));
}

}  // namespace perdure::partition::testing
