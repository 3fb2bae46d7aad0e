// Keeps failures within limits. A failure that is too large is cut, not refused: why something
// failed matters more than all of its words.
#ifndef PERDURE_SERVER_ENGINE_BOUNDS_H_
#define PERDURE_SERVER_ENGINE_BOUNDS_H_

#include "perdure/v1/common.pb.h"
#include "server/engine/types.h"

namespace perdure::engine {

// A failure keeps so many causes behind it. Messages nested more deeply than protobuf reads (100) could be
// written but never be read again.
inline constexpr int kCausesMax = 30;

// Drops causes past kCausesMax. Cuts a failure of more than payload_bytes_max bytes: its details and causes
// go, its message and names are shortened and say so.
void CutToLimit(v1::Failure& failure, const Limits& limits);

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_BOUNDS_H_
