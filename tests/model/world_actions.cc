// What can happen to a run in the random part of its life.
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/model/world.h"
#include "tests/unit/engine/commands.h"

namespace perdure::model {
namespace {

using engine::testing::Error;
using engine::testing::Json;

constexpr size_t kGhostsMax = 50;

engine::Identity IdentityOf(uint64_t session) {
  return std::make_shared<const std::string>(absl::StrCat("worker-", session));
}

v1::Failure RandomFailure(Rng& rng) {
  v1::Failure failure = Error(rng.Percent(20) ? "Fatal" : "Flaky");
  if (rng.Percent(10)) failure.set_non_retryable(true);
  if (rng.Percent(20)) failure.set_retry_delay_ms(rng.Between(1, 400));
  return failure;
}

}  // namespace

void World::Act(Action action) {
  switch (action) {
    case Action::kDeliverMail:
      for (int64_t n = rng_.Between(1, 4); n > 0 && subject_.broken().empty(); --n) DeliverMail();
      return;
    case Action::kTakeQueued:
      return TakeQueued();
    case Action::kAnswerActivation:
      return AnswerActivation();
    case Action::kAnswerTask:
      return AnswerTask();
    case Action::kAnswerStep:
      return AnswerStep();
    case Action::kHeartbeat:
      return Heartbeat();
    case Action::kMoveClock:
      return MoveClock();
    case Action::kSignal:
      return Signal();
    case Action::kCancelRun:
      return CancelRun();
    case Action::kTerminate:
      return Terminate();
    case Action::kSpill:
      return Spill();
    case Action::kRedispatch:
      return Redispatch();
    case Action::kStaleAnswer:
      return StaleAnswer();
    case Action::kReturnUnbegun:
      return ReturnUnbegun();
    case Action::kLoseSession:
      return LoseSession();
    case Action::kDropCoroutine:
      return DropCoroutine();
    case Action::kCrash:
      return Crash();
    case Action::kEvict:
      return Evict();
    case Action::kComeBack:
      return ComeBack();
    case Action::kReleaseHeld:
      return Post(engine::ReleaseHeldInput{});
  }
}

void World::Remember(const v1::WorkToken& token) {
  ghosts_.push_back(token);
  if (ghosts_.size() > kGhostsMax) ghosts_.pop_front();
}

// ---- dispatch ----

void World::Take(uint64_t delivery, uint64_t session) {
  Held& held = deliveries_.all().at(delivery);
  held.session = session;
  Note(absl::StrCat("session ", session, " takes delivery ", delivery, " of seq ", held.token.seq()));
  Post(engine::TakenInput{held.token, session, IdentityOf(session)}, delivery);
}

void World::TakeQueued() {
  const std::vector<uint64_t> waiting = deliveries_.Select([](const Held& h) { return h.session == 0; });
  if (waiting.empty()) return;
  const uint64_t delivery = rng_.Pick(waiting);
  const uint64_t wanted = deliveries_.all().at(delivery).wanted_session;
  const bool there = std::find(sessions_.begin(), sessions_.end(), wanted) != sessions_.end();
  Take(delivery, there && rng_.Percent(70) ? wanted : SomeSession());
}

void World::Spill() {
  const std::vector<uint64_t> waiting = deliveries_.Select([](const Held& h) { return h.session == 0; });
  if (waiting.empty()) return;
  const uint64_t delivery = rng_.Pick(waiting);
  const v1::WorkToken token = deliveries_.all().at(delivery).token;
  deliveries_.all().erase(delivery);
  spilled_.insert(token.seq());
  Note(absl::StrCat("delivery ", delivery, " finds no room"));
  Post(engine::SpilledInput{token}, delivery);
}

void World::Redispatch() {
  if (spilled_.empty() && !rng_.Percent(10)) return;
  const bool any = spilled_.empty() || rng_.Percent(20);
  const int64_t seq = any ? rng_.Below(subject_.oracle().last_seq() + 2) : rng_.Pick(spilled_);
  Post(engine::RedispatchInput{seq});
}

void World::ReturnUnbegun() {
  const std::vector<uint64_t> out = deliveries_.Select([](const Held& h) { return !h.orphan && !h.claimed; });
  if (out.empty()) return;
  const uint64_t delivery = rng_.Pick(out);
  const v1::WorkToken token = deliveries_.all().at(delivery).token;
  deliveries_.all().erase(delivery);
  Note(absl::StrCat("delivery ", delivery, " never arrives"));
  Post(engine::ReturnedInput{token, false}, delivery);
}

void World::LoseSession() {
  uint64_t& lost = rng_.Pick(sessions_);
  Note(absl::StrCat("session ", lost, " is lost"));
  for (const uint64_t d : deliveries_.Select([&](const Held& h) { return h.session == lost && !h.orphan; })) {
    const v1::WorkToken token = deliveries_.all().at(d).token;
    deliveries_.all().erase(d);
    Remember(token);
    Post(engine::ReturnedInput{token, true}, d);
  }
  std::erase_if(running_steps_, [&](const auto& step) { return step.second.session == lost; });
  Post(engine::CoroutineGoneInput{lost});
  lost = next_session_++;
}

void World::DropCoroutine() {
  const uint64_t session = SomeSession();
  std::erase_if(running_steps_, [&](const auto& step) { return step.second.session == session; });
  Post(engine::CoroutineGoneInput{session});
}

// ---- workers ----

void World::SendActivationAnswer(Held held, WorkflowAnswer answer) {
  const uint64_t delivery = held.token.delivery();
  Note(absl::StrCat("session ", held.session, " answers activation delivery ", delivery, " with ",
                    answer.what));
  if (answer.verdict == Verdict::kAccepted) {
    const RunningStep running{held.session, held.token};
    for (const int64_t seq : held.activation->pending_steps()) running_steps_[seq] = running;
    for (const v1::Command& c : answer.answer.advance().commands()) {
      if (c.has_run_step()) running_steps_[c.run_step().seq()] = running;
    }
    for (const v1::StepCompleted& s : answer.answer.advance().steps()) running_steps_.erase(s.seq());
  }
  engine::ActivationAnswerInput input;
  input.answer = std::move(answer.answer);
  input.session = held.session;
  input.identity = IdentityOf(held.session);
  deliveries_.all().erase(delivery);
  Remember(held.token);
  Post(std::move(input), delivery, answer.verdict);
}

void World::AnswerActivation() {
  const std::vector<uint64_t> out =
      deliveries_.Select([](const Held& h) { return !h.task() && h.session != 0; });
  if (out.empty()) return;
  const Held held = deliveries_.all().at(rng_.Pick(out));
  const int64_t dice = rng_.Below(100);
  const v1::Activation& activation = *held.activation;
  if (dice < profile_.failed_percent) return SendActivationAnswer(held, FailedActivation(activation));
  if (dice < profile_.failed_percent + profile_.wrong_percent) {
    return SendActivationAnswer(held, WrongAdvance(rng_, activation, subject_.oracle(), profile_.limits));
  }
  const int64_t budget = subject_.oracle().cancel_seen() ? 0 : profile_.seqs_max;
  SendActivationAnswer(held, RandomAdvance(rng_, activation, subject_.oracle(), budget));
}

void World::SendTaskAnswer(const Held& held, v1::TaskAnswer answer) {
  const Held kept = held;
  *answer.mutable_token() = kept.token;
  deliveries_.all().erase(kept.token.delivery());
  Remember(kept.token);
  Note(absl::StrCat("session ", kept.session, " answers delivery ", kept.token.delivery(), " of task ",
                    kept.token.seq()));
  Post(engine::TaskAnswerInput{std::move(answer), IdentityOf(kept.session)}, kept.token.delivery());
  mail_.back().kept = kept;
}

void World::AnswerTask() {
  const std::vector<uint64_t> out =
      deliveries_.Select([](const Held& h) { return h.task() && h.session != 0 && !h.orphan; });
  if (out.empty()) return;
  const Held& held = deliveries_.all().at(rng_.Pick(out));
  v1::TaskAnswer answer;
  const int64_t dice = rng_.Below(100);
  if (dice < (held.cancel_asked ? 50 : 5)) {
    *answer.mutable_cancelled()->mutable_details() = Json("4");
  } else if (dice < 70) {
    *answer.mutable_failure() = RandomFailure(rng_);
  } else if (dice < 73) {
    answer.mutable_result()->set_data(
        std::string(static_cast<size_t>(profile_.limits.payload_bytes_max) + 1, 'x'));
  } else {
    *answer.mutable_result() = Json("5");
  }
  SendTaskAnswer(held, std::move(answer));
}

void World::AnswerStep() {
  // Now and then one that nobody runs.
  int64_t seq = rng_.Below(subject_.oracle().last_seq() + 2);
  if (running_steps_.empty() && !rng_.Percent(10)) return;
  engine::StepAnswerInput input;
  if (!running_steps_.empty()) {
    const auto& [picked, running] = rng_.Pick(running_steps_);
    seq = picked;
    *input.answer.mutable_token() = running.token;
  }
  running_steps_.erase(seq);
  *input.answer.mutable_step() = engine::testing::StepResult(seq, "6");
  Note(absl::StrCat("a worker answers step ", seq));
  Post(std::move(input));
}

void World::Heartbeat() {
  const std::vector<uint64_t> out =
      deliveries_.Select([](const Held& h) { return h.task() && h.session != 0 && !h.orphan; });
  if (out.empty()) return;
  engine::HeartbeatInput input;
  *input.heartbeat.mutable_token() = deliveries_.all().at(rng_.Pick(out)).token;
  if (rng_.Percent(70)) *input.heartbeat.mutable_details() = Json(absl::StrCat(rng_.Below(100)));
  Post(std::move(input));
}

// An answer, or a report, to something of the past, or to something that never was.
void World::StaleAnswer() {
  if (ghosts_.empty()) return;
  v1::WorkToken token = rng_.Pick(ghosts_);
  // Its worker kept it through a restart.
  if (deliveries_.Find(token.delivery()) != nullptr) return;
  if (rng_.Percent(20)) token.set_attempt(token.attempt() + 1);
  if (rng_.Percent(10)) token.set_seq(token.seq() + 1);
  if (rng_.Percent(10)) token.set_delivery(0);
  switch (rng_.Below(6)) {
    case 0: {
      engine::ActivationAnswerInput input;
      *input.answer.mutable_token() = token;
      input.answer.mutable_advance()->set_consumed_through(subject_.state().last_event_id);
      return Post(std::move(input));
    }
    case 1: {
      engine::TaskAnswerInput input;
      *input.answer.mutable_token() = token;
      *input.answer.mutable_result() = Json("\"stale\"");
      return Post(std::move(input));
    }
    case 2: {
      engine::HeartbeatInput input;
      *input.heartbeat.mutable_token() = token;
      return Post(std::move(input));
    }
    case 3:
      return Post(engine::ReturnedInput{token, rng_.Percent(50)});
    case 4:
      return Post(engine::SpilledInput{token});
    default:
      return Post(engine::TakenInput{token, SomeSession(), nullptr});
  }
}

// ---- clients and the clock ----

void World::Signal() {
  engine::SignalInput input;
  input.signal.set_name("poke");
  *input.signal.mutable_input() = Json("7");
  // New, repeated, or without an id.
  const int64_t dice = rng_.Below(100);
  if (dice < 60) input.signal.set_request_id(absl::StrCat("request-", next_request_++));
  if (dice >= 60 && dice < 80)
    input.signal.set_request_id(absl::StrCat("request-", rng_.Between(1, next_request_)));
  Post(std::move(input));
}

void World::CancelRun() {
  engine::CancelInput input;
  input.cancel.set_request_id(absl::StrCat("request-", next_request_++));
  Post(std::move(input));
}

void World::Terminate() {
  engine::TerminateInput input;
  input.terminate.set_request_id(absl::StrCat("request-", next_request_++));
  Post(std::move(input));
}

void World::MoveClock() {
  const int64_t due = subject_.state().next_deadline_ms();
  if (due != 0 && due < kFarFuture && rng_.Percent(40)) {
    now_ms_ = std::max(now_ms_, due + rng_.Between(-1, 1));
  } else {
    now_ms_ += rng_.Between(0, 120);
  }
  if (rng_.Percent(80)) Post(engine::TickInput{});
}

// ---- the server dies, or the run leaves memory ----

void World::Crash() {
  const bool hold = rng_.Percent(60);
  Note(hold ? "the server dies; tasks are held" : "the server dies; tasks are not held");
  coverage_.Saw(hold ? "crash, held" : "crash, not held");
  for (const v1::WorkToken& token : deliveries_.Crash()) Remember(token);
  // Answers that were on their way are still with their workers.
  for (Mail& mail : mail_) {
    if (mail.kept.session == 0) continue;
    mail.kept.orphan = true;
    mail.kept.recalled = mail.kept.claimed = mail.kept.cancel_asked = false;
    const uint64_t delivery = mail.kept.token.delivery();
    deliveries_.all()[delivery] = std::move(mail.kept);
  }
  mail_.clear();
  in_the_mail_.clear();
  running_steps_.clear();
  spilled_.clear();
  for (uint64_t& session : sessions_) session = next_session_++;
  if (!subject_.Reload(now_ms_, hold)) return;
  Post(engine::TickInput{});
  DeliverMail();
}

void World::Evict() {
  if (!mail_.empty() || !subject_.state().open()) return;
  subject_.WriteHead();
  if (subject_.state().hot()) return;
  Note("the run leaves memory and is loaded again");
  coverage_.Saw("evicted and loaded");
  spilled_.clear();
  if (!subject_.Reload(now_ms_, false)) return;
  Post(engine::TickInput{});
  DeliverMail();
}

void World::ClaimOrphan(uint64_t delivery) {
  Held& held = deliveries_.all().at(delivery);
  held.orphan = false;
  held.claimed = true;
  held.session = SomeSession();
  Note(absl::StrCat("session ", held.session, " comes back with delivery ", delivery, " of task ",
                    held.token.seq()));
  Post(engine::TakenOverInput{held.token, held.session, IdentityOf(held.session), rng_.Between(0, 200)},
       delivery);
}

void World::ComeBack() {
  const std::vector<uint64_t> orphans = deliveries_.Select([](const Held& h) { return h.orphan; });
  if (!orphans.empty()) ClaimOrphan(rng_.Pick(orphans));
}

}  // namespace perdure::model
