// CrashWorld: a server, clients and workers, all at random from one seed, and a process that dies again and
// again.
#ifndef PERDURE_TESTS_UNIT_PARTITION_CRASH_WORLD_H_
#define PERDURE_TESTS_UNIT_PARTITION_CRASH_WORLD_H_

#include <cstdint>
#include <string>

#include "tests/model/random.h"
#include "tests/unit/partition/promises.h"
#include "tests/unit/partition/sim_clients.h"
#include "tests/unit/partition/sim_workers.h"
#include "tests/unit/partition/test_server.h"

namespace perdure::partition::testing {

class CrashWorld {
 public:
  explicit CrashWorld(uint64_t seed);

  // Plays the whole of it; failures are the test's. After each crash, and at the end:
  //   * what the disk holds makes sense (Disk::Problems), and bears out every reply and every delivery
  //   (Promises);
  // and at the end:
  //   * every run closes once the workers answer all that they are given;
  //   * nothing is left over beside histories, list and id rows, and after their retention nothing of those.
  void Run();

  int crashes() const { return crashes_; }
  int64_t runs() const { return runs_; }

 private:
  static PartitionOptions OptionsOf(model::Rng& rng, uint64_t seed);

  void Step();
  void RunMachine();
  void MoveClock();
  void Crash();
  void Check();
  void WakeParkedRuns();
  bool AllClosed();
  void Finish();

  model::Rng rng_;
  TestServer server_;
  Promises promises_;
  SimClients clients_;
  SimWorkers workers_;
  int crashes_ = 0;
  int64_t runs_ = 0;
};

}  // namespace perdure::partition::testing

#endif  // PERDURE_TESTS_UNIT_PARTITION_CRASH_WORLD_H_
