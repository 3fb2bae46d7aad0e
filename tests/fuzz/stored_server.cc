#include "tests/fuzz/stored_server.h"

#include <iterator>

#include "tests/fuzz/check.h"

namespace perdure::fuzz {
namespace {

constexpr engine::SessionNumber kSession = 1;
constexpr uint64_t kEpochStride = uint64_t{1} << 40;

int64_t g_now_ms = 0;
int64_t Now() { return g_now_ms; }

partition::PartitionOptions Options() {
  partition::PartitionOptions options;
  options.now_ms = &Now;
  options.random_seed = 1;
  options.full_disk_retry_ms = 0;
  return options;
}

template <typename Input>
partition::ForRun<Input> ForRunOf(const v1::WorkToken& token, Input input) {
  partition::ForRun<Input> message;
  message.run = token.run();
  message.input = std::move(input);
  message.session = kSession;
  return message;
}

engine::Identity Somebody() { return std::make_shared<const std::string>("7@host"); }

}  // namespace

void StoredServer::Outbox::Release(std::vector<Work> released, Acks) {
  work.insert(work.end(), std::make_move_iterator(released.begin()), std::make_move_iterator(released.end()));
}

StoredServer::StoredServer(int64_t now_unix_ms) : options_(Options()) { g_now_ms = now_unix_ms; }

StoredServer::~StoredServer() { Crash(); }

absl::StatusOr<partition::RecoveryStats> StoredServer::Recover(bool hold_tasks) {
  epoch_ += kEpochStride;
  committer_ = std::make_unique<partition::Committer>(
      &store_, &outbox_, options_,
      [](const absl::Status& status) { Check(false, "the commit failed: ", status.ToString()); });
  partition_ = std::make_unique<partition::Partition>(0, &store_, committer_.get(), options_, epoch_);
  absl::StatusOr<partition::RecoveryStats> stats = partition_->Recover(hold_tasks);
  if (!stats.ok()) Crash();
  return stats;
}

void StoredServer::Crash() {
  partition_.reset();
  committer_.reset();
  outbox_.work.clear();
}

void StoredServer::Settle(int rounds) {
  for (int i = 0; i < rounds; ++i) {
    partition_->RunOnce(std::chrono::milliseconds(0));
    if (!committer_->CommitOnce() && i > 0) return;
  }
}

void StoredServer::Advance(int64_t ms) {
  g_now_ms += ms;
  Settle();
}

void StoredServer::AnswerActivation(const v1::Activation& activation,
                                    const std::vector<v1::Command>& commands, bool fail) {
  engine::TakenInput taken;
  taken.token = activation.token();
  taken.session = kSession;
  taken.identity = Somebody();
  Put(ForRunOf(activation.token(), std::move(taken)));
  engine::ActivationAnswerInput input;
  *input.answer.mutable_token() = activation.token();
  input.answer.set_answer_id(next_answer_++);
  if (fail) {
    input.answer.mutable_failure()->set_message("cannot be carried out");
  } else {
    v1::Advance& advance = *input.answer.mutable_advance();
    advance.set_consumed_through(activation.deliver_through());
    for (const v1::Command& command : commands) *advance.add_commands() = command;
  }
  input.session = kSession;
  input.identity = Somebody();
  input.build_id = Somebody();
  Put(ForRunOf(activation.token(), std::move(input)));
}

void StoredServer::AnswerTask(const v1::TaskDelivery& task, bool fail) {
  engine::TakenInput taken;
  taken.token = task.token();
  taken.session = kSession;
  taken.identity = Somebody();
  Put(ForRunOf(task.token(), std::move(taken)));
  engine::HeartbeatInput heartbeat;
  *heartbeat.heartbeat.mutable_token() = task.token();
  heartbeat.heartbeat.mutable_details()->set_data("half");
  Put(ForRunOf(task.token(), std::move(heartbeat)));
  engine::TaskAnswerInput input;
  *input.answer.mutable_token() = task.token();
  input.answer.set_answer_id(next_answer_++);
  if (fail) {
    input.answer.mutable_failure()->set_type("Busy");
  } else {
    input.answer.mutable_result()->set_data("1");
  }
  input.identity = Somebody();
  Put(ForRunOf(task.token(), std::move(input)));
}

}  // namespace perdure::fuzz
