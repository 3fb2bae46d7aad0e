// Random runs of a partition that crashes all the time, against all that it promises.
//
//   PERDURE_SEEDS=n   how many seeds (default 300)
//   PERDURE_SEED=s    only this one
//
// The order in which hash tables are walked differs from process to process. To see exactly the same run
// again:
//   PERDURE_SEED=s setarch -R partition_crash_test
#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "gtest/gtest.h"
#include "server/base/log.h"
#include "tests/unit/partition/crash_world.h"

namespace perdure::partition::testing {
namespace {

constexpr uint64_t kSeedsDefault = 300;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : std::strtoull(value, nullptr, 10);
}

TEST(PartitionCrashTest, KeepsItsPromises) {
  // Activations fail by the thousand here; that a run cannot be read is still said.
  base::SetLogLevel(base::LogLevel::kError);
  const uint64_t only = FromEnvironment("PERDURE_SEED", 0);
  const uint64_t first = only != 0 ? only : 1;
  const uint64_t last = only != 0 ? only : FromEnvironment("PERDURE_SEEDS", kSeedsDefault);
  int64_t crashes = 0;
  int64_t runs = 0;
  for (uint64_t seed = first; seed <= last; ++seed) {
    CrashWorld world(seed);
    world.Run();
    ASSERT_FALSE(HasFailure()) << "with PERDURE_SEED=" << seed;
    crashes += world.crashes();
    runs += world.runs();
  }
  std::cout << last - first + 1 << " seeds, " << runs << " runs, " << crashes << " crashes\n";
}

}  // namespace
}  // namespace perdure::partition::testing
