// Outbox: where the committer releases what is durable to.
#ifndef PERDURE_SERVER_PARTITION_OUTBOX_H_
#define PERDURE_SERVER_PARTITION_OUTBOX_H_

#include <cstdint>
#include <vector>

#include "server/base/work.h"

namespace perdure::partition {

// Called by whoever commits, one at a time. Must not block.
class Outbox {
 public:
  virtual ~Outbox() = default;
  // `acks`: what these answers led to is durable, or they were stale.
  virtual void Release(std::vector<Work> work, Acks acks) = 0;
};

}  // namespace perdure::partition

#endif  // PERDURE_SERVER_PARTITION_OUTBOX_H_
