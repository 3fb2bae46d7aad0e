// std::mutex behind a name that clang's thread-safety analysis knows. Not absl::Mutex: a distribution's build
// of it gives false reports under ThreadSanitizer, and the in-memory store is there to be run under it.
#ifndef PERDURE_STORAGE_MUTEX_H_
#define PERDURE_STORAGE_MUTEX_H_

#include <mutex>

#include "absl/base/thread_annotations.h"

namespace perdure::storage {

class ABSL_LOCKABLE Mutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mu_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }

 private:
  std::mutex mu_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : mu_(mu) { mu_->Lock(); }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mu_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mu_;
};

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_MUTEX_H_
