#include "tests/unit/engine/harness.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/engine/live.h"
#include "tests/unit/engine/compare.h"
#include "tests/unit/engine/invariants.h"

namespace perdure::engine::testing {
namespace {

Identity IdentityOf(SessionNumber session) {
  return std::make_shared<const std::string>(absl::StrCat("worker-", session));
}

}  // namespace

void NumberCommands(std::vector<v1::Command>& commands, int64_t last_seq) {
  for (v1::Command& c : commands) {
    if (c.has_schedule_task() && c.schedule_task().seq() == 0) {
      c.mutable_schedule_task()->set_seq(++last_seq);
    } else if (c.has_start_timer() && c.start_timer().seq() == 0) {
      c.mutable_start_timer()->set_seq(++last_seq);
    } else if (c.has_run_step() && c.run_step().seq() == 0) {
      c.mutable_run_step()->set_seq(++last_seq);
    }
  }
}

v1::RunStarted Started() {
  v1::RunStarted started;
  started.set_namespace_("default");
  started.set_workflow_id("order-42");
  started.set_run_id("run-1");
  started.set_workflow_type("order_fulfillment");
  started.set_task_queue("orders");
  *started.mutable_input() = Json("{\"id\":42}");
  started.set_attempt(1);
  started.set_first_run_id("run-1");
  started.set_first_started_unix_ms(kStartTimeMs);
  started.set_request_id("start-1");
  started.set_random_seed(7);
  return started;
}

EngineHarness::EngineHarness() {
  state_.partition = kPartition;
  state_.run = kRun;
}

Env EngineHarness::MakeEnv() { return Env{now_ms_, random, &next_delivery_, &limits}; }

const Decision& EngineHarness::Took(Decision decision) {
  last_ = std::move(decision);
  stored_.Apply(last_);
  for (const Work& work : last_.work) {
    if (work.activation) activation_ = *work.activation;
    if (work.task) tasks_[work.task->seq()] = *work.task;
  }
  Check();
  return last_;
}

void EngineHarness::Check() {
  if (!state_.started_event) return;
  EXPECT_EQ(BrokenInvariant(state_, stored_.note_rows()), "");
  const absl::StatusOr<RunState> folded = stored_.Load(limits, false);
  ASSERT_TRUE(folded.ok()) << folded.status();
  EXPECT_EQ(FoldedDifference(state_, *folded), "") << "between the live state and the fold of what is stored";
}

const Decision& EngineHarness::Start(v1::RunStarted started) { return Apply(StartInput{std::move(started)}); }

const Decision& EngineHarness::Signal(std::string name, std::string request_id, std::string json) {
  SignalInput input;
  input.signal.set_name(std::move(name));
  input.signal.set_request_id(std::move(request_id));
  *input.signal.mutable_input() = Json(std::move(json));
  return Apply(std::move(input));
}

const Decision& EngineHarness::RequestCancel(std::string request_id, std::string reason) {
  CancelInput input;
  input.cancel.set_request_id(std::move(request_id));
  input.cancel.set_reason(std::move(reason));
  return Apply(std::move(input));
}

const Decision& EngineHarness::Terminate(std::string request_id, std::string reason) {
  TerminateInput input;
  input.terminate.set_request_id(std::move(request_id));
  input.terminate.set_reason(std::move(reason));
  return Apply(std::move(input));
}

const Decision& EngineHarness::TakeActivation(SessionNumber session) {
  return Apply(TakenInput{activation().token(), session, IdentityOf(session)});
}

v1::ActivationAnswer EngineHarness::MakeAnswer(std::vector<v1::Command> commands) const {
  NumberCommands(commands, state_.last_seq);
  v1::ActivationAnswer answer;
  *answer.mutable_token() = activation().token();
  answer.mutable_advance()->set_consumed_through(activation().deliver_through());
  for (v1::Command& c : commands) *answer.mutable_advance()->add_commands() = std::move(c);
  return answer;
}

const Decision& EngineHarness::SendActivationAnswer(v1::ActivationAnswer answer, SessionNumber session) {
  return Apply(ActivationAnswerInput{std::move(answer), session, IdentityOf(session),
                                     std::make_shared<const std::string>("build-1")});
}

const Decision& EngineHarness::AnswerActivation(std::vector<v1::Command> commands,
                                                std::vector<v1::StepCompleted> steps) {
  if (state_.activation.phase == ActivationPhase::kQueued) TakeActivation();
  v1::ActivationAnswer answer = MakeAnswer(std::move(commands));
  for (v1::StepCompleted& s : steps) *answer.mutable_advance()->add_steps() = std::move(s);
  return SendActivationAnswer(std::move(answer), state_.activation.session);
}

const Decision& EngineHarness::FailActivation(v1::Failure failure) {
  if (state_.activation.phase == ActivationPhase::kQueued) TakeActivation();
  v1::ActivationAnswer answer;
  *answer.mutable_token() = activation().token();
  *answer.mutable_failure() = std::move(failure);
  return SendActivationAnswer(std::move(answer));
}

const Decision& EngineHarness::ReturnActivation(bool begun) {
  return Apply(ReturnedInput{activation().token(), begun});
}

const Decision& EngineHarness::AnswerStep(v1::StepCompleted step) {
  v1::StepAnswer answer;
  *answer.mutable_token() = activation().token();
  *answer.mutable_step() = std::move(step);
  return SendStepAnswer(std::move(answer));
}

const Decision& EngineHarness::SendStepAnswer(v1::StepAnswer answer) {
  return Apply(StepAnswerInput{std::move(answer)});
}

const Decision& EngineHarness::LoseCoroutine(SessionNumber session) {
  return Apply(CoroutineGoneInput{session});
}

const Decision& EngineHarness::TakeTask(int64_t seq, SessionNumber session) {
  return Apply(TakenInput{task(seq).token(), session, IdentityOf(session)});
}

const Decision& EngineHarness::SendTaskAnswer(v1::TaskAnswer answer) {
  const int64_t seq = answer.token().seq();
  auto it = state_.tasks.find(seq);
  const bool waits = it != state_.tasks.end() && it->second.phase == TaskPhase::kQueued;
  if (waits && it->second.delivery == answer.token().delivery()) TakeTask(seq);
  return Apply(TaskAnswerInput{std::move(answer), IdentityOf(kSession)});
}

const Decision& EngineHarness::CompleteTask(int64_t seq, std::string json) {
  v1::TaskAnswer answer;
  *answer.mutable_token() = task(seq).token();
  *answer.mutable_result() = Json(std::move(json));
  return SendTaskAnswer(std::move(answer));
}

const Decision& EngineHarness::FailTask(int64_t seq, v1::Failure failure) {
  v1::TaskAnswer answer;
  *answer.mutable_token() = task(seq).token();
  *answer.mutable_failure() = std::move(failure);
  return SendTaskAnswer(std::move(answer));
}

const Decision& EngineHarness::AnswerCancelled(int64_t seq, std::string json) {
  v1::TaskAnswer answer;
  *answer.mutable_token() = task(seq).token();
  *answer.mutable_cancelled()->mutable_details() = Json(std::move(json));
  return SendTaskAnswer(std::move(answer));
}

const Decision& EngineHarness::Heartbeat(int64_t seq, std::optional<std::string> json) {
  HeartbeatInput input;
  *input.heartbeat.mutable_token() = task(seq).token();
  if (json) *input.heartbeat.mutable_details() = Json(*std::move(json));
  return Apply(std::move(input));
}

const Decision& EngineHarness::ReturnTask(int64_t seq, bool begun) {
  return Apply(ReturnedInput{task(seq).token(), begun});
}

const Decision& EngineHarness::Spill(const v1::WorkToken& token) { return Apply(SpilledInput{token}); }
const Decision& EngineHarness::Redispatch(int64_t seq) { return Apply(RedispatchInput{seq}); }
const Decision& EngineHarness::ReleaseHeld() { return Apply(ReleaseHeldInput{}); }
const Decision& EngineHarness::Tick() { return Apply(TickInput{}); }

const Decision& EngineHarness::TakeOver(const v1::WorkToken& token, int64_t running_ms,
                                        SessionNumber session) {
  return Apply(TakenOverInput{token, session, IdentityOf(session), running_ms});
}

void EngineHarness::Advance(int64_t ms) {
  const int64_t end = now_ms_ + ms;
  while (state_.next_deadline_ms() != 0 && state_.next_deadline_ms() < end) {
    now_ms_ = std::max(now_ms_, state_.next_deadline_ms());
    Tick();
  }
  now_ms_ = end;
  Tick();
}

const Decision& EngineHarness::Restart(bool hold_tasks) {
  absl::StatusOr<RunState> folded = stored_.Load(limits, stored_.has_head());
  EXPECT_TRUE(folded.ok()) << folded.status();
  if (folded.ok()) state_ = *std::move(folded);
  Revive(state_, now_ms_, hold_tasks);
  return Tick();
}

const Decision& EngineHarness::EvictAndLoad() {
  EXPECT_TRUE(stored_.WriteHead(state_)) << "too much is pending for a snapshot";
  return Restart(false);
}

const v1::Activation& EngineHarness::activation() const {
  EXPECT_TRUE(activation_.has_value()) << "no activation was ever handed out";
  return *activation_;
}

const v1::TaskDelivery& EngineHarness::task(int64_t seq) const {
  auto it = tasks_.find(seq);
  EXPECT_NE(it, tasks_.end()) << "task " << seq << " was never handed out";
  return it->second;
}

TaskPhase EngineHarness::phase(int64_t seq) const {
  auto it = state_.tasks.find(seq);
  EXPECT_NE(it, state_.tasks.end()) << "task " << seq << " is not pending";
  return it == state_.tasks.end() ? TaskPhase::kReady : it->second.phase;
}

const v1::Event& EngineHarness::last_event() const {
  EXPECT_FALSE(last_.events.empty()) << "the last decision appended nothing";
  return *last_.events.back();
}

std::vector<std::string> Events(const Decision& decision) {
  std::vector<std::string> out;
  for (const EventPtr& event : decision.events) {
    const auto* field = v1::Event::descriptor()->FindFieldByNumber(static_cast<int>(event->body_case()));
    out.push_back(field == nullptr ? "nothing" : field->name());
  }
  return out;
}

std::vector<std::string> Works(const Decision& decision) {
  std::vector<std::string> out;
  for (const Work& work : decision.work) {
    const std::string what =
        work.token.seq() == 0 ? std::string("activation") : absl::StrCat("task ", work.token.seq());
    switch (work.kind) {
      case Work::Kind::kActivation:
        out.push_back(absl::StrCat("activation ", work.activation->attempt()));
        break;
      case Work::Kind::kTask:
        out.push_back(absl::StrCat("task ", work.task->seq(), " attempt ", work.task->attempt()));
        break;
      case Work::Kind::kCancelTask:
        out.push_back("cancel " + what);
        break;
      case Work::Kind::kWithdraw:
        out.push_back("withdraw " + what);
        break;
      case Work::Kind::kEvict:
        out.emplace_back("evict");
        break;
      default:
        out.emplace_back("work of another kind");
        break;
    }
  }
  return out;
}

}  // namespace perdure::engine::testing
