#include "worker-sdk/src/session/outbox.h"

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

namespace perdure::session {
namespace {

std::string TooLarge(std::size_t bytes, std::size_t bytes_max) {
  return "the answer has " + std::to_string(bytes) + " bytes; one frame takes at most " +
         std::to_string(bytes_max) + ": pass large values by reference, or issue fewer commands at once";
}

v1::Failure LimitFailure(std::size_t bytes, std::size_t bytes_max) {
  v1::Failure failure;
  failure.set_kind(v1::Failure::KIND_LIMIT);
  failure.set_type("AnswerTooLarge");
  failure.set_message(TooLarge(bytes, bytes_max));
  failure.set_non_retryable(true);
  return failure;
}

v1::Failure RefusedFailure(const std::string& status) {
  v1::Failure failure;
  failure.set_kind(v1::Failure::KIND_WORKER_ERROR);
  failure.set_type("AnswerRefused");
  failure.set_message("the server refused the answer of this worker: " + status);
  return failure;
}

void ReplaceBy(const v1::Failure& failure, v1::ActivationAnswer& answer) {
  *answer.mutable_failure() = failure;
}
void ReplaceBy(const v1::Failure& failure, v1::StepAnswer& answer) {
  *answer.mutable_step()->mutable_failure() = failure;
}
void ReplaceBy(const v1::Failure& failure, v1::TaskAnswer& answer) { *answer.mutable_failure() = failure; }

void AddTo(v1::WorkerFrame& frame, const v1::ActivationAnswer& answer) {
  *frame.add_activation_answers() = answer;
}
void AddTo(v1::WorkerFrame& frame, const v1::StepAnswer& answer) { *frame.add_step_answers() = answer; }
void AddTo(v1::WorkerFrame& frame, const v1::TaskAnswer& answer) { *frame.add_task_answers() = answer; }

}  // namespace

// Counts what goes into a frame.
class FrameBudget {
 public:
  FrameBudget(std::size_t bytes_target, std::size_t items_max)
      : bytes_target_(bytes_target), items_max_(items_max) {}
  bool Full() const { return items_ >= items_max_ || bytes_ >= bytes_target_; }
  // Whether an item of this size still goes in. The first one always does.
  bool Take(std::size_t bytes) {
    if (items_ > 0 && (Full() || bytes_ + bytes > bytes_target_)) return false;
    ++items_;
    bytes_ += bytes;
    return true;
  }

