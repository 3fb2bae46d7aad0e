// Opening directories of other times: newer, older, other programs'.
#include "storage/format.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/keyspace.h"
#include "storage/memory_store.h"

namespace perdure::storage {
namespace {

using testing::HasSubstr;

class FormatTest : public testing::Test {
 protected:
  void Store(std::string_view key, std::string_view value) {
    Batch batch;
    batch.Put(key, value);
    ASSERT_TRUE(store_.Commit({&batch}).ok());
  }
  std::string Record() { return store_.Get(FormatKey()).value_or("(none)"); }
  std::string Refusal(const FormatRules& rules = CurrentFormatRules()) {
    const absl::StatusOr<Format> format = OpenFormat(store_, 4, rules);
    return format.ok() ? "(opened)" : format.status().ToString();
  }

  MemoryStore store_;
};

// The bytes on disk: what version 1 wrote must be read for ever.
TEST_F(FormatTest, WritesTheRecordOnAnEmptyStore) {
  EXPECT_EQ(OpenFormat(store_, 4).value(), (Format{1, 4}));
  EXPECT_EQ(Record(), "perdure-format 1 partitions=4\n");
}

TEST_F(FormatTest, ThePartitionCountIsFixedAtCreation) {
  ASSERT_TRUE(OpenFormat(store_, 4).ok());
  EXPECT_EQ(OpenFormat(store_, 16).value(), (Format{1, 4}));
  EXPECT_EQ(Record(), "perdure-format 1 partitions=4\n");
}

TEST_F(FormatTest, RefusesPartitionCountsOutOfBounds) {
  EXPECT_EQ(OpenFormat(store_, 0).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenFormat(store_, 65536).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Record(), "(none)");
  EXPECT_TRUE(OpenFormat(store_, 65535).ok());
}

TEST_F(FormatTest, RefusesANewerFormat) {
  Store(FormatKey(), "perdure-format 2 partitions=4\n");
  EXPECT_THAT(Refusal(), HasSubstr("FAILED_PRECONDITION: the data directory has format 2; this program reads "
                                   "formats up to 1"));
  Store(FormatKey(), "perdure-format 7 in words not known yet");
  EXPECT_THAT(Refusal(), HasSubstr("has format 7"));
  EXPECT_EQ(Record(), "perdure-format 7 in words not known yet");
}

TEST_F(FormatTest, RefusesAStoreThatIsNotPerdures) {
  Store("somebody", "else's");
  EXPECT_THAT(Refusal(), HasSubstr("holds data (first key 736f6d65626f6479) but no format record"));
  EXPECT_EQ(Record(), "(none)");
}

TEST_F(FormatTest, RefusesARecordItCannotRead) {
  for (const char* record :
       {"", "perdure-format", "perdure-format ", "perdure-format 1", "perdure-format 0 partitions=4\n",
        "perdure-format 1 partitions=0\n", "perdure-format 1 partitions=4",
        "perdure-format 1 partitions=70000\n", "perdure-format one partitions=4\n", "\x01\x02"}) {
    Store(FormatKey(), record);
    EXPECT_THAT(Refusal(), HasSubstr("DATA_LOSS: the format record cannot be read")) << record;
  }
}

TEST_F(FormatTest, MigratesStepByStep) {
  Store(FormatKey(), "perdure-format 1 partitions=8\n");
  std::string steps;
  FormatRules rules{3, {}};
  rules.migrations.push_back({2, [&](class Store&) { return steps += "2", absl::OkStatus(); }});
  rules.migrations.push_back({1, [&](class Store& store) {
                                steps += "1";
                                Batch batch;
                                batch.Put(HeadKey(0, 1), "migrated");
                                return store.Commit({&batch});
                              }});
  EXPECT_EQ(OpenFormat(store_, 4, rules).value(), (Format{3, 8}));
  EXPECT_EQ(steps, "12");
  EXPECT_EQ(Record(), "perdure-format 3 partitions=8\n");
  EXPECT_EQ(*store_.Get(HeadKey(0, 1)), "migrated");
  EXPECT_TRUE(OpenFormat(store_, 4, rules).ok());
  EXPECT_EQ(steps, "12") << "a migration runs once";
}

TEST_F(FormatTest, AFailedMigrationLeavesTheRecordWhereItWas) {
  Store(FormatKey(), "perdure-format 1 partitions=8\n");
  FormatRules rules{3, {}};
  rules.migrations.push_back({1, [](class Store&) { return absl::OkStatus(); }});
  rules.migrations.push_back({2, [](class Store&) { return absl::ResourceExhaustedError("no room"); }});
  EXPECT_EQ(Refusal(rules), "RESOURCE_EXHAUSTED: migrating the data directory from format 2 to 3: no room");
  EXPECT_EQ(Record(), "perdure-format 2 partitions=8\n");
  rules.migrations[1].run = [](class Store&) { return absl::OkStatus(); };
  EXPECT_EQ(OpenFormat(store_, 4, rules).value(), (Format{3, 8}));
}

TEST_F(FormatTest, RefusesAFormatWithoutAWayUp) {
  Store(FormatKey(), "perdure-format 1 partitions=8\n");
  EXPECT_THAT(Refusal(FormatRules{3, {}}),
              HasSubstr("has format 1, which this program, of format 3, can no longer migrate"));
}

TEST_F(FormatTest, PassesOnTheErrorsOfTheStore) {
  store_.Inject(FaultPlan().FailCommit(1));
  EXPECT_THAT(Refusal(), HasSubstr("UNAVAILABLE"));
}

TEST_F(FormatTest, ReadingAloneMakesAndMigratesNothing) {
  const auto refusal = [&](const FormatRules& rules = CurrentFormatRules()) {
    return ReadFormat(store_, rules).status().ToString();
  };
  EXPECT_THAT(refusal(), HasSubstr("INVALID_ARGUMENT: the store has no format record"));
  EXPECT_EQ(Record(), "(none)");
  Store(FormatKey(), "perdure-format 1 partitions=4\n");
  EXPECT_EQ(ReadFormat(store_).value(), (Format{1, 4}));
  EXPECT_THAT(refusal({2, {}}),
              HasSubstr("FAILED_PRECONDITION: the data directory has format 1; this program "
                        "reads format 2"));
  Store(FormatKey(), "perdure-format 3 partitions=4\n");
  EXPECT_THAT(refusal(), HasSubstr("has format 3; this program reads formats up to 1"));
  Store(FormatKey(), "nonsense");
  EXPECT_THAT(refusal(), HasSubstr("DATA_LOSS"));
}

}  // namespace
}  // namespace perdure::storage
