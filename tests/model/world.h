// World: one run and all that happens to it, by chance: clients, dispatch, workers, the clock, and a server
// that dies. Messages to the engine travel by a mailbox, in order, so that dispatch and workers may be ahead
// of it, as they are in the server. After some time the faults stop, everybody answers, and the run must
// close.
//
//   World world(seed, Flaky(), coverage);
//   EXPECT_EQ(world.Run(), "") << world.Trace();
#ifndef PERDURE_TESTS_MODEL_WORLD_H_
#define PERDURE_TESTS_MODEL_WORLD_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/model/coverage.h"
#include "tests/model/deliveries.h"
#include "tests/model/profile.h"
#include "tests/model/random.h"
#include "tests/model/subject.h"
#include "tests/model/workflow_code.h"

namespace perdure::model {

class World {
 public:
  World(uint64_t seed, Profile profile, Coverage& coverage);

  // From the start of the run to its close and beyond. Empty: every check held; otherwise what broke.
  std::string Run();
  // The last things that happened.
  std::string Trace() const;
  int64_t inputs() const { return inputs_; }

 private:
  struct Mail {
    Input input;
    Verdict verdict = Verdict::kAny;
    // The delivery it reports on; 0: none.
    uint64_t delivery = 0;
    // The task that its worker keeps in hand until the answer is durable.
    Held kept;
  };

  // ---- what can happen (world_actions.cc) ----
  void Act(Action action);
  void TakeQueued();
  void AnswerActivation();
  void AnswerTask();
  void AnswerStep();
  void Heartbeat();
  void MoveClock();
  void Signal();
  void CancelRun();
  void Terminate();
  void Spill();
  void Redispatch();
  void StaleAnswer();
  void ReturnUnbegun();
  void LoseSession();
  void DropCoroutine();
  void Crash();
  void Evict();
  void ComeBack();

  // ---- their parts ----
  void Remember(const v1::WorkToken& token);
  void Take(uint64_t delivery, uint64_t session);
  void SendActivationAnswer(Held held, WorkflowAnswer answer);
  void SendTaskAnswer(const Held& held, v1::TaskAnswer answer);
  void ClaimOrphan(uint64_t delivery);
  uint64_t SomeSession() { return rng_.Pick(sessions_); }

  // ---- the mailbox ----
  void Post(Input input, uint64_t delivery = 0, Verdict verdict = Verdict::kAny);
  bool DeliverMail();
  bool DeliverAllMail();
  bool Claimed(const Mail& mail);
  bool Afterwards(const Mail& mail);

  // ---- the three parts of a run's life ----
  v1::RunStarted RandomStart();
  bool LiveOn();
  bool DriveToClose();
  bool NothingHappensAfterClose();
  // One round in which everybody does what they can. False: nobody had anything to do.
  bool EverybodyWorks();
  bool AwaitsSomethingSoon() const;

  void Note(std::string what);

  const uint64_t seed_;
  const Profile profile_;
  Coverage& coverage_;
  Rng rng_;
  Deliveries deliveries_;
  Subject subject_;
  int64_t now_ms_ = 1'700'000'000'000;
  int64_t inputs_ = 0;
  int64_t next_request_ = 1;
  uint64_t next_session_ = 4;
  std::vector<uint64_t> sessions_ = {1, 2, 3};
  std::deque<Mail> mail_;
  std::multiset<uint64_t> in_the_mail_;
  struct RunningStep {
    uint64_t session = 0;
    v1::WorkToken token;  // of the activation that began it
  };
  std::map<int64_t, RunningStep> running_steps_;
  // What waits on disk; 0: the activation.
  std::set<int64_t> spilled_;
  // Tokens of the past.
  std::deque<v1::WorkToken> ghosts_;
  std::deque<std::string> trace_;
};

}  // namespace perdure::model

#endif  // PERDURE_TESTS_MODEL_WORLD_H_
