// DispatchModel: what dispatch says it does, kept apart from it: where each delivery is, as far as its
// reports and frames tell. Every report and frame is held against it, and so are the counts that dispatch
// shows.
//
//   state    | means                               | ends when
//   ---------+-------------------------------------+------------------------------------------------
//   waiting  | offered, in a queue in memory       | taken, spilled, withdrawn
//   in hand  | taken by a session; sent or not yet | answered, returned, withdrawn
//   answered | the answer went to the partition    | acknowledged, or the session is gone
#ifndef PERDURE_TESTS_FUZZ_DISPATCH_MODEL_H_
#define PERDURE_TESTS_FUZZ_DISPATCH_MODEL_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/dispatch/dispatcher.h"

namespace perdure::fuzz {

class DispatchModel : public dispatch::Upstream {
 public:
  static constexpr uint32_t kPartitions = 2;

  explicit DispatchModel(const dispatch::DispatchOptions& options) : options_(options) {}

  // ---- dispatch::Upstream ----
  uint32_t partitions() const override { return kPartitions; }
  void Post(uint32_t partition, std::vector<dispatch::Report> reports) override;
  bool HasRoom() const override { return !is_full; }
  bool RequestHistory(const dispatch::HistoryRead& read) override;

  // ---- what is about to be done to dispatch ----
  void Offering(const v1::WorkToken& token, WorkKind kind, size_t bytes);
  // Before and after: what is dropped without a report.
  void Recalled(const v1::WorkToken& token);
  void Acknowledging(dispatch::SessionNumber session, uint64_t answer_id);
  void Refilling(uint32_t partition, const std::string& queue) { asked_.erase({partition, queue}); }

  // ---- what dispatch sent ----
  void Sent(dispatch::SessionNumber session, const v1::ServerFrame& frame);

  // Since the last Compare.
  bool gave_work_out() const { return !took_.empty(); }
  // What dispatch shows of itself is what the model says.
  void Compare(const dispatch::Dispatcher& dispatcher);
  int64_t waiting() const;

  bool is_full = false;
  bool refuses_reads = false;
  // Every token that was given out, for scripts to choose from.
  std::vector<v1::WorkToken> tokens;
  // Answers that are not acknowledged: session and answer id, oldest first.
  std::vector<std::pair<dispatch::SessionNumber, uint64_t>> unacknowledged;
  std::vector<dispatch::HistoryRead> reads;
  // Refills that were asked for and not answered: partition and queue.
  const std::set<std::pair<uint32_t, std::string>>& asked() const { return asked_; }

 private:
  enum class State : uint8_t { kWaiting, kInHand, kAnswered };
  struct Delivery {
    v1::WorkToken token;
    WorkKind kind = WorkKind::kTask;
    State state = State::kWaiting;
    dispatch::SessionNumber session = 0;
    bool sent = false;
    uint64_t answer_id = 0;
  };
  using Key = std::pair<uint32_t, uint64_t>;
  using Taker = std::pair<dispatch::SessionNumber, WorkKind>;

  static Key KeyOf(const v1::WorkToken& token) { return {token.partition(), token.delivery()}; }
  // The delivery, which must be in this session's hands.
  Delivery& InHand(const v1::WorkToken& token, const dispatch::PeerPtr& peer);

  void On(const dispatch::PeerPtr& peer, const dispatch::Taken& what);
  void On(const dispatch::PeerPtr& peer, const dispatch::TakenOver& what);
  void On(const dispatch::PeerPtr& peer, const dispatch::Returned& what);
  void On(const dispatch::PeerPtr& peer, const dispatch::Spilled& what);
  void On(const dispatch::PeerPtr& peer, const dispatch::Refill& what);
  void On(const dispatch::PeerPtr& peer, const dispatch::CoroutineGone& what);
  void On(const dispatch::PeerPtr& peer, const dispatch::SessionOpened& what);
  void On(const dispatch::PeerPtr& peer, const dispatch::SessionClosed& what);
  void On(const dispatch::PeerPtr& peer, const dispatch::SessionsBack& what);
  void On(const dispatch::PeerPtr& peer, const v1::ActivationAnswer& what);
  void On(const dispatch::PeerPtr& peer, const v1::StepAnswer& what);
  void On(const dispatch::PeerPtr& peer, const v1::TaskAnswer& what);
  void On(const dispatch::PeerPtr& peer, const v1::TaskHeartbeat& what);
  void Answered(const dispatch::PeerPtr& peer, const v1::WorkToken& token, WorkKind kind, uint64_t answer_id);
  void CompareSession(dispatch::SessionNumber number, const v1::SessionInfo& info);
  int Out(dispatch::SessionNumber session, WorkKind kind) const;

  const dispatch::DispatchOptions options_;
  uint32_t reporting_to_ = 0;
  std::map<Key, Delivery> deliveries_;
  std::set<Key> ever_sent_;
  std::set<std::pair<uint32_t, std::string>> asked_;
  std::map<dispatch::SessionNumber, std::string> sessions_;
  // Since the last Compare.
  std::set<Taker> took_;
  // Of an item, so far.
  size_t largest_ = 0;
};

}  // namespace perdure::fuzz

#endif  // PERDURE_TESTS_FUZZ_DISPATCH_MODEL_H_
