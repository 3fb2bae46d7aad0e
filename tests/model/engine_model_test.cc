// Random runs of the engine against its promises. Each profile is run over fixed seeds and over fresh ones.
//
//   PERDURE_MODEL_SEEDS=n     how many seeds a profile (default 800)
//   PERDURE_MODEL_SEED=s      only this one
//   PERDURE_MODEL_VERBOSE=1   print what the runs came across
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/model/coverage.h"
#include "tests/model/profile.h"
#include "tests/model/world.h"

namespace perdure::model {
namespace {

constexpr uint64_t kSeedsDefault = 800;
// With fewer, chance may leave something out.
constexpr uint64_t kSeedsForCoverage = 300;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : std::strtoull(value, nullptr, 10);
}

// Three quarters are fixed, so that a failure shows up for everybody; the rest is fresh, so that every run of
// the tests looks at something new.
std::vector<uint64_t> Seeds() {
  if (const uint64_t only = FromEnvironment("PERDURE_MODEL_SEED", 0); only != 0) return {only};
  const uint64_t count = FromEnvironment("PERDURE_MODEL_SEEDS", kSeedsDefault);
  std::vector<uint64_t> seeds;
  for (uint64_t seed = 1; seed <= count - count / 4; ++seed) seeds.push_back(seed);
  std::random_device device;
  const uint64_t fresh = (static_cast<uint64_t>(device()) << 20) + (1ULL << 60);
  for (uint64_t i = 0; seeds.size() < count; ++i) seeds.push_back(fresh + i);
  return seeds;
}

class EngineModelTest : public ::testing::TestWithParam<Profile> {};

TEST_P(EngineModelTest, KeepsItsPromisesInRandomRuns) {
  Coverage coverage;
  int64_t inputs = 0;
  const std::vector<uint64_t> seeds = Seeds();
  for (const uint64_t seed : seeds) {
    World world(seed, GetParam(), coverage);
    const std::string broken = world.Run();
    ASSERT_EQ(broken, "") << world.Trace();
    inputs += world.inputs();
  }
  std::cout << seeds.size() << " runs, " << inputs << " inputs\n";
  if (FromEnvironment("PERDURE_MODEL_VERBOSE", 0) != 0) {
    for (const auto& [what, count] : coverage.counts()) std::cout << "  " << what << ": " << count << "\n";
  }
  if (seeds.size() < kSeedsForCoverage) return;
  for (const char* what : GetParam().must_see)
    EXPECT_GT(coverage.Count(what), 0) << what << " never happened";
}

INSTANTIATE_TEST_SUITE_P(Worlds, EngineModelTest, ::testing::Values(Calm(), Flaky(), Crashing(), Tight()),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

}  // namespace
}  // namespace perdure::model
