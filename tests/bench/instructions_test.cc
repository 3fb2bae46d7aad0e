// What the hot path of the server, and that of the SDK, cost in instructions, beside what they cost when
// somebody last wrote it down here. Callgrind counts them, so that the figure is the same whatever else the
// machine does: two runs differ by less than 0.1%, other processors by a few percent.
//
// When this fails: `valgrind --tool=callgrind --collect-atstart=no --toggle-collect='*ServerTurn*'
// perdure-hot-path chain10 200` (or '*WorkerTurn*') and `callgrind_annotate --inclusive=yes` show where the
// instructions go. If they are worth it, say so in the commit that writes down the new figure.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "tests/bench/child.h"
#include "tests/bench/proc.h"
#include "tests/bench/temp_dir.h"
#include "tests/bench/wait.h"

namespace perdure::bench {
namespace {

constexpr std::chrono::duration<double> kTimeout{240};
constexpr double kGrowthMax = 1.10;
// Below this the figure is to be written down anew, or it would hide the next growth.
constexpr double kShrinkMax = 0.85;
constexpr int64_t kFewRuns = 64;
constexpr int64_t kManyRuns = 128;

struct Recorded {
  const char* workload;
  // "Server" or "Worker".
  const char* side;
  int64_t units_per_run;
  double instructions_per_unit;
};
void PrintTo(const Recorded& recorded, std::ostream* out) { *out << recorded.workload << recorded.side; }
constexpr Recorded kRecorded[] = {
    {"noop", "Server", 1, 134'500},    {"chain10", "Server", 10, 92'000},
    {"steps10", "Server", 10, 57'800}, {"fanout100", "Server", 100, 40'500},
    {"noop", "Worker", 1, 38'200},     {"chain10", "Worker", 10, 36'200},
    {"steps10", "Worker", 10, 35'500}, {"fanout100", "Worker", 100, 24'200},
};

int64_t CountInstructions(const Recorded& recorded, int64_t runs, const std::string& directory) {
  const std::string log = directory + "/valgrind.log";
  std::filesystem::remove(log);
  Child valgrind({PERDURE_VALGRIND, "--tool=callgrind", "--collect-atstart=no",
                  "--toggle-collect=*" + std::string(recorded.side) + "Turn*",
                  "--callgrind-out-file=" + directory + "/callgrind.out", PERDURE_HOT_PATH, recorded.workload,
                  std::to_string(runs), directory},
                 log);
  EXPECT_TRUE(valgrind.WaitExit(kTimeout));
  const std::string text = ReadFile(log);
  EXPECT_EQ(valgrind.status(), 0) << text;
  const std::string label = "Collected : ";
  const size_t at = text.find(label);
  EXPECT_NE(at, std::string::npos) << text;
  return at == std::string::npos ? 0 : std::strtoll(text.c_str() + at + label.size(), nullptr, 10);
}

class InstructionsTest : public ::testing::TestWithParam<Recorded> {};

TEST_P(InstructionsTest, AreNoMoreThanWasRecorded) {
  const TempDir directory{std::filesystem::current_path().string()};
  const Recorded& recorded = GetParam();
  // What comes once, at the start, is not counted.
  const int64_t few = CountInstructions(recorded, kFewRuns, directory.path());
  const int64_t many = CountInstructions(recorded, kManyRuns, directory.path());
  const double each =
      static_cast<double>(many - few) / static_cast<double>((kManyRuns - kFewRuns) * recorded.units_per_run);
  std::printf("%s, %s: %.0f instructions each, recorded: %.0f\n", recorded.workload, recorded.side, each,
              recorded.instructions_per_unit);
  EXPECT_LE(each, recorded.instructions_per_unit * kGrowthMax);
  EXPECT_GE(each, recorded.instructions_per_unit * kShrinkMax) << "write the better figure down";
}

INSTANTIATE_TEST_SUITE_P(HotPath, InstructionsTest, ::testing::ValuesIn(kRecorded),
                         [](const auto& info) { return info.param.workload + std::string(info.param.side); });

}  // namespace
}  // namespace perdure::bench
