#include "tests/model/deliveries.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace perdure::model {
namespace {

using engine::ActivationPhase;
using engine::RunState;
using engine::TaskPhase;

std::string Name(const v1::WorkToken& token) {
  return absl::StrCat(token.seq() == 0 ? std::string("the activation") : absl::StrCat("task ", token.seq()),
                      ", attempt ", token.attempt(), ", delivery ", token.delivery());
}

// The delivery that the engine takes for current; 0: none is out.
uint64_t CurrentDelivery(const RunState& s, int64_t seq) {
  if (seq == 0) {
    const bool out =
        s.activation.phase == ActivationPhase::kQueued || s.activation.phase == ActivationPhase::kRunning;
    return out ? s.activation.delivery : 0;
  }
  auto it = s.tasks.find(seq);
  if (it == s.tasks.end()) return 0;
  const bool out = it->second.phase == TaskPhase::kQueued || it->second.phase == TaskPhase::kRunning;
  return out ? it->second.delivery : 0;
}

}  // namespace

std::string Deliveries::Release(const engine::Decision& decision, const RunState& after) {
  std::set<int64_t> handed_out;
  for (const Work& work : decision.work) {
    std::string wrong;
    switch (work.kind) {
      case Work::Kind::kActivation:
      case Work::Kind::kTask: {
        Held held;
        held.token = work.activation ? work.activation->token() : work.task->token();
        held.wanted_session = work.session;
        if (work.activation) held.activation = std::make_shared<const v1::Activation>(*work.activation);
        if (!handed_out.insert(held.token.seq()).second)
          return Name(held.token) + " is handed out twice at once";
        wrong = HandOut(std::move(held), after);
        break;
      }
      case Work::Kind::kCancelTask:
      case Work::Kind::kWithdraw:
        wrong = TakeBack(work, after);
        break;
      default:
        break;
    }
    if (!wrong.empty()) return wrong;
  }
  return "";
}

std::string Deliveries::HandOut(Held held, const RunState& after) {
  const v1::WorkToken& token = held.token;
  if (!after.open()) return Name(token) + " is handed out, but the run is closed";
  if (!ever_.insert(token.delivery()).second)
    return Name(token) + " has a delivery number that was used before";
  if (CurrentDelivery(after, token.seq()) != token.delivery())
    return Name(token) + " is not the current delivery";
  for (const auto& [delivery, other] : held_) {
    if (other.token.seq() == token.seq() && other.counts()) {
      return absl::StrCat(Name(token), " is handed out while delivery ", delivery, " is out");
    }
  }
  held_[token.delivery()] = std::move(held);
  return "";
}

std::string Deliveries::TakeBack(const Work& work, const RunState& after) {
  Held* held = Find(work.token.delivery());
  // Answered, returned or spilled already, and the engine was to hear of it next.
  if (held == nullptr)
    return ever_.contains(work.token.delivery()) ? "" : Name(work.token) + " was never out";
  if (work.token.SerializeAsString() != held->token.SerializeAsString()) {
    return absl::StrCat("the recall of ", Name(held->token), " has the token of ", Name(work.token));
  }
  // Twice is right only for a task that its code cancelled in an advance by which the run hit a limit.
  if (held->recalled && after.open()) return Name(work.token) + " is recalled twice";
  if (work.kind == Work::Kind::kCancelTask &&
      CurrentDelivery(after, work.token.seq()) == work.token.delivery()) {
    held->cancel_asked = true;
    return "";
  }
  held->recalled = true;
  if (held->session == 0) held_.erase(work.token.delivery());
  return "";
}

std::string Deliveries::Check(const RunState& s, const std::multiset<uint64_t>& in_the_mail) const {
  for (const auto& [delivery, held] : held_) {
    if (!held.counts()) continue;
    if (!s.open()) return Name(held.token) + " is out, but the run is closed";
    if (CurrentDelivery(s, held.token.seq()) != delivery) {
      return Name(held.token) + " is out, but the engine does not count on it and did not recall it";
    }
    auto task = s.tasks.find(held.token.seq());
    if (task != s.tasks.end() && task->second.cancel_requested && !held.cancel_asked) {
      return Name(held.token) + " is to be cancelled, but its worker was not told";
    }
  }
  const auto known = [&](uint64_t delivery) {
    auto it = held_.find(delivery);
    return (it != held_.end() && it->second.counts()) || in_the_mail.contains(delivery);
  };
  if (!s.open()) return "";
  if (const uint64_t d = CurrentDelivery(s, 0); d != 0 && !known(d)) {
    return absl::StrCat("the engine waits for activation delivery ", d, ", which nobody has");
  }
  for (const auto& [seq, task] : s.tasks) {
    if (const uint64_t d = CurrentDelivery(s, seq); d != 0 && !known(d)) {
      return absl::StrCat("the engine waits for delivery ", d, " of task ", seq, ", which nobody has");
    }
  }
  return "";
}

std::vector<v1::WorkToken> Deliveries::Crash() {
  std::vector<v1::WorkToken> gone;
  for (auto it = held_.begin(); it != held_.end();) {
    Held& held = it->second;
    if (held.session == 0 || !held.task()) {
      gone.push_back(held.token);
      it = held_.erase(it);
      continue;
    }
    // Whether it was recalled, the next server decides anew; the worker does not know.
    held.orphan = true;
    held.claimed = held.recalled = held.cancel_asked = false;
    ++it;
  }
  return gone;
}

Held* Deliveries::Find(uint64_t delivery) {
  auto it = held_.find(delivery);
  return it == held_.end() ? nullptr : &it->second;
}

}  // namespace perdure::model
