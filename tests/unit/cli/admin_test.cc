// perdure admin, on a real directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "storage/epoch.h"
#include "storage/format.h"
#include "storage/keyspace.h"
#include "storage/rocks_store.h"
#include "tests/unit/cli/fake_service.h"
#include "tests/unit/partition/fake_worker.h"
#include "tests/unit/storage/rocks_fixture.h"

namespace perdure::cli {
namespace {

using nlohmann::json;
using partition::testing::StartOf;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::SizeIs;
using testing::StartsWith;

// A directory that a server left: order-1 sleeps, order-2 is closed.
class AdminTest : public CliTest {
 protected:
  AdminTest() {
    partition::testing::TestServer server;
    partition::testing::FakeWorker worker(&server);
    EXPECT_TRUE(storage::OpenFormat(server.store(), 1).ok());
    EXPECT_TRUE(storage::DrawEpoch(server.store(), 1'700'000'000'000).ok());
    worker.StartAndPlay(StartOf("order-1").Input("{\"note\": \"" + std::string(200, 'x') + "\"}"),
                        {engine::testing::Timer(3'600'000)});
    worker.StartAndPlay(StartOf("order-2"), {engine::testing::Complete()});
    server.Checkpoint();
    server.Checkpoint();
    storage::Batch batch;
    for (auto it = server.store().Scan(std::string_view("\0", 1), "\xff\xff\xff"); it->Valid(); it->Next()) {
      batch.Put(it->key(), it->value());
    }
    Commit(batch);
  }

  // Opens the store for writing, as a server would.
  void Commit(const storage::Batch& batch) {
    const auto store = storage::OpenStore(storage::SmallStore(dir_.path()));
    ASSERT_TRUE(store->Commit({&batch}).ok());
  }
  void Delete(const storage::Key& key) {
    storage::Batch batch;
    batch.Delete(key);
    Commit(batch);
  }
  Outcome Admin(const std::string& command, std::vector<std::string> args = {}) {
    std::vector<std::string> all = {"admin", command, "--data-dir", dir_.path()};
    all.insert(all.end(), args.begin(), args.end());
    return Run(std::move(all));
  }
  // The first words of each line.
  static std::vector<std::string> Rows(const Outcome& outcome) {
    std::vector<std::string> rows;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) rows.push_back(line.substr(0, line.find(' ')));
    return rows;
  }

  const storage::TempDir dir_;
};

TEST_F(AdminTest, VerifyCountsWhatIsThereAndFindsNoProblem) {
  const Outcome text = Admin("verify");
  EXPECT_EQ(text.exit_code, 0) << text.out << text.err;
  EXPECT_THAT(text.out, StartsWith(dir_.path() + ": no problem\n"
                                                 "  partitions  1\n"
                                                 "  runs        1 open, 1 closed\n"
                                                 "  events      4\n"
                                                 "\n"
                                                 "  ROWS OF KIND  ROWS  BYTES\n"
                                                 "  log              4"));
  const Outcome outcome = Admin("verify", {"-o", "json"});
  EXPECT_EQ(outcome.exit_code, 0);
  const json report = json::parse(outcome.out);
  EXPECT_EQ(report["problems"], json::array());
  EXPECT_EQ(report["summary"]["runs_open"], 1);
  EXPECT_EQ(report["summary"]["runs_closed"], 1);
  EXPECT_EQ(report["summary"]["events"], 4);
  EXPECT_EQ(report["summary"]["problems"], 0);
  EXPECT_EQ(report["summary"]["kinds"]["log"]["rows"], 4);
}

TEST_F(AdminTest, VerifyNamesEachProblem) {
  Delete(storage::LogKey(0, 1, 1));
  Delete(storage::ListKey(0, "default", 2));
  const Outcome text = Admin("verify");
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.out,
              AllOf(StartsWith("problem   its history is not contiguous\n"
                               "  row       0/log/1/2\n"
                               "  key       00000100000000000000010000000000000002\n"
                               "  run       number 1 of partition 0, workflow 'order-1' in namespace "
                               "'default', run id 00000000-0001-"),
                    HasSubstr("\n  expected  event 1\n"
                              "  found     event 2\n"
                              "\n"
                              "problem   it has no list row\n"),
                    HasSubstr(": 3 problems\n"), HasSubstr("0 open, 1 closed, 1 unreadable\n")));
  const Outcome outcome = Admin("verify", {"-o", "json"});
  EXPECT_EQ(outcome.exit_code, 1);
  const json report = json::parse(outcome.out);
  ASSERT_THAT(report["problems"], SizeIs(3));
  const json& first = report["problems"][0];
  EXPECT_EQ(first["what"], "its history is not contiguous");
  EXPECT_EQ(first["row"], "0/log/1/2");
  EXPECT_EQ(first["run"], 1);
  EXPECT_EQ(first["workflow_id"], "order-1");
  EXPECT_EQ(first["expected"], "event 1");
  EXPECT_EQ(first["found"], "event 2");
  EXPECT_EQ(report["summary"]["problems"], 3);
}

