#include "tests/sim/simulation.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sim/clients.h"
#include "tests/sim/oracle.h"
#include "tests/sim/program.h"
#include "tests/sim/server.h"
#include "tests/sim/worker.h"

namespace perdure::sim {
namespace {

// Far more than any program takes.
constexpr int64_t kFinishRounds = 120;
constexpr int64_t kFinishRoundMs = 30'000;
constexpr int64_t kStepsMax = 20'000'000;

class Simulation {
 public:
  explicit Simulation(const Setup& setup);
  Outcome Run();

 private:
  Link::Parts LinkParts();
  // Until `enough`, or for so long.
  bool RunUntil(int64_t ms, const std::function<bool()>& enough);
  void FinishAll();

  const Setup setup_;
  model::Rng rng_;
  Schedule schedule_;
  Trace trace_;
  Faults faults_;
  Registry registry_;
  Oracle oracle_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Clients> clients_;
  Worker::Totals totals_;
  int64_t lost_streams_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
};

Simulation::Simulation(const Setup& setup)
    : setup_(setup), rng_(setup.seed), schedule_(&rng_), trace_(&schedule_, setup.trace), oracle_(registry_) {
  Clocks::Begin(&schedule_);
  if (setup.faults) faults_ = Faults::Draw(rng_);
  Host(registry_);
  Server::Observer observer;
  observer.died = [this] {
    for (const auto& worker : workers_) worker->ServerDied();
  };
  observer.at_rest = [this] { oracle_.AtRest(); };
  observer.complain = [this](std::string problem) { oracle_.Complain(std::move(problem)); };
  server_ = std::make_unique<Server>(setup_, &faults_, &rng_, &schedule_, &trace_, std::move(observer));
  oracle_.Watch(server_.get());
  clients_ = std::make_unique<Clients>(
      setup_, &faults_, &rng_, server_.get(), &schedule_, &trace_,
      Clients::Observer{[this](const Call& call) { oracle_.Told(call); },
                        [this](const v1::GetResultResponse& result) { oracle_.GotResult(result); }});
  const int64_t workers = rng_.Between(1, 4);
  for (int n = 0; n < workers; ++n) {
    workers_.push_back(
        std::make_unique<Worker>(LinkParts(), registry_, n, &totals_,
                                 [this](std::string problem) { oracle_.Complain(std::move(problem)); }));
  }
}

Link::Parts Simulation::LinkParts() {
  Link::Parts parts;
  parts.server = server_.get();
  parts.faults = &faults_;
  parts.rng = &rng_;
  parts.schedule = &schedule_;
  parts.trace = &trace_;
  parts.sent = [this](const v1::ServerFrame& frame) { oracle_.Sent(frame); };
  parts.broken = &lost_streams_;
  parts.over = [this](const v1::WorkToken& token) { return oracle_.IsOver(token); };
  return parts;
}

bool Simulation::RunUntil(int64_t ms, const std::function<bool()>& enough) {
  const int64_t until = schedule_.now_ms() + ms;
  while (schedule_.now_ms() < until && schedule_.steps() < kStepsMax) {
    if (enough()) return true;
    if (!schedule_.Step()) return false;
  }
  return false;
}

// Nothing goes wrong any more, and whoever waits for a signal gets it: everything has to end.
void Simulation::FinishAll() {
  faults_.on = false;
  server_->Heal();
  RunUntil(60'000, [] { return false; });
  for (int64_t round = 0; round < kFinishRounds; ++round) {
    const std::vector<Oracle::OpenRun> open = oracle_.OpenRuns();
    if (open.empty()) break;
    for (const Oracle::OpenRun& run : open) {
      // A slow worker that is handed one event at a time would never catch up.
      if (run.behind) continue;
      for (int64_t signal = 0; signal < kSignals; ++signal) {
        clients_->SendSignal(run.workflow_id, run.run_id, signal);
      }
    }
    RunUntil(kFinishRoundMs, [] { return false; });
  }
  RunUntil(600'000, [this] { return clients_->done(); });
  // Two checkpoints: what they leave is what is kept.
  RunUntil(15'000, [] { return false; });
}

Outcome Simulation::Run() {
  server_->Start();
  for (const auto& worker : workers_) schedule_.After(rng_.Between(0, 500), [&worker] { worker->Begin(); });
  clients_->Begin();
  // The time that all the calls take, and some more.
  RunUntil(3'600'000, [this] { return clients_->done(); });
  FinishAll();
  if (!clients_->done()) oracle_.Complain("a client is still without an answer");
  oracle_.Finish(clients_->calls());
  for (const auto& worker : workers_) worker->Count();
  if (totals_.non_deterministic > 0) {
    oracle_.Complain(absl::StrCat(totals_.non_deterministic, " replays issued other commands"));
  }
  Outcome outcome;
  outcome.problems = oracle_.problems();
  outcome.hash = trace_.hash();
  outcome.counts.steps = schedule_.steps();
  outcome.counts.simulated_ms = schedule_.now_ms();
  outcome.counts.runs = oracle_.runs();
  outcome.counts.events = oracle_.events();
  outcome.counts.server_deaths = server_->deaths();
  outcome.counts.worker_deaths = totals_.deaths;
  outcome.counts.lost_streams = lost_streams_;
  outcome.counts.stale_answers = totals_.stale_answers;
  outcome.counts.replays = totals_.replays;
  return outcome;
}

}  // namespace

Outcome Simulate(const Setup& setup) {
  base::bug = setup.bug;
  Outcome outcome = Simulation(setup).Run();
  base::bug = base::Bug::kNone;
  return outcome;
}

const std::vector<NamedBug>& Bugs() {
  static const auto* const bugs = new std::vector<NamedBug>{
      {"release_before_commit", base::Bug::kReleaseBeforeCommit},
      {"skip_token_check", base::Bug::kSkipTokenCheck},
      {"drop_dirty_row", base::Bug::kDropDirtyRow},
      {"forget_timer_at_recovery", base::Bug::kForgetTimerAtRecovery},
      {"apply_answer_twice", base::Bug::kApplyAnswerTwice},
      {"reorder_stimuli", base::Bug::kReorderStimuli},
      {"acknowledge_without_sync", base::Bug::kAcknowledgeWithoutSync},
      {"lose_affinity_fallback", base::Bug::kLoseAffinityFallback},
  };
  return *bugs;
}

}  // namespace perdure::sim
