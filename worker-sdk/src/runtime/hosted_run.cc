// One run's dealings with the server.
#include "worker-sdk/src/runtime/hosted_run.h"

#include <algorithm>
#include <utility>

#include "worker-sdk/src/runtime/convert.h"

namespace perdure::runtime {
namespace {

bool SameToken(const v1::WorkToken& a, const v1::WorkToken& b) {
  return a.partition() == b.partition() && a.run() == b.run() && a.attempt() == b.attempt() &&
         a.delivery() == b.delivery();
}

Failure WorkerFailure(FailureKind kind, std::string type, std::string message) {
  Failure failure;
  failure.kind = kind;
  failure.type = std::move(type);
  failure.message = std::move(message);
  return failure;
}

}  // namespace

HostedRun::~HostedRun() { DropCore(); }

void HostedRun::Handle(RunMessage message) {
  std::visit([this](auto&& part) { On(std::move(part)); }, std::move(message));
}

v1::WorkToken HostedRun::EvictCoroutine() {
  DropCore();
  ++services_.counters.evictions;
  return token_;
}

void HostedRun::On(Activated activated) {
  ++services_.counters.activations;
  held_.reset();
  held_for_.clear();
  chunks_.clear();
  waits_for_history_ = false;
  const v1::Activation& activation = *activated.activation;
  const bool cached = core_ != nullptr && activation.previous_activation_id() != 0 &&
                      activation.previous_activation_id() == last_answered_ &&
                      activation.run_id() == core_->info().run_id;
  activation_ = std::move(activated.activation);
  names_ = std::move(activated.names);
  token_ = activation_->token();
  if (cached) {
    EventLog log;
    log.Add(activation_->events());
    return Advance(log);
  }
  DropCore();
  if (activation_->history_through() > 0) return RequestHistory();
  ReplayThenAdvance();
}

void HostedRun::RequestHistory() {
  // This may take a while, and must not keep the rest of the frame in memory.
  activation_ = std::make_shared<const v1::Activation>(*activation_);
  waits_for_history_ = true;
  chunks_.clear();
  v1::HistoryRequest request;
  *request.mutable_token() = token_;
  request.set_from_event_id(1);
  services_.sink.RequestHistory(std::move(request));
}

void HostedRun::On(ChunkPtr chunk) {
  if (!waits_for_history_ || !SameToken(chunk->token(), token_)) return;
  if (!chunk->error().empty()) {
    waits_for_history_ = false;
    chunks_.clear();
    return FinishActivation();
  }
  const bool last = chunk->last();
  chunks_.push_back(std::move(chunk));
  if (!last) return;
  waits_for_history_ = false;
  ++services_.counters.replays;
  ReplayThenAdvance();
  chunks_.clear();
}

bool HostedRun::MakeCore() {
  const detail::WorkflowFunction* function = services_.registry.FindWorkflow(activation_->workflow_type());
  if (function == nullptr) {
    SendFailure(
        WorkerFailure(FailureKind::kWorkerError, "UnknownWorkflowType",
                      "this worker does not host workflow type '" + activation_->workflow_type() + "'"));
    return false;
  }
  core_ =
      std::make_unique<detail::RunCore>(*function, services_.options.converter.get(), services_.options.log);
  consumed_through_ = 0;
  return true;
}

void HostedRun::ReplayThenAdvance() {
  EventLog log;
  for (const ChunkPtr& chunk : chunks_) log.Add(chunk->events());
  log.Add(activation_->events());
  const std::int64_t needed = std::max<std::int64_t>(1, activation_->history_through());
  if (const std::int64_t missing = log.FirstMissing(needed)) {
    return SendFailure(WorkerFailure(
        FailureKind::kWorkerError, "IncompleteHistory",
        "the history of this run lacks event " + std::to_string(missing) + " of " + std::to_string(needed)));
  }
  if (!MakeCore()) return;
  ReplayOutcome outcome;
  {
    const detail::CurrentRunScope scope(core_.get());
    outcome = Replay(*core_, log, Where());
  }
  consumed_through_ = outcome.consumed_through;
  if (!outcome.failure.has_value() && core_->closed()) {
    outcome.failure = WorkerFailure(FailureKind::kWorkerError, "ClosedRun",
                                    "this run's history ends with its close, yet it was activated once more");
  }
  if (outcome.failure.has_value()) return SendFailure(*outcome.failure);
  Advance(log);
}

void HostedRun::Advance(const EventLog& log) {
  const std::int64_t through = activation_->deliver_through();
  // Until it is answered, the coroutine is ahead of what the server knows.
  last_answered_ = 0;
  {
    const detail::CurrentRunScope scope(core_.get());
    core_->BeginTurn(activation_->time_unix_ms(), through, /*replaying=*/false);
    log.Deliver(*core_, consumed_through_, through);
    core_->FinishTurn();
  }
  if (core_->refusal().has_value()) return SendFailure(*core_->refusal());

  v1::ActivationAnswer answer;
  *answer.mutable_token() = token_;
  v1::Advance& advance = *answer.mutable_advance();
  advance.set_consumed_through(through);
  for (v1::Command& command : core_->commands()) *advance.add_commands() = std::move(command);
  if (const std::optional<Failure> passed = CheckLimits(answer)) return SendFailure(*passed);
  consumed_through_ = through;
  held_ = std::move(answer);
  BeginSteps();

  const bool steps_only = std::all_of(held_->advance().commands().begin(), held_->advance().commands().end(),
                                      [](const v1::Command& command) { return command.has_run_step(); });
  if (!steps_only || held_for_.empty() || services_.options.step_piggyback.count() <= 0) return SendAnswer();
  FlushLater();
}

void HostedRun::BeginSteps() {
  if (core_->closed()) return;
  std::vector<std::int64_t> wanted(activation_->pending_steps().begin(), activation_->pending_steps().end());
  for (const v1::Command& command : held_->advance().commands()) {
    if (command.has_run_step()) held_for_.push_back(command.run_step().seq());
  }
  std::sort(held_for_.begin(), held_for_.end());
  wanted.insert(wanted.end(), held_for_.begin(), held_for_.end());
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  for (const std::int64_t seq : wanted) {
    const auto step = core_->open_steps().find(seq);
    if (step == core_->open_steps().end()) {
      StopHoldingFor(seq);
      // Where it still runs, its end is told when it comes.
      if (!step_tokens_.contains(seq)) TellAbandoned(seq);
    } else if (!step->second.begun) {
      BeginStep(step->second);
    }
  }
}

// The code was cancelled while it waited for the step, and nobody runs it any more: the server must not wait
// for it either, and hand the run out again and again to have it run.
void HostedRun::TellAbandoned(std::int64_t seq) {
  Failure failure;
  failure.kind = FailureKind::kCancelled;
  failure.message = "the workflow does not wait for this step any more";
  v1::StepCompleted& step = *held_->mutable_advance()->add_steps();
  step.set_seq(seq);
  step.set_attempt(1);
  *step.mutable_failure() = ToProto(failure);
}

void HostedRun::BeginStep(detail::OpenStep& step) {
  step.begun = true;
  ++running_steps_;
  ++services_.counters.running_steps;
  ++services_.counters.steps;
  step_tokens_[step.seq] = token_;
  const std::uint64_t generation = generation_;
  const std::int64_t seq = step.seq;
  services_.steps.Run({{names_, seq, step.name},
                       std::move(step.body),
                       step.retry,
                       [to = mailbox_, generation, seq](StepOutcome outcome) {
                         to->post(StepDone{generation, seq, std::move(outcome)});
                       }});
}

v1::StepCompleted HostedRun::ToStepCompleted(StepDone done) const {
  const PayloadConverter* converter = services_.options.converter.get();
  v1::StepCompleted step;
  step.set_seq(done.seq);
  step.set_attempt(done.outcome.attempt);
  if (!done.outcome.failure.has_value()) {
    try {
      *step.mutable_result() = ToProto(Encode(converter, std::move(done.outcome.result)));
    } catch (...) {
      done.outcome.failure = CurrentFailure();
    }
  }
  const std::int64_t limit = services_.payload_bytes_max;
  if (!done.outcome.failure && limit > 0 && static_cast<std::int64_t>(step.result().data().size()) > limit) {
    done.outcome.failure =
        WorkerFailure(FailureKind::kLimit, "PayloadTooLarge",
                      "the result of step seq " + std::to_string(done.seq) + " has " +
                          std::to_string(step.result().data().size()) +
                          " bytes, more than payload_bytes_max = " + std::to_string(limit) +
                          "; store it elsewhere and return a reference");
  }
  if (done.outcome.failure.has_value()) *step.mutable_failure() = ToProto(*done.outcome.failure, converter);
  return step;
}

void HostedRun::On(StepDone done) {
  // Counted until its answer is given: a worker that drains disconnects once nothing runs.
  struct CountDown {
    std::atomic<std::int64_t>& count;
    ~CountDown() { --count; }
  } const count_down{services_.counters.running_steps};
  if (done.generation != generation_ || core_ == nullptr) {
    const auto zombie = std::find_if(zombies_.begin(), zombies_.end(),
                                     [&](const Zombie& z) { return z.generation == done.generation; });
    if (zombie != zombies_.end() && --zombie->running_steps == 0) zombies_.erase(zombie);
    return;
  }
  --running_steps_;
  const std::int64_t seq = done.seq;
  v1::WorkToken token = std::move(step_tokens_[seq]);
  step_tokens_.erase(seq);
  if (held_.has_value() && StopHoldingFor(seq)) {
    *held_->mutable_advance()->add_steps() = ToStepCompleted(std::move(done));
    if (held_for_.empty()) SendAnswer();
    return;
  }
  v1::StepAnswer answer;
  *answer.mutable_token() = std::move(token);
  *answer.mutable_step() = ToStepCompleted(std::move(done));
  services_.sink.Answer(std::move(answer));
}

bool HostedRun::StopHoldingFor(std::int64_t seq) {
  const auto at = std::lower_bound(held_for_.begin(), held_for_.end(), seq);
  if (at == held_for_.end() || *at != seq) return false;
  held_for_.erase(at);
  return true;
}

// One is on its way at a time: most answers are gone long before it comes.
void HostedRun::FlushLater() {
  held_since_ = services_.options.now();
  if (std::exchange(flush_comes_, true)) return;
  mailbox_->post_after(Flush{}, services_.options.step_piggyback);
}

void HostedRun::On(Flush) {
  flush_comes_ = false;
  if (!held_.has_value()) return;
  const auto left = held_since_ + services_.options.step_piggyback - services_.options.now();
  if (left <= std::chrono::milliseconds(0)) return SendAnswer();
  // It was meant for an earlier answer.
  flush_comes_ = true;
  mailbox_->post_after(Flush{}, std::chrono::ceil<std::chrono::milliseconds>(left));
}

void HostedRun::On(DropAll) {
  DropCore();
  FinishActivation();
}

void HostedRun::On(ConnectionBack back) {
  if (!in_hand()) return;
  if (!back.same_epoch) return On(DropAll());
  if (waits_for_history_) RequestHistory();
}

std::optional<Failure> HostedRun::CheckLimits(const v1::ActivationAnswer& answer) const {
  const std::int64_t commands_max = services_.commands_per_advance_max;
  const auto& commands = answer.advance().commands();
  if (commands_max > 0 && commands.size() > commands_max) {
    return WorkerFailure(FailureKind::kLimit, "TooManyCommands",
                         "the workflow issued " + std::to_string(commands.size()) +
                             " commands at once, more than commands_per_advance_max = " +
                             std::to_string(commands_max) + "; await some of them before issuing more");
  }
  const auto bytes_max = static_cast<std::size_t>(services_.payload_bytes_max.load());
  if (bytes_max == 0) return std::nullopt;
  for (const v1::Command& command : commands) {
    const std::size_t bytes = command.has_schedule_task()  ? command.schedule_task().input().data().size()
                              : command.has_complete_run() ? command.complete_run().result().data().size()
                                                           : 0;
    if (bytes > bytes_max) {
      return WorkerFailure(FailureKind::kLimit, "PayloadTooLarge",
                           DescribeCommand(command) + " carries " + std::to_string(bytes) +
                               " bytes, more than payload_bytes_max = " + std::to_string(bytes_max) +
                               "; store it elsewhere and pass a reference");
    }
  }
  return std::nullopt;
}

void HostedRun::SendAnswer() {
  last_answered_ = activation_->activation_id();
  services_.sink.Answer(*std::exchange(held_, std::nullopt));
  const bool closed = core_->closed();
  FinishActivation();
  if (closed) DropCore();
}

void HostedRun::SendFailure(const Failure& failure) {
  ++services_.counters.activations_failed;
  if (failure.kind == FailureKind::kNonDeterminism) ++services_.counters.non_deterministic;
  const Logger log(services_.options.log, {{"workflow_id", activation_->workflow_id()},
                                           {"run_id", activation_->run_id()},
                                           {"workflow_type", activation_->workflow_type()}});
  log.Error("activation failed; the run waits for a worker that can carry it on", "failure",
            failure.Describe());
  v1::ActivationAnswer answer;
  *answer.mutable_token() = token_;
  *answer.mutable_failure() = ToProto(failure, services_.options.converter.get());
  DropCore();
  FinishActivation();
  services_.sink.Answer(std::move(answer));
}

void HostedRun::FinishActivation() {
  activation_.reset();
  held_.reset();
  held_for_.clear();
  chunks_.clear();
  waits_for_history_ = false;
}

void HostedRun::DropCore() {
  if (!core_) return;
  if (running_steps_ > 0) {
    zombies_.push_back({generation_, std::move(core_), running_steps_});
  } else {
    core_.reset();
  }
  ++generation_;
  running_steps_ = 0;
  step_tokens_.clear();
  last_answered_ = 0;
}

Divergence HostedRun::Where() const {
  return {activation_->workflow_type(), activation_->workflow_id(), activation_->run_id(), 0};
}

}  // namespace perdure::runtime
