// Worker: a worker process under simulation: the SDK's real executor, with the coroutines of the programs,
// and its real outbox. The session is played over a Link; task functions are played by their plans.
#ifndef PERDURE_TESTS_SIM_WORKER_H_
#define PERDURE_TESTS_SIM_WORKER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "perdure/registry.h"
#include "tests/sim/link.h"
#include "tests/sim/program.h"
#include "worker-sdk/src/runtime/executor.h"
#include "worker-sdk/src/session/outbox.h"

namespace perdure::sim {

class Worker final : private runtime::ExecutorSink {
 public:
  struct Totals {
    int64_t deaths = 0;
    int64_t stale_answers = 0;
    int64_t replays = 0;
    int64_t non_deterministic = 0;
  };

  Worker(const Link::Parts& parts, const Registry& registry, int number, Totals* totals,
         std::function<void(std::string)> complain);
  ~Worker() override;
  Worker(const Worker&) = delete;

  // A new process begins.
  void Begin();
  void ServerDied();
  // Adds what the present process did to the totals. At the end.
  void Count();

  // What a stale answer says it found: nothing that any program would ever see.
  static constexpr int64_t kStaleResult = -666'000'666;

 private:
  struct RunningTask {
    v1::TaskDelivery delivery;
    TaskPlan plan;
    int64_t begun_ms = 0;
    bool told_to_stop = false;
  };
  // A process: what dies with it.
  struct Process;

  // runtime::ExecutorSink
  void Answer(v1::ActivationAnswer answer) override;
  void Answer(v1::StepAnswer answer) override;
  void Flush() override;
  void RequestHistory(v1::HistoryRequest request) override;
  void Evicted(v1::WorkToken token) override;

  void Later(int64_t delay_ms, std::function<void()> what);
  void Die();
  void Connect();
  void Welcomed(const v1::Welcome& welcome);
  void Received(v1::ServerFrame& frame);
  void Acked(uint64_t answer_id);
  void Lost(const absl::Status& why);
  void SendSoon();
  void WorkSoon();
  void Work();

  // ---- tasks ----
  void Take(v1::TaskDelivery delivery);
  void Heartbeat(const session::TokenKey& key, int64_t left);
  void Finish(const session::TokenKey& key);
  void StopTask(const v1::WorkToken& token);
  v1::TaskAnswer AnswerOf(const RunningTask& task) const;
  // Of a delivery that is over; no run: there is none.
  v1::WorkToken OldWork() const;
  void ClaimOldWork(v1::Hello& hello);
  void SendStaleAnswer(const v1::WorkToken& token);

  const Link::Parts parts_;
  const Registry& registry_;
  const int number_;
  Totals* const totals_;
  const std::function<void(std::string)> complain_;
  uint64_t generation_ = 0;
  int links_ = 0;
  std::unique_ptr<Process> process_;
  // Of tasks and activations whose answers the server has acknowledged, also to processes that are dead.
  std::deque<v1::WorkToken> answered_;
  // Of attempts that failed.
  std::deque<v1::WorkToken> failed_;
};

}  // namespace perdure::sim

#endif  // PERDURE_TESTS_SIM_WORKER_H_
