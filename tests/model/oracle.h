// Oracle: what the API promises of a run's history and of its activations, kept by means of its own, event by
// event, without the engine's help.
#ifndef PERDURE_TESTS_MODEL_ORACLE_H_
#define PERDURE_TESTS_MODEL_ORACLE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "perdure/v1/history.pb.h"
#include "perdure/v1/worker_service.pb.h"

namespace perdure::model {

class Oracle {
 public:
  // `remembers_requests`: the limit of remembered request ids is out of reach.
  explicit Oracle(bool remembers_requests) : remembers_requests_(remembers_requests) {}

  // The next event of the history. Returns the promise it breaks; empty: none.
  std::string Observe(const v1::Event& event);
  // An activation that was handed out. Returns the promise it breaks; empty: none.
  std::string ObserveActivation(const v1::Activation& activation, int64_t now_ms);

  struct Item {
    enum class Kind { kTask, kTimer, kStep };
    Kind kind = Kind::kTask;
    // Neither answered nor cancelled without waiting.
    bool pending = true;
    // The workflow waits for the outcome of a cancellation.
    bool cancel_wait = false;
    // Of a timer.
    int64_t due_ms = 0;
    // Of a task; 0: no limit.
    int32_t max_attempts = 0;
  };

  bool closed() const { return closed_; }
  int64_t last_seq() const { return last_seq_; }
  int64_t last_event_id() const { return last_event_id_; }
  const std::map<int64_t, Item>& items() const { return items_; }
  // What workflow code waits for: issued, and the answer not yet consumed.
  const std::set<int64_t>& awaited() const { return awaited_; }
  bool cancel_seen() const { return cancel_seen_; }
  std::vector<int64_t> Pending(Item::Kind kind) const;

 private:
  struct Stimulus {
    int64_t event_id = 0;
    int64_t seq = 0;
    bool cancel = false;
  };
  struct Delivered {
    int64_t through = 0;
    int64_t time_ms = 0;
  };

  std::string ObserveAdvanced(const v1::Event& event);
  std::string ObserveCommand(const v1::Command& command, int64_t time_ms, bool last);
  std::string ObserveStimulus(const v1::Event& event);
  std::string Answered(int64_t seq, Item::Kind kind, const char* by);
  std::string Issue(int64_t seq, Item item);
  std::string ObserveRequest(const std::string& request_id);

  const bool remembers_requests_;
  bool closed_ = false;
  bool cancel_requested_ = false;
  bool cancel_seen_ = false;
  int64_t last_event_id_ = 0;
  int64_t last_time_ms_ = 0;
  int64_t last_advanced_id_ = 0;
  int64_t consumed_through_ = 0;
  uint64_t last_activation_id_ = 0;
  int64_t last_seq_ = 0;
  std::map<int64_t, Item> items_;
  std::set<int64_t> awaited_;
  // Not consumed yet.
  std::vector<Stimulus> stimuli_;
  std::map<uint64_t, Delivered> delivered_;
  std::set<std::string> requests_;
};

}  // namespace perdure::model

#endif  // PERDURE_TESTS_MODEL_ORACLE_H_
