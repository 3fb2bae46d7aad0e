#include "tests/model/subject.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/evolve.h"
#include "server/engine/live.h"
#include "tests/unit/engine/compare.h"
#include "tests/unit/engine/invariants.h"

namespace perdure::model {

using engine::Decision;
using engine::EventPtr;
using engine::NotePtr;
using engine::RunState;
using engine::testing::BrokenInvariant;
using engine::testing::DecisionBytes;
using engine::testing::FoldedDifference;
using engine::testing::LiveDifference;

const char* NameOf(const Input& input) {
  static constexpr const char* kNames[] = {
      "start",       "signal",         "cancel", "terminate",   "activation answer", "step answer",
      "task answer", "heartbeat",      "taken",  "taken over",  "returned",          "spilled",
      "redispatch",  "coroutine gone", "tick",   "release held"};
  return kNames[input.index()];
}

Subject::Subject(const Profile& profile, Deliveries& deliveries, Coverage& coverage)
    : profile_(profile), deliveries_(deliveries), coverage_(coverage), oracle_(profile.remembers_requests) {
  state_.partition = shadow_.partition = engine::testing::kPartition;
  state_.run = shadow_.run = engine::testing::kRun;
}

bool Subject::Break(std::string what) {
  if (broken_.empty()) broken_ = std::move(what);
  return broken_.empty();
}

Decision Subject::DecideOnce(RunState& state, Input input, int64_t now_ms, uint64_t random,
                             uint64_t& next_delivery) const {
  const engine::Env env{now_ms, random, &next_delivery, &profile_.limits};
  return std::visit([&](auto& i) { return engine::Decide(state, std::move(i), env); }, input);
}

bool Subject::Take(const Input& input, int64_t now_ms, uint64_t random,
                   const std::multiset<uint64_t>& in_the_mail) {
  RunState twin = state_;
  const uint64_t next_delivery = next_delivery_;
  last_ = DecideOnce(state_, input, now_ms, random, next_delivery_);
  if (!CheckTwin(twin, input, now_ms, random, next_delivery)) return false;
  stored_.Apply(last_);
  coverage_.Saw(
      absl::StrCat(NameOf(input), last_.stale ? " (stale)" : (last_.status.ok() ? "" : " (refused)")));
  if (!FoldIntoShadow() || !CheckDecision(now_ms) || !CheckState()) return false;
  if (std::string wrong = deliveries_.Release(last_, state_); !wrong.empty()) return Break(wrong);
  if (std::string wrong = deliveries_.Check(state_, in_the_mail); !wrong.empty()) return Break(wrong);
  return true;
}

// The same input on the same state must lead to the same decision; a stale or refused one must change
// nothing.
bool Subject::CheckTwin(RunState& twin, const Input& input, int64_t now_ms, uint64_t random,
                        uint64_t next_delivery) {
  if (last_.stale || !last_.status.ok()) {
    const std::string difference = FoldedDifference(twin, state_) + LiveDifference(twin, state_);
    if (!difference.empty()) return Break("a stale or refused input changed the state: " + difference);
    if (!last_.events.empty() || !last_.notes.empty() || !last_.dropped_notes.empty() ||
        !last_.work.empty()) {
      return Break("a stale or refused input has effects");
    }
  }
  const Decision again = DecideOnce(twin, input, now_ms, random, next_delivery);
  if (DecisionBytes(again) != DecisionBytes(last_)) return Break("the same input led to two decisions");
  const std::string difference = FoldedDifference(twin, state_) + LiveDifference(twin, state_);
  return difference.empty() || Break("the same input led to two states: " + difference);
}

bool Subject::FoldIntoShadow() {
  for (const EventPtr& event : last_.events) {
    auto copy = std::make_shared<v1::Event>();
    copy->ParseFromString(event->SerializeAsString());
    if (std::string why = WhyNotFoldable(shadow_, *copy); !why.empty()) return Break(why);
    Evolve(shadow_, std::move(copy), profile_.limits);
  }
  for (const NotePtr& note : last_.notes) {
    if (shadow_.open()) Evolve(shadow_, std::make_shared<engine::records::NoteRecord>(*note));
  }
  const std::string difference = FoldedDifference(state_, shadow_);
  return difference.empty() || Break("the live state is not the fold of what is stored: " + difference);
}

bool Subject::CheckDecision(int64_t now_ms) {
  for (const EventPtr& event : last_.events) {
    const auto* kind = v1::Event::descriptor()->FindFieldByNumber(static_cast<int>(event->body_case()));
    coverage_.Saw(kind == nullptr ? "no event" : kind->name());
    if (std::string wrong = oracle_.Observe(*event); !wrong.empty()) return Break(wrong);
    if (event->time_unix_ms() != now_ms) return Break("an event has another time than now");
  }
  for (const Work& work : last_.work) {
    if (work.task && TooEarly(work.task->seq(), now_ms))
      return Break("a task is handed out before its next attempt is due");
    if (!work.activation) continue;
    if (TooEarly(0, now_ms)) return Break("an activation is handed out before it is due");
    if (std::string wrong = oracle_.ObserveActivation(*work.activation, now_ms); !wrong.empty())
      return Break(wrong);
  }
  if (last_.activation_failure) coverage_.Saw("activation failed");
  if (oracle_.closed() == state_.open())
    return Break("engine and oracle disagree on whether the run is open");
  return CheckNextRun(now_ms);
}

// Whether the item may not be handed out yet.
bool Subject::TooEarly(int64_t seq, int64_t now_ms) const {
  if (seq != 0) {
    auto it = state_.tasks.find(seq);
    return it != state_.tasks.end() && it->second.note && it->second.note->not_before_unix_ms() > now_ms;
  }
  if (state_.activation_note && state_.activation_note->not_before_unix_ms() > now_ms) return true;
  return state_.last_advanced_id == 0 && state_.started().not_before_unix_ms() > now_ms;
}

bool Subject::CheckNextRun(int64_t now_ms) {
  if (!last_.next_run) return true;
  coverage_.Saw("next run");
  const v1::RunStarted& next = *last_.next_run;
  const v1::RunStarted& started = state_.started();
  if (state_.open()) return Break("a next run begins while this one is open");
  if (state_.status != v1::RUN_STATUS_FAILED && state_.status != v1::RUN_STATUS_TIMED_OUT) {
    return Break("a run that neither failed nor timed out is retried");
  }
  if (next.attempt() != started.attempt() + 1) return Break("the next run does not count its attempt on");
  if (next.not_before_unix_ms() < now_ms) return Break("the next run begins in the past");
  if (state_.cancel_requested) return Break("a run that was asked to cancel is retried");
  const int32_t max = started.retry_policy().max_attempts();
  return max == 0 || next.attempt() <= max || Break("the run has more attempts than its policy allows");
}

bool Subject::CheckState() {
  std::string wrong = BrokenInvariant(state_, stored_.note_rows());
  return wrong.empty() || Break(std::move(wrong));
}

bool Subject::CheckStored() {
  for (const bool use_head : {false, true}) {
    const absl::StatusOr<RunState> folded = stored_.Load(profile_.limits, use_head);
    if (!folded.ok()) return Break(folded.status().ToString());
    const std::string difference = FoldedDifference(state_, *folded);
    if (!difference.empty()) {
      return Break(absl::StrCat("the state is not what a reload ", use_head ? "from the head " : "",
                                "gives: ", difference));
    }
  }
  return true;
}

void Subject::WriteHead() {
  if (state_.open() && stored_.WriteHead(state_)) coverage_.Saw("head written");
}

bool Subject::Reload(int64_t now_ms, bool hold_tasks) {
  if (!CheckStored()) return false;
  state_ = *stored_.Load(profile_.limits, true);
  shadow_ = *stored_.Load(profile_.limits, false);
  Revive(state_, now_ms, hold_tasks);
  return true;
}

}  // namespace perdure::model
