#include "worker-sdk/src/session/outbox.h"

#include <string>
#include <type_traits>
#include <utility>

namespace perdure::session {
namespace {

std::string TooLarge(std::size_t bytes) {
  return "the answer has " + std::to_string(bytes) + " bytes; one frame takes at most " +
         std::to_string(kAnswerBytesMax) +
         ": pass large values by reference, or issue fewer commands at once";
}

v1::Failure LimitFailure(std::size_t bytes) {
  v1::Failure failure;
  failure.set_kind(v1::Failure::KIND_LIMIT);
  failure.set_type("AnswerTooLarge");
  failure.set_message(TooLarge(bytes));
  failure.set_non_retryable(true);
  return failure;
}

void ReplaceByFailure(v1::ActivationAnswer& answer, std::size_t bytes) {
  *answer.mutable_failure() = LimitFailure(bytes);
}
void ReplaceByFailure(v1::StepAnswer& answer, std::size_t bytes) {
  *answer.mutable_step()->mutable_failure() = LimitFailure(bytes);
}
void ReplaceByFailure(v1::TaskAnswer& answer, std::size_t bytes) {
  *answer.mutable_failure() = LimitFailure(bytes);
}

}  // namespace

// Counts what goes into a frame.
class FrameBudget {
 public:
  bool Full() const { return items_ >= kFrameItemsMax || bytes_ >= kFrameBytesTarget; }
  // Whether an item of this size still goes in. The first one always does.
  bool Take(std::size_t bytes) {
    if (items_ > 0 && (Full() || bytes_ + bytes > kFrameBytesTarget)) return false;
    ++items_;
    bytes_ += bytes;
    return true;
  }

 private:
  std::size_t items_ = 0;
  std::size_t bytes_ = 0;
};

template <typename T>
std::uint64_t Outbox::Keep(T answer) {
  std::size_t bytes = answer.ByteSizeLong();
  if (bytes > kAnswerBytesMax) {
    ReplaceByFailure(answer, bytes);
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
  FrameBudget budget;
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
    if (const auto* activation = std::get_if<v1::ActivationAnswer>(&it->second.answer)) {
      *frame->add_activation_answers() = *activation;
    } else if (const auto* step = std::get_if<v1::StepAnswer>(&it->second.answer)) {
      *frame->add_step_answers() = *step;
    } else {
      *frame->add_task_answers() = std::get<v1::TaskAnswer>(it->second.answer);
    }
  }
  return true;
}

Outbox::KeptMap::iterator Outbox::Forget(KeptMap::iterator it) {
  unacked_bytes_ -= it->second.bytes;
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
