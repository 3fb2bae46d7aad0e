// FakeWorker: one worker session, and the dispatcher between it and the partitions, played by the test.
//
//   FakeWorker worker(&server);
//   worker.Play("order-1", {Schedule("charge")});         // answers the activation that is out
//   worker.Complete(worker.TakeTask("order-1", 1), "42");
#ifndef PERDURE_TESTS_UNIT_PARTITION_FAKE_WORKER_H_
#define PERDURE_TESTS_UNIT_PARTITION_FAKE_WORKER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "perdure/v1/worker_service.pb.h"
#include "tests/unit/partition/test_server.h"

namespace perdure::partition::testing {

class FakeWorker {
 public:
  explicit FakeWorker(TestServer* server, uint64_t session = 7) : server_(server), session_(session) {}

  // ---- what was released: looked for by workflow, taken out of the outbox ----
  bool Offered(Work::Kind kind, const std::string& workflow_id = "", int64_t seq = 0) const;
  size_t CountOffered(Work::Kind kind) const;
  // These fail the test if it was not released. `Take...` also reports it taken by this session.
  v1::Activation GetActivation(const std::string& workflow_id);
  v1::Activation TakeActivation(const std::string& workflow_id);
  v1::TaskDelivery GetTask(const std::string& workflow_id, int64_t seq);
  v1::TaskDelivery TakeTask(const std::string& workflow_id, int64_t seq);
  // The next one of this kind; nothing if there is none.
  std::optional<Work> Get(Work::Kind kind);

  // ---- answers: put into the mailbox; the number is the answer's id ----
  uint64_t Advance(const v1::Activation& activation, std::vector<v1::Command> commands,
                   std::vector<v1::StepCompleted> steps = {});
  uint64_t FailActivation(const v1::Activation& activation, v1::Failure failure);
  uint64_t Complete(const v1::TaskDelivery& task, std::string json);
  uint64_t Fail(const v1::TaskDelivery& task, v1::Failure failure);
  uint64_t SendTaskAnswer(v1::TaskAnswer answer);
  bool Acked(uint64_t answer_id) const;

  // ---- what dispatch reports ----
  void Taken(const v1::WorkToken& token);
  void TakenOver(const v1::WorkToken& token, int64_t running_ms = 0);
  void Returned(const v1::WorkToken& token, bool begun);
  void Spilled(const v1::WorkToken& token);
  void Heartbeat(const v1::WorkToken& token, std::string json);
  void Refill(const std::string& queue, int64_t items, uint32_t partition = 0);

  // Settles, answers the workflow's activation with these commands, and settles again. What it was.
  v1::Activation Play(const std::string& workflow_id, std::vector<v1::Command> commands);
  // Starts the workflow and answers its first activation.
  void StartAndPlay(const v1::StartWorkflowRequest& request, std::vector<v1::Command> commands);

 private:
  TestServer* const server_;
  const uint64_t session_;
  uint64_t next_answer_ = 1;
};

}  // namespace perdure::partition::testing

#endif  // PERDURE_TESTS_UNIT_PARTITION_FAKE_WORKER_H_
