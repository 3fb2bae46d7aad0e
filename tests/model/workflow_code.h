// WorkflowCode: a worker's answers to activations, right ones and wrong ones.
#ifndef PERDURE_TESTS_MODEL_WORKFLOW_CODE_H_
#define PERDURE_TESTS_MODEL_WORKFLOW_CODE_H_

#include <string>

#include "perdure/v1/worker_service.pb.h"
#include "server/engine/types.h"
#include "tests/model/oracle.h"
#include "tests/model/random.h"

namespace perdure::model {

// What must become of an answer if it is not stale.
enum class Verdict { kAny, kAccepted, kActivationFails };

struct WorkflowAnswer {
  v1::ActivationAnswer answer;
  Verdict verdict = Verdict::kAccepted;
  // In words, for the trace.
  std::string what;
};

// An answer such as a healthy worker may give: any commands, in any mix. `budget`: once so many seqs are
// issued, no more are.
WorkflowAnswer RandomAdvance(Rng& rng, const v1::Activation& activation, const Oracle& oracle,
                             int64_t budget);

// An answer that the engine must refuse.
WorkflowAnswer WrongAdvance(Rng& rng, const v1::Activation& activation, const Oracle& oracle,
                            const engine::Limits& limits);

// The worker could not carry the activation out.
WorkflowAnswer FailedActivation(const v1::Activation& activation);

// What is due after this is never going to happen.
inline constexpr int64_t kFarFuture = 1'000'000'000'000'000;

// Ends the run if nothing is awaited once this activation's events are seen, and waits on otherwise. Gives up
// timers that are due in the far future.
WorkflowAnswer FinishingAdvance(const v1::Activation& activation, const Oracle& oracle);

}  // namespace perdure::model

#endif  // PERDURE_TESTS_MODEL_WORKFLOW_CODE_H_
