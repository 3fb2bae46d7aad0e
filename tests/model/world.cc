#include "tests/model/world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/unit/engine/commands.h"

namespace perdure::model {
namespace {

constexpr size_t kTraceLines = 60;
constexpr int64_t kDriveRoundsMax = 2'000;
// One full check of what is stored every so many inputs; the shadow is checked at each.
constexpr int64_t kStoredCheckEvery = 16;

}  // namespace

World::World(uint64_t seed, Profile profile, Coverage& coverage)
    : seed_(seed),
      profile_(std::move(profile)),
      coverage_(coverage),
      rng_(seed),
      subject_(profile_, deliveries_, coverage) {}

void World::Note(std::string what) {
  trace_.push_back(absl::StrCat("  @", now_ms_ - 1'700'000'000'000, " ", what));
  if (trace_.size() > kTraceLines) trace_.pop_front();
}

std::string World::Trace() const {
  return absl::StrCat("profile ", profile_.name, ", seed ", seed_, " (PERDURE_MODEL_SEED=", seed_,
                      " runs it alone); the last things that happened:\n", absl::StrJoin(trace_, "\n"));
}

std::string World::Run() {
  Post(engine::StartInput{RandomStart()});
  if (DeliverMail() && LiveOn() && DriveToClose()) NothingHappensAfterClose();
  return subject_.broken();
}

v1::RunStarted World::RandomStart() {
  v1::RunStarted started;
  started.set_namespace_("default");
  started.set_workflow_id("order-42");
  started.set_run_id("run-1");
  started.set_workflow_type("order_fulfillment");
  started.set_task_queue("orders");
  *started.mutable_input() = engine::testing::Json("{}");
  started.set_attempt(1);
  started.set_first_started_unix_ms(now_ms_);
  if (rng_.Percent(15)) started.set_run_timeout_ms(rng_.Between(50, 5'000));
  if (rng_.Percent(10)) started.set_execution_timeout_ms(rng_.Between(50, 5'000));
  if (rng_.Percent(15)) started.set_not_before_unix_ms(now_ms_ + rng_.Between(0, 300));
  if (rng_.Percent(40)) {
    started.mutable_retry_policy()->set_max_attempts(static_cast<int32_t>(rng_.Below(4)));
    started.mutable_retry_policy()->add_non_retryable_types("Fatal");
    started.set_attempt(static_cast<int32_t>(rng_.Between(1, 3)));
  }
  return started;
}

// ---- the mailbox ----

void World::Post(Input input, uint64_t delivery, Verdict verdict) {
  if (delivery != 0) in_the_mail_.insert(delivery);
  Mail mail;
  mail.input = std::move(input);
  mail.verdict = verdict;
  mail.delivery = delivery;
  mail_.push_back(std::move(mail));
}

bool World::DeliverMail() {
  if (mail_.empty()) return true;
  const Mail mail = std::move(mail_.front());
  mail_.pop_front();
  const bool claim = std::holds_alternative<engine::TakenOverInput>(mail.input);
  if (mail.delivery != 0 && !claim) in_the_mail_.erase(in_the_mail_.find(mail.delivery));
  ++inputs_;
  Note(absl::StrCat("engine takes: ", NameOf(mail.input),
                    mail.delivery == 0 ? "" : absl::StrCat(", delivery ", mail.delivery)));
  if (!subject_.Take(mail.input, now_ms_, rng_.Next(), in_the_mail_)) return false;
  return (!claim || Claimed(mail)) && Afterwards(mail);
}

// A worker that came back is counted on from now on, or is told to stop.
bool World::Claimed(const Mail& mail) {
  in_the_mail_.erase(in_the_mail_.find(mail.delivery));
  if (Held* held = deliveries_.Find(mail.delivery); held != nullptr && held->claimed) {
    held->claimed = false;
    held->recalled = subject_.last().stale;
  }
  std::string wrong = deliveries_.Check(subject_.state(), in_the_mail_);
  return wrong.empty() || subject_.Break(std::move(wrong));
}

bool World::DeliverAllMail() {
  while (!mail_.empty()) {
    if (!DeliverMail()) return false;
  }
  return true;
}

bool World::Afterwards(const Mail& mail) {
  const engine::Decision& d = subject_.last();
  if (d.stale) {
    Note("  stale");
    return true;
  }
  if (!d.status.ok()) Note("  refused: " + std::string(d.status.message()));
  if (d.activation_failure) Note("  the activation failed: " + d.activation_failure->message());
  for (const engine::EventPtr& e : d.events) Note(absl::StrCat("  event: ", e->ShortDebugString()));
  if (mail.verdict == Verdict::kAccepted && d.activation_failure) {
    return subject_.Break("a valid advance was refused: " + d.activation_failure->message());
  }
  if (mail.verdict == Verdict::kActivationFails && !d.activation_failure) {
    return subject_.Break("an advance that is wrong was accepted");
  }
  if (inputs_ % kStoredCheckEvery != 0) return true;
  if (rng_.Percent(50)) subject_.WriteHead();
  return subject_.CheckStored();
}

// ---- the three parts of a run's life ----

bool World::LiveOn() {
  int total = 0;
  for (const int weight : profile_.weights) total += weight;
  const int64_t actions = rng_.Between(profile_.actions_max / 4, profile_.actions_max);
  for (int64_t i = 0; i < actions && subject_.state().open(); ++i) {
    int64_t dice = rng_.Below(total);
    int action = 0;
    while (dice >= profile_.weights[static_cast<size_t>(action)])
      dice -= profile_.weights[static_cast<size_t>(action++)];
    Act(static_cast<Action>(action));
    if (!subject_.broken().empty()) return false;
  }
  return true;
}

bool World::DriveToClose() {
  Note("the faults stop");
  int64_t wake_ups = 0;
  for (int64_t round = 0; subject_.state().open(); ++round) {
    if (round > kDriveRoundsMax) return subject_.Break("the run does not close though everybody answers");
    if (!DeliverAllMail()) return false;
    if (!subject_.state().open()) break;
    if (EverybodyWorks()) continue;
    if (const int64_t due = subject_.state().next_deadline_ms(); due != 0 && due < kFarFuture) {
      now_ms_ = std::max(now_ms_, due);
      Post(engine::TickInput{});
      continue;
    }
    // The code of the random part may have left the run waiting for signals only.
    if (AwaitsSomethingSoon()) return subject_.Break("the run is stuck: it awaits what nobody does");
    if (++wake_ups > 3) return subject_.Break("the run is stuck: a signal does not wake it");
    engine::SignalInput wake;
    wake.signal.set_name("poke");
    Post(std::move(wake));
  }
  return subject_.CheckStored();
}

bool World::AwaitsSomethingSoon() const {
  const Oracle& oracle = subject_.oracle();
  return std::any_of(oracle.awaited().begin(), oracle.awaited().end(), [&](int64_t seq) {
    const Oracle::Item& item = oracle.items().at(seq);
    return item.kind != Oracle::Item::Kind::kTimer || item.due_ms < kFarFuture;
  });
}

bool World::EverybodyWorks() {
  bool worked = false;
  for (const uint64_t d : deliveries_.Select([](const Held& h) { return h.orphan; }))
    ClaimOrphan(d), worked = true;
  if (subject_.state().hold_tasks) {
    if (!DeliverAllMail()) return true;
    Post(engine::ReleaseHeldInput{});
    worked = true;
  }
  for (const uint64_t d : deliveries_.Select([](const Held& h) { return h.session == 0; })) {
    Take(d, SomeSession());
    worked = true;
  }
  for (const uint64_t d : deliveries_.Select([](const Held& h) { return !h.task(); })) {
    const Held held = deliveries_.all().at(d);
    SendActivationAnswer(held, FinishingAdvance(*held.activation, subject_.oracle()));
    worked = true;
  }
  for (const uint64_t d : deliveries_.Select([](const Held& h) { return h.task(); })) {
    v1::TaskAnswer answer;
    *answer.mutable_result() = engine::testing::Json("3");
    SendTaskAnswer(deliveries_.all().at(d), std::move(answer));
    worked = true;
  }
  while (!running_steps_.empty()) {
    AnswerStep();
    worked = true;
  }
  for (const int64_t seq : spilled_) {
    Post(engine::RedispatchInput{seq});
    worked = true;
  }
  spilled_.clear();
  return worked;
}

// Whatever comes now finds a closed run and changes nothing.
bool World::NothingHappensAfterClose() {
  const int64_t last_event_id = subject_.state().last_event_id;
  if (!DeliverAllMail()) return false;
  for (int i = 0; i < 3; ++i) {
    Signal();
    StaleAnswer();
    now_ms_ += rng_.Between(0, 1'000);
    Post(engine::TickInput{});
    Post(engine::RedispatchInput{rng_.Below(subject_.oracle().last_seq() + 1)});
  }
  EverybodyWorks();
  if (!DeliverAllMail()) return false;
  Crash();
  if (!subject_.broken().empty() || !DeliverAllMail()) return false;
  if (subject_.state().last_event_id != last_event_id) return subject_.Break("a closed run has a new event");
  return true;
}

}  // namespace perdure::model
