#include "worker-sdk/src/session/outbox.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <array>
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

int FieldOf(EncodedAnswer::Kind kind) {
  switch (kind) {
    case EncodedAnswer::Kind::kActivation:
      return v1::WorkerFrame::kActivationAnswersFieldNumber;
    case EncodedAnswer::Kind::kStep:
      return v1::WorkerFrame::kStepAnswersFieldNumber;
    case EncodedAnswer::Kind::kTask:
      return v1::WorkerFrame::kTaskAnswersFieldNumber;
  }
  return 0;
}

// The same in all answers.
constexpr int kAnswerIdField = v1::TaskAnswer::kAnswerIdFieldNumber;
static_assert(int{v1::ActivationAnswer::kAnswerIdFieldNumber} == kAnswerIdField);
static_assert(int{v1::StepAnswer::kAnswerIdFieldNumber} == kAnswerIdField);

// As an item of a frame. The fields of a message may come in any order.
void AppendAnswer(std::uint64_t id, const EncodedAnswer& answer, std::string& frame) {
  using Wire = google::protobuf::internal::WireFormatLite;
  using Out = google::protobuf::io::CodedOutputStream;
  constexpr std::uint32_t kIdTag = Wire::MakeTag(kAnswerIdField, Wire::WIRETYPE_VARINT);
  const std::uint32_t tag = Wire::MakeTag(FieldOf(answer.kind), Wire::WIRETYPE_LENGTH_DELIMITED);
  // Two tags, a length and an id.
  std::array<std::uint8_t, 40> head;
  std::uint8_t* at = Out::WriteTagToArray(tag, head.data());
  const std::size_t id_bytes = Out::VarintSize32(kIdTag) + Out::VarintSize64(id);
  at = Out::WriteVarint64ToArray(id_bytes + answer.bytes.size(), at);
  at = Out::WriteTagToArray(kIdTag, at);
  at = Out::WriteVarint64ToArray(id, at);
  frame.append(head.data(), at);
  frame += answer.bytes;
}

template <typename T>
void ReplaceBy(const v1::Failure& failure, EncodedAnswer& encoded) {
  T answer;
  *answer.mutable_token() = encoded.token;
  if constexpr (std::is_same_v<T, v1::StepAnswer>) {
    answer.mutable_step()->set_seq(encoded.seq);
    answer.mutable_step()->set_attempt(encoded.attempt);
    *answer.mutable_step()->mutable_failure() = failure;
  } else {
    *answer.mutable_failure() = failure;
  }
  encoded.bytes = answer.SerializeAsString();
}

template <typename T>
EncodedAnswer EncodeAs(EncodedAnswer::Kind kind, const T& answer) {
  EncodedAnswer encoded;
  encoded.kind = kind;
  encoded.token = answer.token();
  if constexpr (std::is_same_v<T, v1::TaskAnswer>) encoded.failed = answer.has_failure();
  if constexpr (std::is_same_v<T, v1::StepAnswer>) {
    encoded.seq = answer.step().seq();
    encoded.attempt = answer.step().attempt();
  }
  const std::size_t bytes = answer.ByteSizeLong();
  if (bytes > kAnswerBytesMax) {
    // Protobuf has bounds of its own, too.
    ReplaceBy<T>(LimitFailure(bytes, kAnswerBytesMax), encoded);
  } else {
    answer.SerializeToString(&encoded.bytes);
  }
  return encoded;
}

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

EncodedAnswer Encode(const v1::ActivationAnswer& answer) {
  return EncodeAs(EncodedAnswer::Kind::kActivation, answer);
}
EncodedAnswer Encode(const v1::StepAnswer& answer) { return EncodeAs(EncodedAnswer::Kind::kStep, answer); }
EncodedAnswer Encode(const v1::TaskAnswer& answer) { return EncodeAs(EncodedAnswer::Kind::kTask, answer); }

std::uint64_t Outbox::Add(EncodedAnswer answer) {
  if (answer.kind == EncodedAnswer::Kind::kTask) {
    const auto waiting = heartbeats_.find(KeyOf(answer.token));
    if (waiting != heartbeats_.end()) {
      if (answer.failed && waiting->second.has_details()) {
        last_heartbeats_.push_back(std::move(waiting->second));
      }
      heartbeats_.erase(waiting);
    }
  }
  const std::uint64_t id = next_answer_id_++;
  if (answer.kind != EncodedAnswer::Kind::kStep) by_token_[KeyOf(answer.token)] = id;
  unacked_bytes_ += answer.bytes.size();
  Kept& kept = unacked_.emplace_hint(unacked_.end(), id, Kept{.answer = std::move(answer)})->second;
  const std::size_t bytes = kept.answer.bytes.size();
  if (bytes > answer_bytes_max_) ReplaceByFailure(kept, LimitFailure(bytes, answer_bytes_max_));
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
    const std::size_t size = kept.answer.bytes.size();
    if (size > bytes) ReplaceByFailure(kept, LimitFailure(size, bytes));
  }
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