TEST_F(AdminTest, VerifyNamesADamagedFile) {
  {
    const auto store = storage::OpenStore(storage::SmallStore(dir_.path()));
    for (int i = 0; i < 400; ++i) {
      ASSERT_TRUE(
          storage::PutOne(*store, storage::SessionKey("s" + std::to_string(i)), std::string(3000, 'x')).ok());
    }
  }
  std::string table;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
    if (entry.path().extension() == ".sst") table = entry.path().string();
  }
  ASSERT_NE(table, "");
  std::fstream(table, std::ios::in | std::ios::out | std::ios::binary).seekp(50) << "damage";
  const Outcome text = Admin("verify");
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.out, AllOf(HasSubstr("problem   a table of the store is damaged\n"),
                              HasSubstr(std::filesystem::path(table).filename().string())));
}

TEST_F(AdminTest, DumpShowsEachRowOnALine) {
  const Outcome outcome = Admin("dump");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::vector<std::string> rows = Rows(outcome);
  ASSERT_THAT(
      rows, ElementsAre("0/log/1/1", "0/log/1/2", "0/log/2/1", "0/log/2/2", "0/head/1",
                        "0/id/default/order-1", "0/id/default/order-2", "0/list/default/2",
                        "0/list/default/1", MatchesRegex("0/timer/[0-9]+/1"), MatchesRegex("0/dirty/[0-9]+"),
                        MatchesRegex("0/expiry/[0-9]+/2"), "global/format", "global/epoch"));
  EXPECT_THAT(outcome.out, HasSubstr("0/log/1/1  {\"events\":[{\"kind\":\"run_started\",\"event_id\":1,"));
  EXPECT_THAT(outcome.out,
              HasSubstr("\"input\":{\"encoding\":\"json\",\"type\":\"\",\"bytes\":212,\"begins\":"));
  EXPECT_THAT(outcome.out, HasSubstr("global/format  \"perdure-format 1 partitions=1\\n\"\n"));
}

TEST_F(AdminTest, DumpFilters) {
  EXPECT_THAT(Rows(Admin("dump", {"--prefix", "0/log/1"})), ElementsAre("0/log/1/1", "0/log/1/2"));
  EXPECT_THAT(Rows(Admin("dump", {"--prefix", "global/"})), ElementsAre("global/format", "global/epoch"));
  EXPECT_THAT(Rows(Admin("dump", {"--limit", "1"})), ElementsAre("0/log/1/1"));
  const Outcome by_workflow = Admin("dump", {"--workflow-id", "order-1"});
  EXPECT_THAT(Rows(by_workflow), ElementsAre("0/log/1/1", "0/log/1/2", "0/head/1", "0/id/default/order-1",
                                             "0/list/default/1", StartsWith("0/timer/")));
  EXPECT_EQ(Admin("dump", {"--run", "1"}).out, by_workflow.out);
  const size_t at = by_workflow.out.find("\"run_id\":\"") + 10;
  EXPECT_EQ(Admin("dump", {"--run", by_workflow.out.substr(at, 36)}).out, by_workflow.out);
  EXPECT_THAT(Rows(Admin("dump", {"--run", "2", "--prefix", "0/expiry/"})),
              ElementsAre(StartsWith("0/expiry/")));
}

TEST_F(AdminTest, DumpWritesJsonLinesForPrograms) {
  const Outcome outcome = Admin("dump", {"-o", "json", "--prefix", "0/id/"});
  std::istringstream lines(outcome.out);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const json row = json::parse(line);
  EXPECT_EQ(row["row"], "0/id/default/order-1");
  EXPECT_EQ(row["value"]["run"], 1);
  EXPECT_THAT(row["key_hex"].get<std::string>(), StartsWith("000004"));
}

TEST_F(AdminTest, DumpShowsWhatCannotBeReadAsBytes) {
  storage::Batch batch;
  batch.Put(storage::HeadKey(0, 1), "\xff\xff");
  batch.Put("stray", "");
  Commit(batch);
  EXPECT_EQ(Admin("dump", {"--prefix", "0/head/"}).out, "0/head/1  {\"unreadable_hex\":\"ffff\"}\n");
  EXPECT_EQ(Admin("dump", {"--prefix", "unknown/"}).out, "unknown/7374726179  null\n");
}

TEST_F(AdminTest, WhatCannotBeOpenedIsSaidPrecisely) {
  const auto refusal = [&](const std::string& dir) { return Run({"admin", "verify", "--data-dir", dir}); };
  EXPECT_EQ(refusal(dir_ / "none").exit_code, 2);
  EXPECT_EQ(refusal(dir_ / "none").err, "perdure: data directory " + (dir_ / "none") + " does not exist\n");
  std::filesystem::create_directory(dir_ / "empty");
  EXPECT_EQ(refusal(dir_ / "empty").err,
            "perdure: data directory " + (dir_ / "empty") + " holds no store (it has no CURRENT file)\n");
  EXPECT_THAT(Run({"admin", "verify"}).err, HasSubstr("--data-dir is required"));
  EXPECT_EQ(Admin("dump", {"--run", "what"}).exit_code, 2);
  EXPECT_EQ(Admin("dump", {"--workflow-id", "what"}).exit_code, 3);
  storage::Batch batch;
  batch.Put(storage::FormatKey(), "perdure-format 9 partitions=1\n");
  Commit(batch);
  EXPECT_EQ(Admin("verify").exit_code, 1);
  EXPECT_THAT(Admin("verify").err, AllOf(HasSubstr("data directory " + dir_.path() + ": "),
                                         HasSubstr("has format 9; this program reads formats up to 1")));
}

}  // namespace
}  // namespace perdure::cli