 private:
  const std::size_t bytes_target_;
  const std::size_t items_max_;
  std::size_t items_ = 0;
  std::size_t bytes_ = 0;
};

template <typename T>
std::uint64_t Outbox::Keep(T answer) {
  std::size_t bytes = answer.ByteSizeLong();
  if (bytes > answer_bytes_max_) {
    ReplaceBy(LimitFailure(bytes, answer_bytes_max_), answer);
    bytes = answer.ByteSizeLong();
  }
  const std::uint64_t id = next_answer_id_++;
  answer.set_answer_id(id);
  unacked_bytes_ += bytes;
  if constexpr (!std::is_same_v<T, v1::StepAnswer>) by_token_[KeyOf(answer.token())] = id;
  unacked_.emplace_hint(unacked_.end(), id, Kept{std::move(answer), bytes});
  to_send_.push_back(id);
  return id;
}

void Outbox::SetFrameLimits(std::int64_t bytes_max, std::int64_t items_max) {
  std::size_t bytes = kAnswerBytesMax;
  if (bytes_max > 0) {
    bytes = std::min(bytes, static_cast<std::size_t>(bytes_max));
    bytes -= std::min(bytes / 2, kFrameOverheadBytes);
  }
  answer_bytes_max_ = bytes;
  frame_bytes_target_ = std::min(bytes, kFrameBytesTarget);
  frame_items_max_ = kFrameItemsMax;
  if (items_max > 0) frame_items_max_ = std::min(kFrameItemsMax, static_cast<std::size_t>(items_max));
  for (auto& [id, kept] : unacked_) {
    if (kept.bytes > bytes) ReplaceByFailure(kept, LimitFailure(kept.bytes, bytes));
  }
}

std::uint64_t Outbox::Add(v1::ActivationAnswer answer) { return Keep(std::move(answer)); }
std::uint64_t Outbox::Add(v1::StepAnswer answer) { return Keep(std::move(answer)); }

std::uint64_t Outbox::Add(v1::TaskAnswer answer) {
  const auto waiting = heartbeats_.find(KeyOf(answer.token()));
  if (waiting != heartbeats_.end()) {
    if (answer.has_failure() && waiting->second.has_details()) {
      last_heartbeats_.push_back(std::move(waiting->second));
    }
    heartbeats_.erase(waiting);
  }
  return Keep(std::move(answer));
}

void Outbox::Add(v1::TaskHeartbeat heartbeat) {
  v1::TaskHeartbeat& waiting = heartbeats_[KeyOf(heartbeat.token())];
  // A mere sign of life must not wipe out details that wait.
  if (!heartbeat.has_details() && waiting.has_details()) return;
  waiting = std::move(heartbeat);
}

void Outbox::Add(v1::HistoryRequest request) { history_requests_.push_back(std::move(request)); }

void Outbox::AddEvicted(v1::WorkToken token) {
  if (evicted_.size() >= kEvictedMax) evicted_.pop_front();
  evicted_.push_back(std::move(token));
}

void Outbox::AddDrain() {
  if (draining_) return;
  draining_ = true;
  drain_to_send_ = true;
}

bool Outbox::HasWaiting() const {
  return drain_to_send_ || !to_send_.empty() || !heartbeats_.empty() || !last_heartbeats_.empty() ||
         !history_requests_.empty() || !evicted_.empty();
}

bool Outbox::NextFrame(v1::WorkerFrame* frame) {
  frame->Clear();
  if (!HasWaiting()) return false;
  if (!in_question_.empty()) return NextAlone(frame);
  FrameBudget budget(frame_bytes_target_, frame_items_max_);
  if (std::exchange(drain_to_send_, false)) frame->mutable_drain();
  const auto take = [&budget](auto& queue, auto* field) {
    while (!queue.empty() && budget.Take(queue.front().ByteSizeLong())) {
      field->Add(std::move(queue.front()));
      queue.pop_front();
    }
  };
  if (!last_heartbeats_.empty()) {
    take(last_heartbeats_, frame->mutable_heartbeats());
    return true;
  }
  if (!TakeAnswers(frame, budget)) return true;
  take(history_requests_, frame->mutable_history_requests());
  while (!heartbeats_.empty() && budget.Take(heartbeats_.begin()->second.ByteSizeLong())) {
    *frame->add_heartbeats() = std::move(heartbeats_.begin()->second);
    heartbeats_.erase(heartbeats_.begin());
  }
  take(evicted_, frame->mutable_evicted());
  return true;
}

// False: the frame is full.
bool Outbox::TakeAnswers(v1::WorkerFrame* frame, FrameBudget& budget) {
  for (; !to_send_.empty(); to_send_.pop_front()) {
    const auto it = unacked_.find(to_send_.front());
    if (it == unacked_.end()) continue;
    if (!budget.Take(it->second.bytes)) return false;
    // Copied, since the answer is kept until it is acknowledged.
    std::visit([frame](const auto& answer) { AddTo(*frame, answer); }, it->second.answer);
    sent_through_ = it->first;
  }
  return true;
}

bool Outbox::NextAlone(v1::WorkerFrame* frame) {
  for (; alone_ == 0 && !to_send_.empty(); to_send_.pop_front()) {
    const auto it = unacked_.find(to_send_.front());
    if (it == unacked_.end()) continue;
    std::visit([frame](const auto& answer) { AddTo(*frame, answer); }, it->second.answer);
    sent_through_ = std::max(sent_through_, it->first);
    alone_ = it->first;
    to_send_.pop_front();
    return true;
  }
  return false;
}

std::optional<Outbox::Refused> Outbox::OnRefused(bool too_large, const std::string& status) {
  const auto it = unacked_.find(std::exchange(alone_, 0));
  if (it != unacked_.end()) {
    const bool large = it->second.bytes > kFrameBytesTarget;
    if (!too_large || (large && ++it->second.refusals >= kTooLargeTries)) return Replace(it, status);
    return std::nullopt;
  }
  for (const auto& [id, kept] : unacked_) {
    if (id > sent_through_) break;
    if (!too_large || kept.bytes > kFrameBytesTarget) in_question_.insert(id);
  }
  return std::nullopt;
}

void Outbox::ReplaceByFailure(Kept& kept, const v1::Failure& failure) {
  unacked_bytes_ -= kept.bytes;
  kept.bytes = std::visit(
      [&failure](auto& answer) {
        ReplaceBy(failure, answer);
        return answer.ByteSizeLong();
      },
      kept.answer);
  unacked_bytes_ += kept.bytes;
}

Outbox::Refused Outbox::Replace(KeptMap::iterator it, const std::string& status) {
  const Refused refused{it->first, it->second.replaced};
  if (refused.dropped) {
    Forget(it);
    return refused;
  }
  ReplaceByFailure(it->second, RefusedFailure(status));
  it->second.replaced = true;
  return refused;
}

Outbox::KeptMap::iterator Outbox::Forget(KeptMap::iterator it) {
  unacked_bytes_ -= it->second.bytes;
  in_question_.erase(it->first);
  if (alone_ == it->first) alone_ = 0;
  const auto forget_token = [&](const v1::WorkToken& token) {
    const auto known = by_token_.find(KeyOf(token));
    if (known != by_token_.end() && known->second == it->first) by_token_.erase(known);
  };
  if (const auto* activation = std::get_if<v1::ActivationAnswer>(&it->second.answer)) {
    forget_token(activation->token());
  } else if (const auto* task = std::get_if<v1::TaskAnswer>(&it->second.answer)) {
    forget_token(task->token());
  }
  return unacked_.erase(it);
}

bool Outbox::Ack(std::uint64_t answer_id) {
  auto it = unacked_.find(answer_id);
  if (it == unacked_.end()) return false;
  Forget(it);
  return true;
}

void Outbox::OnNewStream(bool server_changed) {
  to_send_.clear();
  sent_through_ = 0;
  alone_ = 0;
  for (auto it = unacked_.begin(); it != unacked_.end();) {
    if (server_changed && std::holds_alternative<v1::ActivationAnswer>(it->second.answer)) {
      it = Forget(it);
      continue;
    }
    to_send_.push_back(it->first);
    ++it;
  }
  history_requests_.clear();
  evicted_.clear();
  drain_to_send_ = draining_;
}

void Outbox::DropStale(const v1::WorkToken& token) {
  const TokenKey key = KeyOf(token);
  heartbeats_.erase(key);
  const auto known = by_token_.find(key);
  if (known != by_token_.end()) Forget(unacked_.find(known->second));
}

std::vector<v1::WorkToken> Outbox::UnackedTasks() const {
  std::vector<v1::WorkToken> tokens;
  for (const auto& [id, kept] : unacked_) {
    if (const auto* answer = std::get_if<v1::TaskAnswer>(&kept.answer)) tokens.push_back(answer->token());
  }
  return tokens;
}

std::vector<v1::WorkToken> Outbox::UnackedActivations() const {
  std::vector<v1::WorkToken> tokens;
  for (const auto& [id, kept] : unacked_) {
    if (const auto* answer = std::get_if<v1::ActivationAnswer>(&kept.answer)) {
      tokens.push_back(answer->token());
    }
  }
  return tokens;
}

}  // namespace perdure::session
