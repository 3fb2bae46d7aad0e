// What a worker process has to say to the server: answers, heartbeats, requests. Coalesces what waits
// into frames, and keeps every answer until the server acknowledged it.
//
// What it holds is bounded by the session's credits: one answer for each activation, step and task in hand,
// one heartbeat for each task; of evictions, which are only hints, by kEvictedMax.
//
// An answer that the server refuses would be sent for ever and let nothing else through, so the outbox finds
// it and puts a failure in its place: see OnRefused.
//
// Not thread-safe: the session guards it.
#ifndef PERDURE_WORKER_SDK_SRC_SESSION_OUTBOX_H_
#define PERDURE_WORKER_SDK_SRC_SESSION_OUTBOX_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "perdure/v1/worker_service.pb.h"
#include "worker-sdk/src/session/token.h"

namespace perdure::session {

class FrameBudget;

// A frame is closed once it holds this much.
inline constexpr std::size_t kFrameBytesTarget = 1 << 20;
inline constexpr std::size_t kFrameItemsMax = 256;
// One answer larger than this would not fit a gRPC message (64 MiB) and is replaced by a failure.
inline constexpr std::size_t kAnswerBytesMax = 60 << 20;
// Of a frame, for what it holds beside its items.
inline constexpr std::size_t kFrameOverheadBytes = 4096;
// How often a large answer is refused alone for its size, or for an overload, before it is given up.
inline constexpr int kTooLargeTries = 3;
// Evictions that wait while there is no connection; beyond it the oldest are forgotten.
inline constexpr std::size_t kEvictedMax = 65'536;

// An answer in the bytes that go on the wire: encoded once, and sent as often as it takes.
struct EncodedAnswer {
  enum class Kind { kActivation, kStep, kTask };
  Kind kind = Kind::kActivation;
  // As it came.
  v1::WorkToken token;
  // The message, without its `answer_id`.
  std::string bytes;
  // Of a task: it failed.
  bool failed = false;
  // Of a step.
  std::int64_t seq = 0;
  std::int32_t attempt = 0;
};
// An answer that no frame could hold becomes a failure that says so.
EncodedAnswer Encode(const v1::ActivationAnswer& answer);
EncodedAnswer Encode(const v1::StepAnswer& answer);
EncodedAnswer Encode(const v1::TaskAnswer& answer);

class Outbox {
 public:
  // Returns the `answer_id` that it is sent with. An answer that is too large for a frame is kept as a
  // failure that says so.
  std::uint64_t Add(EncodedAnswer answer);
  std::uint64_t Add(const v1::ActivationAnswer& answer) { return Add(Encode(answer)); }
  std::uint64_t Add(const v1::StepAnswer& answer) { return Add(Encode(answer)); }
  std::uint64_t Add(const v1::TaskAnswer& answer) { return Add(Encode(answer)); }
  // Takes the place of a heartbeat for the same token that was not sent yet. Details that wait when their
  // task fails travel in a frame of their own before the failure: the next attempt reads them.
  void Add(v1::TaskHeartbeat heartbeat);
  void Add(v1::HistoryRequest request);
  void AddEvicted(v1::WorkToken token);
  // Sent once on each stream from now on.
  void AddDrain();

  // What the server takes in one frame; 0: it does not say. Answers that are larger become failures.
  void SetFrameLimits(std::int64_t bytes_max, std::int64_t items_max);

  // Encodes what waits as a WorkerFrame (`frame` is cleared first), as much as one frame takes. False:
  // nothing waits.
  bool NextFrame(std::string* frame);
  bool HasWaiting() const;

  // Forgets an answer. Unknown ids are ignored. True: it was known.
  bool Ack(std::uint64_t answer_id);

  // A new stream was welcomed: everything not acknowledged waits again, in order. Activation answers do
  // not survive a change of server (their tokens are stale), nor do history requests a lost stream, which
  // the executor repeats.
  void OnNewStream(bool server_changed);

  // What became of an answer that the server would not take.
  struct Refused {
    std::uint64_t answer_id = 0;
    // False: it is sent once more, as a failure that says why. True: that was refused too, and it is gone.
    bool dropped = false;
  };
  // A welcomed stream ended because the server refused a frame of it. Which answer was the reason shows by
  // sending those in question again one a frame, each after the acknowledgement of the one before. One that
  // is refused alone is replaced, and returned. With `too_large`, which is also what an overloaded server
  // says, only answers too large for a common frame are in question, and each gets kTooLargeTries.
  std::optional<Refused> OnRefused(bool too_large, const std::string& status);

  // Drops the unacknowledged task or activation answer for this token, which the server has no use for
  // any more.
  void DropStale(const v1::WorkToken& token);

  // Whether an answer for this delivery was given and not acknowledged.
  bool Answered(const v1::WorkToken& token) const { return by_token_.contains(KeyOf(token)); }

  // Tokens of answers that were not acknowledged: still in hand as far as the server knows.
  std::vector<v1::WorkToken> UnackedTasks() const { return Unacked(EncodedAnswer::Kind::kTask); }
  std::vector<v1::WorkToken> UnackedActivations() const { return Unacked(EncodedAnswer::Kind::kActivation); }

  std::size_t unacked() const { return unacked_.size(); }
  std::size_t unacked_bytes() const { return unacked_bytes_; }

 private:
  struct Kept {
    EncodedAnswer answer;
    int refusals = 0;
    // A failure that took the place of what was refused.
    bool replaced = false;
  };
  using KeptMap = std::map<std::uint64_t, Kept>;

  void ReplaceByFailure(Kept& kept, const v1::Failure& failure);
  KeptMap::iterator Forget(KeptMap::iterator it);
  bool TakeAnswers(std::string* frame, FrameBudget& budget);
  void TakeRest(bool full, FrameBudget& budget);
  std::vector<v1::WorkToken> Unacked(EncodedAnswer::Kind kind) const;
  // While answers are in question.
  bool NextAlone(std::string* frame);
  Refused Replace(KeptMap::iterator it, const std::string& status);

  std::size_t answer_bytes_max_ = kAnswerBytesMax;
  std::size_t frame_bytes_target_ = kFrameBytesTarget;
  std::size_t frame_items_max_ = kFrameItemsMax;

  std::uint64_t next_answer_id_ = 1;
  KeptMap unacked_;
  std::size_t unacked_bytes_ = 0;
  // Activation and task answers in `unacked_`.
  std::unordered_map<TokenKey, std::uint64_t, TokenHash> by_token_;

  // Ids of answers that the current stream was not given yet.
  std::deque<std::uint64_t> to_send_;
  // The last one that it was given.
  std::uint64_t sent_through_ = 0;
  // Unacknowledged ones of which some made the server end a stream. While there are any, answers go alone.
  std::set<std::uint64_t> in_question_;
  // Sent alone and not acknowledged yet; 0: none.
  std::uint64_t alone_ = 0;
  std::map<TokenKey, v1::TaskHeartbeat> heartbeats_;
  // Of tasks that failed: sent before their answers.
  std::deque<v1::TaskHeartbeat> last_heartbeats_;
  std::deque<v1::HistoryRequest> history_requests_;
  std::deque<v1::WorkToken> evicted_;
  // What a frame holds beside answers; empty between calls.
  v1::WorkerFrame rest_;
  bool draining_ = false;
  bool drain_to_send_ = false;
};

}  // namespace perdure::session

#endif  // PERDURE_WORKER_SDK_SRC_SESSION_OUTBOX_H_
