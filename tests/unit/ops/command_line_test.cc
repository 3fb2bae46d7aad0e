// The daemon's flags.
#include "server/ops/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace perdure::ops {
namespace {

using testing::HasSubstr;

absl::StatusOr<ParsedArgs> Parse(std::vector<const char*> args) {
  args.insert(args.begin(), "perdured");
  return ParseCommandLine(static_cast<int>(args.size()), args.data());
}

std::string Refusal(std::vector<const char*> args) {
  return std::string(Parse(std::move(args)).status().message());
}

std::string WriteFile(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path) << text;
  return path;
}

TEST(CommandLineTest, TakesBothSpellings) {
  const auto args = Parse({"--data-dir", "/d", "--memory-budget-bytes=1GiB", "--ready_file", "r"});
  ASSERT_TRUE(args.ok()) << args.status();
  EXPECT_EQ(args->action, ParsedArgs::Action::kRun);
  EXPECT_EQ(args->config.data_dir, "/d");
  EXPECT_EQ(args->config.memory_budget_bytes, int64_t{1} << 30);
  EXPECT_EQ(args->ready_file, "r");
}

TEST(CommandLineTest, FlagsWinOverTheFileWhereverTheyStand) {
  const std::string file = WriteFile("wins.yaml", "data_dir: /from-file\npartitions: 4\n");
  const auto args = Parse({"--partitions", "8", "--config", file.c_str()});
  ASSERT_TRUE(args.ok()) << args.status();
  EXPECT_EQ(args->config.data_dir, "/from-file");
  EXPECT_EQ(args->config.partitions, 8);
}

TEST(CommandLineTest, RefusesWithAHint) {
  EXPECT_EQ(Refusal({"--data-dri", "x"}), "no flag is called --data-dri; did you mean --data-dir?");
  EXPECT_EQ(Refusal({"--zzz"}), "no flag is called --zzz; perdured --help lists them all");
  EXPECT_THAT(Refusal({"start"}), HasSubstr("'start' is not a flag"));
  EXPECT_EQ(Refusal({"--data-dir"}), "--data-dir needs a value");
  EXPECT_EQ(Refusal({"--version=1"}), "--version takes no value");
  EXPECT_EQ(Refusal({"--data-dir", "d", "--partitions", "0"}),
            "flag --partitions: partitions: '0' is too small (allowed: 1 to 256)");
  EXPECT_THAT(Refusal({}), HasSubstr("data_dir is not set"));
  EXPECT_THAT(Refusal({"--data-dir", "d", "--payload-bytes-max", "100MiB"}),
              HasSubstr("is larger than frame_bytes_max"));
  EXPECT_THAT(Refusal({"--config", "/nonexistent.yaml"}), HasSubstr("cannot read the configuration file"));
}

TEST(CommandLineTest, HelpNamesEverySetting) {
  const auto args = Parse({"-h"});
  ASSERT_TRUE(args.ok());
  EXPECT_EQ(args->action, ParsedArgs::Action::kPrint);
  for (const Setting& setting : Settings()) {
    std::string flag = "--" + std::string(setting.name);
    std::replace(flag.begin(), flag.end(), '_', '-');
    EXPECT_THAT(args->output, HasSubstr("  " + flag)) << setting.name;
  }
  std::istringstream lines(args->output);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(CommandLineTest, PrintsConfigurationsThatCanBeReadBack) {
  const auto printed = Parse({"--data-dir", "/d", "--partitions", "5", "--print-config"});
  ASSERT_TRUE(printed.ok());
  const std::string file = WriteFile("printed.yaml", printed->output);
  const auto args = Parse({"--config", file.c_str()});
  ASSERT_TRUE(args.ok()) << args.status();
  EXPECT_EQ(args->config.partitions, 5);
  EXPECT_THAT(Parse({"--version"})->output, HasSubstr("perdured 0."));
}

}  // namespace
}  // namespace perdure::ops
