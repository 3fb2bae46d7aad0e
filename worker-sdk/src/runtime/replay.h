// Replay: brings a fresh run to where its history ends.
#ifndef PERDURE_WORKER_SDK_SRC_RUNTIME_REPLAY_H_
#define PERDURE_WORKER_SDK_SRC_RUNTIME_REPLAY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "perdure/errors.h"
#include "perdure/v1/worker_service.pb.h"
#include "worker-sdk/src/runtime/command_diff.h"
#include "worker-sdk/src/runtime/run.h"

namespace perdure::runtime {

// The stimuli that one activation and the history before it hold, by event id, each once.
class EventLog {
 public:
  // Events of the activation itself, or of a history chunk. The events must outlive the log.
  void Add(const google::protobuf::RepeatedPtrField<v1::Event>& events);

  // The first event id from 1 to `last` that is missing; 0: none is.
  std::int64_t FirstMissing(std::int64_t last) const;

  // Hands the stimuli with ids in (after, through] to the run.
  void Deliver(detail::RunCore& run, std::int64_t after, std::int64_t through) const;

  const std::map<std::int64_t, const v1::Event*>& advances() const { return advances_; }

 private:
  std::map<std::int64_t, const v1::Event*> stimuli_;
  std::map<std::int64_t, const v1::Event*> advances_;
};

struct ReplayOutcome {
  // Set: the history cannot be replayed by this code.
  std::optional<Failure> failure;
  // The last event that the code has seen.
  std::int64_t consumed_through = 0;
  // The activation that the last Advanced event answers.
  std::uint64_t activation_id = 0;
};

// Replays all advances in the log. Call inside of a CurrentRunScope.
ReplayOutcome Replay(detail::RunCore& run, const EventLog& log, const Divergence& where);

}  // namespace perdure::runtime

#endif  // PERDURE_WORKER_SDK_SRC_RUNTIME_REPLAY_H_
