// Deliberate bugs and failpoints, for the tests of the tests: what finds faults has to be shown faults.
//
// They exist only in the copies of the server's libraries that tests/sim builds with PERDURE_INJECT; in every
// other build a bug is the constant false and a failpoint is nothing.
//
//   if (PERDURE_BUG(kSkipTokenCheck)) return true;
//   PERDURE_FAILPOINT("commit/written");
//
// A failpoint does what PERDURE_FAILPOINTS says, "commit/written=abort:20,recovery/runs_read=delay:50":
// `abort` the process as SIGKILL would, the nth time that it is reached (by default the first); `error`,
// which the store's files know (tests/sim/failpoint_files.h), fails it the nth time; `delay` waits for so
// many milliseconds, every time.
#ifndef PERDURE_SERVER_BASE_INJECT_H_
#define PERDURE_SERVER_BASE_INJECT_H_

#ifdef PERDURE_INJECT

#include <string_view>

namespace perdure::base {

enum class Bug {
  kNone,
  // What a commit releases goes out before it is written.
  kReleaseBeforeCommit,
  // Whoever answers for a task or an activation is believed.
  kSkipTokenCheck,
  // The journal does not say that a run's rows are behind.
  kDropDirtyRow,
  // A run that is read back has no timers.
  kForgetTimerAtRecovery,
  // A task's answer leads to its event twice.
  kApplyAnswerTwice,
  // Of two stimuli that came together, the later one is recorded first.
  kReorderStimuli,
  // A commit returns before it is synced. (The simulated disk's, not the server's.)
  kAcknowledgeWithoutSync,
  // A run whose coroutine was lost with its worker waits for that worker.
  kLoseAffinityFallback,
};

// The one that this process has, set before any of its threads begins.
extern Bug bug;

// True: it is to fail.
bool ReachFailpoint(std::string_view name);
// At a place that cannot fail.
void PassFailpoint(std::string_view name);

}  // namespace perdure::base

#define PERDURE_BUG(name) (::perdure::base::bug == ::perdure::base::Bug::name)
#define PERDURE_FAILPOINT(name) ::perdure::base::PassFailpoint(name)

#else

#define PERDURE_BUG(name) false
#define PERDURE_FAILPOINT(name) ((void)0)

#endif

#endif  // PERDURE_SERVER_BASE_INJECT_H_
