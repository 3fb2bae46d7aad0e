#include "server/dispatch/queue.h"

#include "absl/strings/str_split.h"

namespace perdure::dispatch {

QueueName ParseQueueKey(const std::string& key) {
  std::vector<std::string> parts = absl::StrSplit(key, absl::MaxSplits('\0', 3));
  parts.resize(4);
  return {parts[0], parts[1], parts[2] == "w" ? "workflow" : "task", parts[3]};
}

}  // namespace perdure::dispatch
