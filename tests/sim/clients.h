// Clients: those who start workflows and meddle with them, over a network that loses requests and replies. A
// call that gets no answer is repeated under the same request id until it has one.
#ifndef PERDURE_TESTS_SIM_CLIENTS_H_
#define PERDURE_TESTS_SIM_CLIENTS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/call.h"
#include "tests/sim/server.h"

namespace perdure::sim {

class Clients {
 public:
  // `told`: a call has its answer. `result`: that of a closed run, as it came.
  struct Observer {
    std::function<void(const Call& call)> told;
    std::function<void(const v1::GetResultResponse& result)> result;
  };

  Clients(const Setup& setup, const Faults* faults, model::Rng* rng, Server* server, Schedule* schedule,
          Trace* trace, Observer observer);

  void Begin();
  // Every call that there will be has its answer.
  bool done() const { return starts_left_ == 0 && open_ == 0; }
  // One more signal, from somebody who wants everything to end.
  void SendSignal(const std::string& workflow_id, const std::string& run_id, int64_t number);

  const std::vector<std::shared_ptr<Call>>& calls() const { return calls_; }

 private:
  void Next();
  void RandomCall();
  v1::StartWorkflowRequest RandomStart();
  void Ask(std::shared_ptr<Call> call);
  void Attempt(const std::shared_ptr<Call>& call, int64_t attempt);
  void Arrive(const std::shared_ptr<Call>& call, int64_t attempt);
  void Tell(const std::shared_ptr<Call>& call, int64_t attempt, const absl::Status& status,
            std::function<void(Call&)> fill);
  // Of a reply that is handed to the server; called once the server has decided.
  template <typename T>
  partition::Reply<T> ReplyTo(const std::shared_ptr<Call>& call, int64_t attempt,
                              std::function<void(Call&, const T&)> fill);
  std::string NewRequestId();

  const Setup setup_;
  const Faults* const faults_;
  model::Rng* const rng_;
  Server* const server_;
  Schedule* const schedule_;
  Trace* const trace_;
  const Observer observer_;

  int64_t starts_left_;
  // The next call is on its way.
  bool asking_ = false;
  int64_t ids_ = 1;
  int64_t open_ = 0;
  int64_t requests_ = 0;
  uint64_t waiters_ = 0;
  std::vector<std::shared_ptr<Call>> calls_;
  // Runs that somebody was told of.
  std::vector<std::pair<std::string, std::string>> known_;
};

}  // namespace perdure::sim

#endif  // PERDURE_TESTS_SIM_CLIENTS_H_
