// What dispatch does: queues, what is taken, what is sent back to disk.
#include <algorithm>
#include <utility>

#include "gtest/gtest.h"
#include "tests/unit/partition/disk.h"
#include "tests/unit/partition/sim_workers.h"

namespace perdure::partition::testing {

void SimWorkers::Collect() {
  for (Work& work : std::exchange(server_->outbox().work, {})) Received(std::move(work));
  for (const auto& [session, ids] : std::exchange(server_->outbox().acked, {})) {
    for (const uint64_t id : ids) unacked_.erase(id);
  }
}

void SimWorkers::Received(Work work) {
  switch (work.kind) {
    case Work::Kind::kActivation:
      CheckDurable(*work.activation);
      queues_[work.queue].push_back(std::move(work));
      break;
    case Work::Kind::kTask:
      CheckTask(*work.task);
      queues_[work.queue].push_back(std::move(work));
      break;
    case Work::Kind::kCancelTask:
    case Work::Kind::kWithdraw:
      Recalled(work);
      break;
    case Work::Kind::kEvict:
      break;
    case Work::Kind::kRefilled:
      Refilled({work.token.partition(), work.queue}, work.more);
      break;
  }
}

// All that an activation tells of must be on disk by now, and never tell anything else.
void SimWorkers::CheckDurable(const v1::Activation& activation) {
  const v1::WorkToken& token = activation.token();
  const std::vector<v1::Event> history = Disk(server_->store(), token.partition()).History(token.run());
  // A run that was deleted meanwhile is nothing to look at.
  ASSERT_GE(static_cast<int64_t>(history.size()), activation.deliver_through())
      << activation.ShortDebugString();
  ASSERT_GE(static_cast<int64_t>(history.size()), activation.history_through());
  for (const v1::Event& event : activation.events()) {
    EXPECT_EQ(event.SerializeAsString(),
              history[static_cast<size_t>(event.event_id()) - 1].SerializeAsString());
    promises_->Delivered(token.partition(), token.run(), event);
  }
}

void SimWorkers::CheckTask(const v1::TaskDelivery& task) {
  const v1::WorkToken& token = task.token();
  const TaskKey key{token.partition(), token.run(), token.seq()};
  EXPECT_FALSE(running_.contains(key)) << "run " << token.run() << " task " << token.seq() << " attempt "
                                       << token.attempt() << " was started again while a worker ran it";
  const std::vector<v1::Event> history = Disk(server_->store(), token.partition()).History(token.run());
  const bool durable = std::any_of(history.begin(), history.end(), [&](const v1::Event& event) {
    const auto& commands = event.advanced().commands();
    return std::any_of(commands.begin(), commands.end(),
                       [&](const v1::Command& c) { return c.schedule_task().seq() == token.seq(); });
  });
  EXPECT_TRUE(durable) << "task " << token.seq() << " was handed out before the command that asked for it";
}

void SimWorkers::Recalled(const Work& work) {
  const v1::WorkToken& token = work.token;
  const auto means = [&](const v1::WorkToken& t) {
    return t.partition() == token.partition() && t.run() == token.run() && t.seq() == token.seq() &&
           t.delivery() == token.delivery();
  };
  auto& items = queues_[work.queue];
  std::erase_if(items,
                [&](const Work& w) { return means(w.activation ? w.activation->token() : w.task->token()); });
  std::erase_if(activations_, [&](const v1::Activation& a) { return means(a.token()); });
  auto task = std::find_if(tasks_.begin(), tasks_.end(), [&](const auto& t) { return means(t.token()); });
  if (task == tasks_.end()) return;
  running_.erase({token.partition(), token.run(), token.seq()});
  // The worker may go on as if nothing was, answer that it obeyed, or die of it.
  const int64_t how = rng_->Below(3);
  if (how == 0) return;
  if (how == 1) {
    v1::TaskAnswer answer;
    answer.set_answer_id(next_answer_++);
    *answer.mutable_token() = token;
    answer.mutable_cancelled();
    unacked_[answer.answer_id()] = answer;
    Send(answer);
  } else {
    Report(token, engine::ReturnedInput{token, true});
  }
  tasks_.erase(task);
}

void SimWorkers::TakeOne() {
  std::erase_if(queues_, [](const auto& q) { return q.second.empty(); });
  if (queues_.empty()) return;
  auto& items = rng_->Pick(queues_).second;
  Work work = std::move(items.front());
  items.pop_front();
  const v1::WorkToken token = work.activation ? work.activation->token() : work.task->token();
  if (!finishing_ && rng_->Percent(5)) {
    // It never arrived.
    server_->Put(ForRun<engine::ReturnedInput>{token.run(), {token, false}}, token.partition());
    return;
  }
  server_->Put(ForRun<engine::TakenInput>{token.run(), {token, session(), nullptr}}, token.partition());
  if (work.activation) {
    activations_.push_back(std::move(*work.activation));
  } else {
    running_.insert({token.partition(), token.run(), token.seq()});
    tasks_.push_back(std::move(*work.task));
  }
}

void SimWorkers::SpillOne() {
  std::erase_if(queues_, [](const auto& q) { return q.second.empty(); });
  if (queues_.empty()) return;
  auto& [queue, items] = rng_->Pick(queues_);
  const v1::WorkToken token =
      items.back().activation ? items.back().activation->token() : items.back().task->token();
  items.pop_back();
  server_->Put(ForRun<engine::SpilledInput>{token.run(), {token}}, token.partition());
  backlogs_[{token.partition(), queue}] = true;
}

void SimWorkers::RefillOne() {
  if (!backlogs_.empty()) AskForRefill(rng_->Pick(backlogs_).first, rng_->Between(1, 5));
}

void SimWorkers::AskForRefill(const BacklogKey& backlog, int64_t items) {
  backlogs_[backlog] = false;
  server_->Put(RefillRequest{backlog.second, items}, backlog.first);
}

void SimWorkers::Refilled(const BacklogKey& backlog, bool more) {
  auto it = backlogs_.find(backlog);
  if (it == backlogs_.end()) {
    if (more) backlogs_[backlog] = false;
    return;
  }
  // What was spilled since was not looked for.
  if (!more && !it->second) backlogs_.erase(it);
}

}  // namespace perdure::partition::testing
