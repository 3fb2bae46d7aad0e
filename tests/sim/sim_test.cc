// The simulator within the tests: seeds that are always the same, fresh ones, and whether it sees what it is
// there to see.
//
//   PERDURE_SIM_SEEDS=n     fixed seeds from 1 (default 40)
//   PERDURE_SIM_SECONDS=s   for how long fresh ones are drawn (default 20)
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/log.h"
#include "tests/sim/simulation.h"

namespace perdure::sim {
namespace {

using ::testing::HasSubstr;

// Far more than any of the bugs takes.
constexpr uint64_t kSeedsToFindABug = 600;

int64_t FromEnvironment(const char* name, int64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : std::atoll(value);
}

// For a person: what went wrong, and how to see it again.
std::string Complaint(const Setup& setup, const Outcome& outcome) {
  return absl::StrCat("seed ", setup.seed, ":\n  ", absl::StrJoin(outcome.problems, "\n  "),
                      "\nperdure-sim --seeds 1 --first-seed ", setup.seed, " --workflows ", setup.workflows,
                      " --trace   shows what happened");
}

Setup Of(uint64_t seed, bool faults = true, base::Bug bug = base::Bug::kNone) {
  Setup setup;
  setup.seed = seed;
  setup.faults = faults;
  setup.bug = bug;
  return setup;
}

class SimTest : public ::testing::Test {
 protected:
  SimTest() {
    base::SetLogSink([](const base::LogEvent&) {});
  }
  ~SimTest() override { base::SetLogSink(nullptr); }

  // False: something is wrong, and said.
  bool IsClean(uint64_t seed) {
    const Outcome outcome = Simulate(Of(seed));
    EXPECT_TRUE(outcome.problems.empty()) << Complaint(Of(seed), outcome);
    return outcome.problems.empty();
  }
};

TEST_F(SimTest, TheSameSeedsAsEver) {
  const int64_t seeds = FromEnvironment("PERDURE_SIM_SEEDS", 40);
  for (int64_t seed = 1; seed <= seeds; ++seed) ASSERT_TRUE(IsClean(static_cast<uint64_t>(seed)));
}

TEST_F(SimTest, FreshSeeds) {
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::seconds(FromEnvironment("PERDURE_SIM_SECONDS", 20));
  std::random_device random;
  int seeds = 0;
  do {
    ASSERT_TRUE(IsClean(uint64_t{random()} << 20 | seeds));
    ++seeds;
  } while (std::chrono::steady_clock::now() < until);
  std::printf("%d fresh seeds\n", seeds);
}

TEST_F(SimTest, NothingIsWrongWithoutFaults) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Outcome outcome = Simulate(Of(seed, false));
    EXPECT_TRUE(outcome.problems.empty()) << Complaint(Of(seed, false), outcome);
    EXPECT_EQ(outcome.counts.server_deaths, 0);
  }
}

// Another seed between them leaves another heap, and another process other hash tables.
TEST_F(SimTest, ASeedGivesTheSameAgain) {
  const Outcome once = Simulate(Of(17));
  const Outcome other = Simulate(Of(18));
  const Outcome again = Simulate(Of(17));
  EXPECT_EQ(once.hash, again.hash);
  EXPECT_EQ(once.counts.steps, again.counts.steps);
  EXPECT_NE(once.hash, other.hash);

  std::FILE* program = popen(PERDURE_SIM_PROGRAM " --seeds 1 --first-seed 17 --hashes 2>/dev/null", "r");
  ASSERT_NE(program, nullptr);
  std::string output(4096, '\0');
  output.resize(std::fread(output.data(), 1, output.size(), program));
  EXPECT_EQ(pclose(program), 0) << output;
  char hash[32];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(once.hash));
  EXPECT_THAT(output, HasSubstr(hash));
}

class BugTest : public SimTest, public ::testing::WithParamInterface<NamedBug> {};

TEST_P(BugTest, IsFound) {
  for (uint64_t seed = 1; seed <= kSeedsToFindABug; ++seed) {
    const Outcome outcome = Simulate(Of(seed, true, GetParam().bug));
    if (outcome.problems.empty()) continue;
    std::printf("%s: found with seed %llu: %s\n", GetParam().name, static_cast<unsigned long long>(seed),
                outcome.problems[0].substr(0, 200).c_str());
    return;
  }
  FAIL() << GetParam().name << " was not found in " << kSeedsToFindABug << " seeds";
}

INSTANTIATE_TEST_SUITE_P(Deliberate, BugTest, ::testing::ValuesIn(Bugs()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace perdure::sim
