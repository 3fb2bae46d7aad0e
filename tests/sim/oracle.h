// Oracle: what must be true of a simulation, whatever went wrong in it.
//
// Throughout: nothing is given to a worker that is not on disk, and what was given never changes; no stale
// answer shows. Whenever the server is dead: the disk makes sense and bears out whatever was said to anybody.
// At the end: every run has ended, each answer counts once, replaying each history gives the same commands,
// the counts balance, and what clients were told fits one order of things.
#ifndef PERDURE_TESTS_SIM_ORACLE_H_
#define PERDURE_TESTS_SIM_ORACLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "perdure/registry.h"
#include "perdure/v1/worker_service.pb.h"
#include "tests/sim/call.h"
#include "tests/sim/server.h"
#include "tests/unit/partition/promises.h"

namespace perdure::sim {

class Oracle {
 public:
  // `server` is made later: see Watch.
  explicit Oracle(const Registry& registry) : registry_(registry) {}
  void Watch(Server* server) { server_ = server; }

  void Complain(std::string problem);

  // ---- throughout ----
  void Sent(const v1::ServerFrame& frame);
  void Told(const Call& call);
  void GotResult(const v1::GetResultResponse& result) { promises_.Result(result); }

  bool IsOver(const v1::WorkToken& token) const;

  // ---- the server is dead ----
  void AtRest();

  // ---- the end ----
  struct OpenRun {
    std::string workflow_id;
    std::string run_id;
    // Signals wait to be handed to its code.
    bool behind = false;
  };
  std::vector<OpenRun> OpenRuns() const;
  void Finish(const std::vector<std::shared_ptr<Call>>& calls);

  const std::vector<std::string>& problems() const { return problems_; }
  int64_t runs() const { return runs_; }
  int64_t events() const { return events_; }

 private:
  using History = std::vector<v1::Event>;

  // Of a run: the tasks that its history asks for, as far as it was read.
  struct Asked {
    int64_t through = 0;
    std::set<int64_t> seqs;
  };

  History OnDisk(const v1::WorkToken& token, int64_t from) const;
  void CheckActivation(const v1::Activation& activation);
  void CheckTask(const v1::TaskDelivery& task);
  void CheckHistory(const History& history);
  void CheckReplay(const History& history);
  void CheckCounts();

  const Registry& registry_;
  Server* server_ = nullptr;
  partition::testing::Promises promises_;
  std::vector<std::string> problems_;
  std::map<std::pair<uint32_t, uint64_t>, Asked> asked_;
  int64_t runs_ = 0;
  int64_t events_ = 0;
};

}  // namespace perdure::sim

#endif  // PERDURE_TESTS_SIM_ORACLE_H_
