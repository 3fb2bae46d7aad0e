// Server: the daemon under simulation: the real partitions, committer, ring and dispatcher over a store in
// memory, as perdured wires them, with every thread replaced by things that the schedule does.
#ifndef PERDURE_TESTS_SIM_SERVER_H_
#define PERDURE_TESTS_SIM_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/api/ring.h"
#include "server/dispatch/dispatcher.h"
#include "server/partition/committer.h"
#include "server/partition/partition.h"
#include "storage/memory_store.h"
#include "tests/sim/schedule.h"
#include "tests/sim/setup.h"
#include "tests/sim/trace.h"

namespace perdure::sim {

class Server {
 public:
  // What the rest of the simulation has to know.
  struct Observer {
    // Streams and calls in hand are gone.
    std::function<void()> died;
    // After the death, what is on disk is looked at before anything else.
    std::function<void()> at_rest;
    std::function<void(std::string problem)> complain;
  };

  Server(const Setup& setup, Faults* faults, model::Rng* rng, Schedule* schedule, Trace* trace,
         Observer observer);
  ~Server();
  Server(const Server&) = delete;

  void Start();
  bool up() const { return process_ != nullptr; }
  // Differs from process to process.
  uint64_t epoch() const { return epoch_; }
  // Faults are over: the disk has room, and a server that is down comes back.
  void Heal();

  // ---- for calls; the server is up ----
  absl::Status Admit(const std::string& workflow_id) const;
  absl::Status AdmitRead(const std::string& workflow_id) const;
  void Put(const std::string& workflow_id, partition::Message message);

  // ---- for streams; the server is up ----
  dispatch::Dispatcher& dispatcher();

  // ---- what is on disk ----
  storage::MemoryStore& store() { return store_; }
  uint32_t partitions() const { return partitions_wanted_; }
  // Of the present process, by the name it is exported under.
  int64_t Metric(const std::string& name) const;
  int64_t deaths() const { return deaths_; }

 private:
  class SimRing;
  struct Process;

  void DrawOptions();
  // Does it later, unless the process is gone by then.
  void Later(int64_t delay_ms, std::function<void()> what);
  void WakePartition(uint32_t number, int64_t in_ms);
  void CommitSoon();
  void Commit();
  void FillDisk();
  void Tick();
  void Die(const char* why);

  const Setup setup_;
  Faults* const faults_;
  model::Rng* const rng_;
  Schedule* const schedule_;
  Trace* const trace_;
  const Observer observer_;

  uint32_t partitions_wanted_ = 1;
  partition::PartitionOptions partition_options_;
  dispatch::DispatchOptions dispatch_options_;
  storage::MemoryStore store_;
  uint64_t epoch_ = 0;
  int64_t deaths_ = 0;
  bool disk_full_ = false;
  std::unique_ptr<Process> process_;
};

}  // namespace perdure::sim

#endif  // PERDURE_TESTS_SIM_SERVER_H_
