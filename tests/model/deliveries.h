// Deliveries: dispatch and the workers behind it, as far as the engine can tell: what waits in queues, what
// is in whose hands, and what was recalled. Checks that the engine's idea of what is out and theirs are one.
#ifndef PERDURE_TESTS_MODEL_DELIVERIES_H_
#define PERDURE_TESTS_MODEL_DELIVERIES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/engine/decision.h"
#include "server/engine/state.h"

namespace perdure::model {

// One delivery that waits in a queue or is in a worker's hands.
struct Held {
  v1::WorkToken token;
  // Of an activation.
  std::shared_ptr<const v1::Activation> activation;
  // 0: it waits in a queue.
  uint64_t session = 0;
  // The session that dispatch was asked to prefer.
  uint64_t wanted_session = 0;
  // The engine wants it no more; a worker that has it does not know yet.
  bool recalled = false;
  // The worker was asked to cancel it, and its answer still counts.
  bool cancel_asked = false;
  // The server restarted since; the worker has not come back with it.
  bool orphan = false;
  // The worker came back with it; the engine has not heard of that.
  bool claimed = false;

  bool task() const { return activation == nullptr; }
  // Whether the engine must know of it.
  bool counts() const { return !recalled && !orphan && !claimed; }
};

class Deliveries {
 public:
  // Carries out what a decision released; `after` is the state it left. Returns what is wrong with that.
  std::string Release(const engine::Decision& decision, const engine::RunState& after);

  // Whether engine and dispatch agree. `in_the_mail` names deliveries that dispatch has reported on and the
  // engine has not heard of yet.
  std::string Check(const engine::RunState& state, const std::multiset<uint64_t>& in_the_mail) const;

  // The server dies: queues are gone, workers keep their tasks. Returns the tokens that are gone.
  std::vector<v1::WorkToken> Crash();

  std::map<uint64_t, Held>& all() { return held_; }
  Held* Find(uint64_t delivery);
  // Keys of those for which `wanted` says yes.
  template <typename Wanted>
  std::vector<uint64_t> Select(Wanted wanted) const {
    std::vector<uint64_t> out;
    for (const auto& [delivery, held] : held_) {
      if (wanted(held)) out.push_back(delivery);
    }
    return out;
  }

 private:
  std::string HandOut(Held held, const engine::RunState& after);
  std::string TakeBack(const Work& work, const engine::RunState& after);

  std::map<uint64_t, Held> held_;
  std::set<uint64_t> ever_;
};

}  // namespace perdure::model

#endif  // PERDURE_TESTS_MODEL_DELIVERIES_H_
