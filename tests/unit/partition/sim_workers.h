// SimWorkers: dispatch and worker processes, played at random. Dispatch dies with the server; the workers
// live on, with the tasks they have in hand and the answers that were not acknowledged.
#ifndef PERDURE_TESTS_UNIT_PARTITION_SIM_WORKERS_H_
#define PERDURE_TESTS_UNIT_PARTITION_SIM_WORKERS_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "server/engine/state.h"
#include "tests/model/random.h"
#include "tests/unit/partition/promises.h"
#include "tests/unit/partition/test_server.h"

namespace perdure::partition::testing {

class SimWorkers {
 public:
  SimWorkers(TestServer* server, model::Rng* rng, Promises* promises)
      : server_(server), rng_(rng), promises_(promises) {}

  // Takes over what the server released, and checks that it was durable before.
  void Collect();
  // Something happens: work is taken, answered, lost, spilled, asked for.
  void Step();
  // The server died. `hold`: the next one waits for these workers, who come back at once.
  void LoseServer();
  void ComeBack(bool hold);

  // From now on workflow code begins nothing new, and tasks and activations succeed.
  void Finish() { finishing_ = true; }
  // Takes and answers all that waits; asks for what is on disk.
  void ServeAll();

 private:
  using TaskKey = std::tuple<uint32_t, uint64_t, int64_t>;  // partition, run, seq
  using BacklogKey = std::pair<uint32_t, std::string>;      // partition, queue
  struct BegunStep {
    v1::WorkToken token;
    int64_t seq;
  };

  // ---- dispatch ----
  void Received(Work work);
  void CheckDurable(const v1::Activation& activation);
  void CheckTask(const v1::TaskDelivery& task);
  void Recalled(const Work& work);
  void TakeOne();
  void SpillOne();
  void RefillOne();
  void AskForRefill(const BacklogKey& backlog, int64_t items);
  void Refilled(const BacklogKey& backlog, bool more);

  // ---- the workers ----
  void AnswerActivation(const v1::Activation& activation);
  std::vector<v1::Command> Code(const engine::RunState& state);
  v1::Command ScheduleAtRandom();
  void AnswerTask(const v1::TaskDelivery& task);
  void AnswerOneTask();
  void AnswerOneStep();
  void LoseOneTask();
  void LoseCoroutines();
  void HeartbeatOne();
  void Repeat();

  void Send(v1::ActivationAnswer answer);
  void Send(const v1::TaskAnswer& answer);
  template <typename Input>
  void Report(const v1::WorkToken& token, Input input);
  uint64_t session() const { return session_; }

  TestServer* const server_;
  model::Rng* const rng_;
  Promises* const promises_;
  bool finishing_ = false;

  // Dispatch: lost with the server.
  std::map<std::string, std::deque<Work>> queues_;
  // What waits on disk; true: something was spilled since dispatch asked for it.
  std::map<BacklogKey, bool> backlogs_;
  uint64_t session_ = 1;

  // The workers.
  std::vector<v1::Activation> activations_;
  std::vector<v1::TaskDelivery> tasks_;
  // Tasks that the server knows to be running: it must not start them again.
  std::set<TaskKey> running_;
  std::vector<BegunStep> steps_;
  std::map<uint64_t, v1::TaskAnswer> unacked_;
  std::vector<v1::TaskAnswer> old_answers_;
  std::vector<v1::ActivationAnswer> old_advances_;
  uint64_t next_answer_ = 1;
};

}  // namespace perdure::partition::testing

#endif  // PERDURE_TESTS_UNIT_PARTITION_SIM_WORKERS_H_
