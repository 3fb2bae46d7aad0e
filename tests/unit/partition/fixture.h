// PartitionTest: a server, a worker, and at the end of each test a look at the disk: whatever happened, a
// process that died now must leave nothing behind that recovery could not make sense of.
#ifndef PERDURE_TESTS_UNIT_PARTITION_FIXTURE_H_
#define PERDURE_TESTS_UNIT_PARTITION_FIXTURE_H_

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/partition/disk.h"
#include "tests/unit/partition/fake_worker.h"
#include "tests/unit/partition/test_server.h"

namespace perdure::partition::testing {

using engine::testing::CancelledRun;
using engine::testing::Complete;
using engine::testing::Error;
using engine::testing::FailWith;
using engine::testing::Json;
using engine::testing::Policy;
using engine::testing::Schedule;
using engine::testing::Step;
using engine::testing::StepResult;
using engine::testing::Timer;
using storage::KeyKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PartitionTest : public ::testing::Test {
 protected:
  explicit PartitionTest(PartitionOptions options = TestOptions(), uint32_t partitions = 1)
      : server(options, partitions), worker(&server) {}

  void TearDown() override {
    for (uint32_t p = 0; p < server.partitions(); ++p) EXPECT_THAT(disk(p).Problems(), IsEmpty());
  }

  Disk disk(uint32_t partition = 0) { return Disk(server.store(), partition, server.partitions()); }

  // The latest run's history, each event by its kind: "run_started", "advanced", "timer_fired".
  std::vector<std::string> Kinds(const std::string& workflow_id) {
    std::vector<std::string> kinds;
    const Disk d = disk(server.PartitionFor(workflow_id));
    for (const v1::Event& event : d.History(d.IdRow(workflow_id)->run())) {
      const auto* field = event.GetDescriptor()->FindFieldByNumber(static_cast<int>(event.body_case()));
      kinds.emplace_back(field == nullptr ? "unknown" : field->name());
    }
    return kinds;
  }

  // Starts a run that sleeps on a timer, its rows written and nothing of it hot.
  void StartSleeper(const std::string& workflow_id, int64_t delay_ms) {
    worker.StartAndPlay(StartOf(workflow_id), {Timer(delay_ms)});
  }

  TestServer server;
  FakeWorker worker;
};

}  // namespace perdure::partition::testing

#endif  // PERDURE_TESTS_UNIT_PARTITION_FIXTURE_H_
