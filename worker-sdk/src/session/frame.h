// Frames as they are read.
#ifndef PERDURE_WORKER_SDK_SRC_SESSION_FRAME_H_
#define PERDURE_WORKER_SDK_SRC_SESSION_FRAME_H_

#include <google/protobuf/arena.h>

#include <memory>
#include <utility>

#include "perdure/v1/worker_service.pb.h"

namespace perdure::session {

// An empty frame on an arena of its own, since the parts of a frame are many and small. It lives for as long
// as any part of it is in use.
inline std::shared_ptr<v1::ServerFrame> NewFrame() {
  google::protobuf::ArenaOptions options;
  options.start_block_size = 2 << 10;
  options.max_block_size = 64 << 10;
  auto arena = std::make_shared<google::protobuf::Arena>(options);
  auto* frame = google::protobuf::Arena::CreateMessage<v1::ServerFrame>(arena.get());
  return {std::move(arena), frame};
}

}  // namespace perdure::session

#endif  // PERDURE_WORKER_SDK_SRC_SESSION_FRAME_H_