bool Outbox::NextFrame(std::string* frame) {
  frame->clear();
  if (!HasWaiting()) return false;
  if (!in_question_.empty()) return NextAlone(frame);
  FrameBudget budget(frame_bytes_target_, frame_items_max_);
  const bool full = last_heartbeats_.empty() && !TakeAnswers(frame, budget);
  TakeRest(full, budget);
  rest_.AppendToString(frame);
  rest_.Clear();
  return true;
}

// What a frame holds beside answers.
void Outbox::TakeRest(bool full, FrameBudget& budget) {
  if (std::exchange(drain_to_send_, false)) rest_.mutable_drain();
  const auto take = [&budget](auto& queue, auto* field) {
    while (!queue.empty() && budget.Take(queue.front().ByteSizeLong())) {
      field->Add(std::move(queue.front()));
      queue.pop_front();
    }
  };
  if (!last_heartbeats_.empty()) return take(last_heartbeats_, rest_.mutable_heartbeats());
  if (full) return;
  take(history_requests_, rest_.mutable_history_requests());
  while (!heartbeats_.empty() && budget.Take(heartbeats_.begin()->second.ByteSizeLong())) {
    *rest_.add_heartbeats() = std::move(heartbeats_.begin()->second);
    heartbeats_.erase(heartbeats_.begin());
  }
  take(evicted_, rest_.mutable_evicted());
}

// False: the frame is full.
bool Outbox::TakeAnswers(std::string* frame, FrameBudget& budget) {
  for (; !to_send_.empty(); to_send_.pop_front()) {
    const auto it = unacked_.find(to_send_.front());
    if (it == unacked_.end()) continue;
    if (!budget.Take(it->second.answer.bytes.size())) return false;
    AppendAnswer(it->first, it->second.answer, *frame);
    sent_through_ = it->first;
  }
  return true;
}

bool Outbox::NextAlone(std::string* frame) {
  for (; alone_ == 0 && !to_send_.empty(); to_send_.pop_front()) {
    const auto it = unacked_.find(to_send_.front());
    if (it == unacked_.end()) continue;
    AppendAnswer(it->first, it->second.answer, *frame);
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
    const bool large = it->second.answer.bytes.size() > kFrameBytesTarget;
    if (!too_large || (large && ++it->second.refusals >= kTooLargeTries)) return Replace(it, status);
    return std::nullopt;
  }
  for (const auto& [id, kept] : unacked_) {
    if (id > sent_through_) break;
    if (!too_large || kept.answer.bytes.size() > kFrameBytesTarget) in_question_.insert(id);
  }
  return std::nullopt;
}

void Outbox::ReplaceByFailure(Kept& kept, const v1::Failure& failure) {
  unacked_bytes_ -= kept.answer.bytes.size();
  switch (kept.answer.kind) {
    case EncodedAnswer::Kind::kActivation:
      ReplaceBy<v1::ActivationAnswer>(failure, kept.answer);
      break;
    case EncodedAnswer::Kind::kStep:
      ReplaceBy<v1::StepAnswer>(failure, kept.answer);
      break;
    case EncodedAnswer::Kind::kTask:
      ReplaceBy<v1::TaskAnswer>(failure, kept.answer);
      break;
  }
  unacked_bytes_ += kept.answer.bytes.size();
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
  unacked_bytes_ -= it->second.answer.bytes.size();
  in_question_.erase(it->first);
  if (alone_ == it->first) alone_ = 0;
  if (it->second.answer.kind != EncodedAnswer::Kind::kStep) {
    const auto known = by_token_.find(KeyOf(it->second.answer.token));
    if (known != by_token_.end() && known->second == it->first) by_token_.erase(known);
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
    if (server_changed && it->second.answer.kind == EncodedAnswer::Kind::kActivation) {
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

std::vector<v1::WorkToken> Outbox::Unacked(EncodedAnswer::Kind kind) const {
  std::vector<v1::WorkToken> tokens;
  for (const auto& [id, kept] : unacked_) {
    if (kept.answer.kind == kind) tokens.push_back(kept.answer.token);
  }
  return tokens;
}

}  // namespace perdure::session
