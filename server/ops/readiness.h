// Readiness: whether the daemon takes work, and if not, why.
#ifndef PERDURE_SERVER_OPS_READINESS_H_
#define PERDURE_SERVER_OPS_READINESS_H_

#include <mutex>
#include <string>

namespace perdure::ops {

// Thread-safe.
class Readiness {
 public:
  // Not ready at first, with the reason "starting".
  void SetReady() { Set(""); }
  // `reason` is for people: "recovering partition 1", "draining".
  void SetNotReady(const std::string& reason) { Set(reason.empty() ? "not ready" : reason); }
  // Empty: ready.
  std::string Reason() const;

 private:
  void Set(const std::string& reason);

  mutable std::mutex mutex_;
  std::string reason_ = "starting";  // guarded by mutex_
};

}  // namespace perdure::ops

#endif  // PERDURE_SERVER_OPS_READINESS_H_
