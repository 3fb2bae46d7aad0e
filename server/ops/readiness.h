// Readiness: whether the daemon takes work, and if not, why.
#ifndef PERDURE_SERVER_OPS_READINESS_H_
#define PERDURE_SERVER_OPS_READINESS_H_

#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace perdure::ops {

// Thread-safe.
class Readiness {
 public:
  // Not ready at first, with the reason "starting".
  void SetReady() { Set(""); }
  // `reason` is for people: "recovering partition 1", "draining".
  void SetNotReady(const std::string& reason) { Set(reason.empty() ? "not ready" : reason); }
  // A condition that comes and goes by itself: `check` says why the daemon takes no work, "" while it does.
  // It is asked while nothing else is wrong, by several threads, and must not block or outlive what it looks
  // at.
  void Watch(std::function<std::string()> check);
  // Empty: ready.
  std::string Reason() const;

 private:
  void Set(const std::string& reason);

  mutable std::mutex mutex_;
  std::string reason_ = "starting";                   // guarded by mutex_
  std::vector<std::function<std::string()>> checks_;  // guarded by mutex_
};

}  // namespace perdure::ops

#endif  // PERDURE_SERVER_OPS_READINESS_H_
