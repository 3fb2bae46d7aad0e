#include "server/dispatch/queue.h"

#include <algorithm>

#include "absl/strings/str_split.h"

namespace perdure::dispatch {
namespace {

// The report of a spill may still be on its way when a partition is asked, and after that the item on its way
// to disk. The question after those finds it.
constexpr int kDoubtsAfterSpill = 3;

}  // namespace

void Backlog::Spilled() {
  more = true;
  doubts = kDoubtsAfterSpill;
}

bool Backlog::Answered(bool more_waits) {
  asked = false;
  more = more_waits;
  doubts = std::max(more_waits ? 1 : 0, doubts - 1);
  return doubts > 0;
}

bool Queue::OlderOnDisk() const {
  return std::any_of(backlog.begin(), backlog.end(), [](const auto& entry) { return entry.second.more; });
}

QueueName ParseQueueKey(const std::string& key) {
  std::vector<std::string> parts = absl::StrSplit(key, absl::MaxSplits('\0', 3));
  parts.resize(4);
  return {parts[0], parts[1], parts[2] == "w" ? "workflow" : "task", parts[3]};
}

WorkKind KindOfQueue(const std::string& key) {
  return ParseQueueKey(key).kind == "workflow" ? WorkKind::kActivation : WorkKind::kTask;
}

}  // namespace perdure::dispatch
