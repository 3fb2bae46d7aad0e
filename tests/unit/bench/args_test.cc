#include "tests/bench/args.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/bench/workloads.h"

namespace perdure::bench {
namespace {

using ::testing::HasSubstr;

ParsedArgs Parse(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv = {"perdure-bench"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return ParseArgs(static_cast<int>(argv.size()), argv.data());
}

TEST(BenchArgsTest, ReadsWhatIsAskedFor) {
  const ParsedArgs parsed = Parse({"chain10", "--concurrency", "256", "--seconds", "2.5", "--json",
                                   "--repeat=3", "--daemon-arg=--partitions=4", "--daemon-arg=--readers=1"});
  ASSERT_FALSE(parsed.exit_status.has_value()) << parsed.output;
  EXPECT_EQ(parsed.args.workload, "chain10");
  EXPECT_EQ(parsed.args.concurrency, 256);
  EXPECT_EQ(parsed.args.seconds, 2.5);
  EXPECT_TRUE(parsed.args.json);
  EXPECT_EQ(parsed.args.repeat, 3);
  EXPECT_EQ(parsed.args.daemon_args, (std::vector<std::string>{"--partitions=4", "--readers=1"}));
}

TEST(BenchArgsTest, WarmsUpForAFifthWithinBounds) {
  EXPECT_EQ(Parse({"noop", "--seconds=1"}).args.Warmup(), 0.5);
  EXPECT_EQ(Parse({"noop", "--seconds=5"}).args.Warmup(), 1.0);
  EXPECT_EQ(Parse({"noop", "--seconds=60"}).args.Warmup(), 2.0);
  EXPECT_EQ(Parse({"noop", "--seconds=60", "--warmup=7"}).args.Warmup(), 7.0);
}

TEST(BenchArgsTest, HelpNamesEveryWorkload) {
  const ParsedArgs parsed = Parse({"--help"});
  EXPECT_EQ(parsed.exit_status, 0);
  for (const Workload& workload : Workloads())
    EXPECT_THAT(parsed.output, HasSubstr(std::string(workload.name)));
}

struct Refusal {
  std::vector<std::string> arguments;
  std::string says;
};

class BenchArgsRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(BenchArgsRefusalTest, SaysWhatIsWrong) {
  const ParsedArgs parsed = Parse(GetParam().arguments);
  EXPECT_EQ(parsed.exit_status, 2);
  EXPECT_THAT(parsed.output, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    , BenchArgsRefusalTest,
    ::testing::Values(Refusal{{}, "say which workload"}, Refusal{{"nope"}, "no workload 'nope'"},
                      Refusal{{"noop", "--concurrency=0"}, "--concurrency"},
                      Refusal{{"noop", "--seconds=-1"}, "--seconds"},
                      Refusal{{"noop", "--sevenths=7"}, "--sevenths"},
                      Refusal{{"recovery", "--server=h:1"}, "stops and starts its daemon"},
                      Refusal{{"sleepers", "--server=h:1"}, "stops and starts its daemon"},
                      Refusal{{"noop", "--server-http=h:1"}, "no use without --server"}));

TEST(BenchArgsTest, WorkerArgumentsComeBackAsTheyWere) {
  Args args;
  args.worker_tasks = 11;
  args.worker_activations = 12;
  args.worker_threads = 13;
  const ParsedArgs parsed = Parse(WorkerArgs(args, "127.0.0.1:1", "queue", "/tmp/ready"));
  ASSERT_FALSE(parsed.exit_status.has_value()) << parsed.output;
  EXPECT_TRUE(parsed.args.worker);
  EXPECT_EQ(parsed.args.server, "127.0.0.1:1");
  EXPECT_EQ(parsed.args.task_queue, "queue");
  EXPECT_EQ(parsed.args.ready_file, "/tmp/ready");
  EXPECT_EQ(parsed.args.worker_tasks, 11);
  EXPECT_EQ(parsed.args.worker_activations, 12);
  EXPECT_EQ(parsed.args.worker_threads, 13);
}

TEST(BenchWorkloadsTest, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (const Workload& workload : Workloads())
    EXPECT_TRUE(names.insert(workload.name).second) << workload.name;
}

}  // namespace
}  // namespace perdure::bench
