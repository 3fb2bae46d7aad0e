// StoredServer: one partition over a store in memory, driven by hand, as a server runs one: it recovers,
// decides, commits; and workers that play along with whatever it gives out.
#ifndef PERDURE_TESTS_FUZZ_STORED_SERVER_H_
#define PERDURE_TESTS_FUZZ_STORED_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/partition/committer.h"
#include "server/partition/partition.h"
#include "storage/memory_store.h"

namespace perdure::fuzz {

class StoredServer {
 public:
  explicit StoredServer(int64_t now_unix_ms);
  ~StoredServer();

  // What a server that starts does. The partition is there only if it says OK.
  absl::StatusOr<partition::RecoveryStats> Recover(bool hold_tasks);
  // All that was in memory is gone.
  void Crash();

  void Put(partition::Message message) { partition_->Put(std::move(message)); }
  // What waits is decided and committed, until nothing comes of it any more, `rounds` times at most.
  void Settle(int rounds = 8);
  void Advance(int64_t ms);

  // What was given out since the last call.
  std::vector<Work> TakeWork() { return std::exchange(outbox_.work, {}); }
  // A worker takes the activation and answers with these commands, or with a failure if there are none and
  // `fail`.
  void AnswerActivation(const v1::Activation& activation, const std::vector<v1::Command>& commands,
                        bool fail);
  void AnswerTask(const v1::TaskDelivery& task, bool fail);

  storage::MemoryStore& store() { return store_; }
  // A run's message to whoever waits for it is thrown away.
  template <typename T>
  static partition::Reply<T> Nobody() {
    return [](const absl::StatusOr<T>&) {};
  }

 private:
  class Outbox : public partition::Outbox {
   public:
    void Release(std::vector<Work> released, Acks acks) override;
    std::vector<Work> work;
  };

  const partition::PartitionOptions options_;
  storage::MemoryStore store_;
  Outbox outbox_;
  uint64_t epoch_ = 0;
  uint64_t next_answer_ = 1;
  std::unique_ptr<partition::Committer> committer_;
  std::unique_ptr<partition::Partition> partition_;
};

}  // namespace perdure::fuzz

#endif  // PERDURE_TESTS_FUZZ_STORED_SERVER_H_
