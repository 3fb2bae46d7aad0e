// Profile: how hostile the world of a random run is.
#ifndef PERDURE_TESTS_MODEL_PROFILE_H_
#define PERDURE_TESTS_MODEL_PROFILE_H_

#include <cstdint>
#include <ostream>
#include <vector>

#include "server/engine/types.h"

namespace perdure::model {

// What can happen next. Weights in the order of this enum say how often each does.
enum class Action : uint8_t {
  kDeliverMail,
  kTakeQueued,
  kAnswerActivation,
  kAnswerTask,
  kAnswerStep,
  kHeartbeat,
  kMoveClock,
  kSignal,
  kCancelRun,
  kTerminate,
  kSpill,
  kRedispatch,
  kStaleAnswer,
  kReturnUnbegun,
  kLoseSession,
  kDropCoroutine,
  kCrash,
  kEvict,
  kComeBack,
  kReleaseHeld,
};
inline constexpr int kActions = static_cast<int>(Action::kReleaseHeld) + 1;

struct Profile {
  const char* name = "";
  std::vector<int> weights;
  engine::Limits limits;
  // How many actions before the faults stop.
  int64_t actions_max = 400;
  // Once a run has issued so many seqs it issues no more.
  int64_t seqs_max = 30;
  // Of answers to activations, how many in a hundred are failures, and how many are wrong.
  int64_t failed_percent = 4;
  int64_t wrong_percent = 6;
  // Whether request ids are remembered for good.
  bool remembers_requests = true;
  // What the runs of this profile must come across (see Coverage), or they prove less than they claim.
  std::vector<const char*> must_see;
};

// For failure messages.
inline void PrintTo(const Profile& profile, std::ostream* out) { *out << profile.name; }

// A world in which little goes wrong.
Profile Calm();
// Workers and their connections come and go.
Profile Flaky();
// The server dies again and again.
Profile Crashing();
// Every limit is tiny.
Profile Tight();

}  // namespace perdure::model

#endif  // PERDURE_TESTS_MODEL_PROFILE_H_
