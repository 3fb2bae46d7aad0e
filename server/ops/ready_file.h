// The ready file: how a script or a test that let the daemon take free ports learns which it took.
#ifndef PERDURE_SERVER_OPS_READY_FILE_H_
#define PERDURE_SERVER_OPS_READY_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace perdure::ops {

struct ReadyInfo {
  // The addresses actually listened on.
  std::string listen;
  std::string http_listen;
  std::string data_dir;
};

// Writes {"pid":..,"listen":"..","http_listen":"..","data_dir":"..","version":".."} to `path`. Readers see
// the whole file or none: it is written beside and renamed. Unavailable: it cannot be written.
absl::Status WriteReadyFile(const std::string& path, const ReadyInfo& info);

}  // namespace perdure::ops

#endif  // PERDURE_SERVER_OPS_READY_FILE_H_
