// FaultPlan: what is to go wrong in an in-memory store. Tests and the simulator hand one to
// MemoryStore::Inject; a plan replaces the one before it.
//
//   store.Inject(FaultPlan().FailCommit(3).AfterWriting());  // the third commit from now, though it is
//   written store.Inject(FaultPlan().DelaySync());  // later commits are lost by LoseUnsynced()
#ifndef PERDURE_STORAGE_FAULT_PLAN_H_
#define PERDURE_STORAGE_FAULT_PLAN_H_

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/status/status.h"

namespace perdure::storage {

class FaultPlan {
 public:
  // The nth commit from now on (1: the next one) fails, and as with a real disk so does every later one,
  // until the store is opened again.
  FaultPlan& FailCommit(uint64_t nth) {
    fail_commit_ = nth;
    return *this;
  }
  // That commit was written all the same: its caller cannot know.
  FaultPlan& AfterWriting() {
    fail_after_writing_ = true;
    return *this;
  }
  // What the failed commit says.
  FaultPlan& With(absl::Status status) {
    status_ = std::move(status);
    return *this;
  }
  // Commits return before they are synced: LoseUnsynced() takes them back.
  FaultPlan& DelaySync() {
    delay_sync_ = true;
    return *this;
  }
  // Called in each commit before anything of it can be read, with no lock held: a slow disk is one that waits
  // here. Reads go on meanwhile.
  FaultPlan& OnCommit(std::function<void()> callback) {
    on_commit_ = std::move(callback);
    return *this;
  }

 private:
  friend class MemoryStore;

  uint64_t fail_commit_ = 0;
  bool fail_after_writing_ = false;
  bool delay_sync_ = false;
  absl::Status status_ = absl::UnavailableError("the commit failed, as the fault plan says");
  std::function<void()> on_commit_;
};

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_FAULT_PLAN_H_
