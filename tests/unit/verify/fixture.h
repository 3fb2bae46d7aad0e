// VerifyTest: a server that worked, whose rows the test then breaks one at a time.
//
//   Delete(storage::LogKey(0, 1, 2));
//   EXPECT_THAT(Problems(), ElementsAre(Found("its history is not contiguous", "0/log/1/3", "event 2",
//                                             "event 3")));
#ifndef PERDURE_TESTS_UNIT_VERIFY_FIXTURE_H_
#define PERDURE_TESTS_UNIT_VERIFY_FIXTURE_H_

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/verify/key_text.h"
#include "server/verify/verify.h"
#include "storage/epoch.h"
#include "storage/format.h"
#include "tests/unit/partition/disk.h"
#include "tests/unit/partition/fake_worker.h"
#include "tests/unit/partition/test_server.h"

namespace perdure::verify {

namespace records = ::perdure::internal::v1;

using engine::testing::Complete;
using engine::testing::Error;
using engine::testing::Policy;
using engine::testing::Schedule;
using engine::testing::Step;
using engine::testing::Timer;
using partition::testing::Disk;
using partition::testing::FakeWorker;
using partition::testing::kNamespace;
using partition::testing::kTaskQueue;
using partition::testing::kType;
using partition::testing::StartOf;
using partition::testing::TestServer;
using storage::KeyKind;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// A problem, by parts of its texts.
MATCHER_P4(Found, what, key, expected, found, "") {
  const std::string text = KeyText(arg.key);
  *result_listener << arg.what << " | " << text << " | expected " << arg.expected << " | found " << arg.found;
  return arg.what.find(what) != std::string::npos && text == key &&
         arg.expected.find(expected) != std::string::npos && arg.found.find(found) != std::string::npos;
}

class VerifyTest : public ::testing::Test {
 protected:
  VerifyTest() : worker(&server) {
    format = *storage::OpenFormat(server.store(), 1);
    EXPECT_TRUE(storage::DrawEpoch(server.store(), 1'700'000'000'000).ok());
  }

  // ---- runs, each the next run number ----
  // Sleeps, its rows written and nothing of it hot or in the journal.
  void Sleeper(const std::string& id, int64_t delay_ms = 3'600'000) {
    worker.StartAndPlay(StartOf(id), {Timer(delay_ms)});
    server.Checkpoint();
    server.Checkpoint();
  }
  // Waits for the next attempt of its task, which has a note.
  void Retrier(const std::string& id) {
    worker.StartAndPlay(StartOf(id), {Schedule("charge").Retry(Policy().Initial(3'600'000))});
    worker.Fail(worker.TakeTask(id, 1), Error("Flaky"));
    server.Settle();
  }
  // Its task waits on disk, and nothing else of it goes on.
  void Spilled(const std::string& id) {
    worker.StartAndPlay(StartOf(id), {Schedule("charge")});
    worker.Spilled(worker.GetTask(id, 1).token());
    server.Settle();
    server.Checkpoint();
    server.Checkpoint();
  }
  // Its start has the request id start-1, start-2 and so on.
  void Closed(const std::string& id) {
    const std::string request_id = "start-" + std::to_string(++closed_);
    worker.StartAndPlay(StartOf(id).RequestId(request_id).Retention(600'000), {Complete()});
  }

  // ---- what breaks ----
  void Put(std::string_view key, std::string_view value) {
    storage::Batch batch;
    batch.Put(key, value);
    ASSERT_TRUE(server.store().Commit({&batch}).ok());
  }
  void Delete(std::string_view key) {
    ASSERT_TRUE(server.store().Get(key).ok()) << KeyText(key);
    storage::Batch batch;
    batch.Delete(key);
    ASSERT_TRUE(server.store().Commit({&batch}).ok());
  }
  // Reads the record, lets `change` change it, writes it back.
  template <typename Record>
  void Change(std::string_view key, const std::function<void(Record&)>& change) {
    const absl::StatusOr<std::string> value = server.store().Get(key);
    ASSERT_TRUE(value.ok()) << KeyText(key);
    Record record;
    ASSERT_TRUE(record.ParseFromString(*value));
    change(record);
    Put(key, record.SerializeAsString());
  }
  // The only key of a kind.
  std::string OnlyKey(KeyKind kind) {
    const std::vector<std::string> keys = Disk(server.store()).Keys(kind);
    EXPECT_THAT(keys, SizeIs(1));
    return keys.empty() ? std::string() : keys.front();
  }

  // ---- what is found ----
  std::vector<Problem> Problems() {
    std::vector<Problem> problems;
    Findings findings([&](const Problem& problem) { problems.push_back(problem); });
    VerifyStore(server.store(), format, options, findings);
    summary = findings.summary;
    return problems;
  }

  TestServer server;
  FakeWorker worker;
  storage::Format format;
  VerifyOptions options;
  Summary summary;

 private:
  int closed_ = 0;
};

}  // namespace perdure::verify

#endif  // PERDURE_TESTS_UNIT_VERIFY_FIXTURE_H_
