// The contract's tests.
#include "store_contract.h"

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "storage/keyspace.h"

namespace perdure::storage {
namespace {

TEST_P(StoreContract, AnAbsentKeyIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(store().Get("nothing").status()));
}

TEST_P(StoreContract, WhatWasCommittedIsRead) {
  Put("key", "value");
  EXPECT_EQ(Read(store(), "key"), "value");
  Put("key", "");
  EXPECT_EQ(Read(store(), "key"), "");
  Delete("key");
  EXPECT_EQ(Read(store(), "key"), "(absent)");
}

TEST_P(StoreContract, KeysAndValuesAreAnyBytes) {
  const std::string key("\0\xff\n\0", 4);
  std::string value;
  for (int i = 0; i < 70'000; ++i) value.push_back(static_cast<char>(i * 7));
  Put(key, value);
  EXPECT_EQ(Read(store(), key), value);
  EXPECT_EQ(Read(store(), key.substr(0, 3)), "(absent)");
}

TEST_P(StoreContract, EntriesApplyInOrder) {
  Batch first;
  first.Put("a", "1");
  first.Delete("a");
  first.Put("a", "2");
  first.Put("b", "1");
  Batch second(3);
  second.DeleteRange("a", "c");
  second.Put("b", "2");
  ASSERT_TRUE(store().Commit({&first, &second}).ok());
  EXPECT_EQ(Read(store(), "a"), "(absent)");
  EXPECT_EQ(Read(store(), "b"), "2");
}

TEST_P(StoreContract, CommittingNothingIsNoWrite) {
  const Batch empty;
  EXPECT_TRUE(store().Commit({}).ok());
  EXPECT_TRUE(store().Commit({&empty, &empty}).ok());
}

TEST_P(StoreContract, ScansAreHalfOpenAndInByteOrder) {
  PutLetters("dbacfe");
  EXPECT_EQ(Keys(store().Scan("b", "e")), "bcd");
  EXPECT_EQ(Keys(store().Scan("", "z")), "abcdef");
  EXPECT_EQ(Keys(store().Scan("bb", "cc")), "c");
  EXPECT_EQ(Keys(store().Scan("g", "z")), "");
  Put("\xff", "");
  Put("\x7f", "");
  EXPECT_EQ(Keys(store().Scan("f", "\xff\xff")), "f\x7f\xff");
}

TEST_P(StoreContract, ReverseScansReadTheSameRange) {
  PutLetters("abcdef");
  EXPECT_EQ(Keys(store().ScanReverse("b", "e")), "dcb");
  EXPECT_EQ(Keys(store().ScanReverse("", "z")), "fedcba");
  EXPECT_EQ(Keys(store().ScanReverse("g", "z")), "");
}

TEST_P(StoreContract, ARangeWithoutExtentIsEmpty) {
  PutLetters("abc");
  EXPECT_EQ(Keys(store().Scan("b", "b")), "");
  EXPECT_EQ(Keys(store().Scan("c", "a")), "");
  EXPECT_EQ(Keys(store().ScanReverse("b", "b")), "");
  EXPECT_EQ(Keys(store().ScanReverse("c", "a")), "");
  Batch batch;
  batch.DeleteRange("c", "a");
  batch.DeleteRange("b", "b");
  ASSERT_TRUE(store().Commit({&batch}).ok());
  EXPECT_EQ(Keys(store().Scan("a", "z")), "abc");
}

TEST_P(StoreContract, LongScansReadEverythingOnce) {
  Batch batch;
  Rows expected;
  for (int i = 0; i < 1000; ++i) {
    expected.emplace_back(absl::StrCat("row", 1000 + i), absl::StrCat(i));
    batch.Put(expected.back().first, expected.back().second);
  }
  ASSERT_TRUE(store().Commit({&batch}).ok());
  EXPECT_EQ(Collect(store().Scan("row", "s")), expected);
  EXPECT_EQ(Collect(store().ScanReverse("row", "s")), Rows(expected.rbegin(), expected.rend()));
  EXPECT_EQ(Collect(store().Scan("row1000", "row1256")), Rows(expected.begin(), expected.begin() + 256));
}

TEST_P(StoreContract, DeleteRangeDeletesTheRangeOnly) {
  PutLetters("abcdef");
  Batch batch;
  batch.DeleteRange("b", "e");
  ASSERT_TRUE(store().Commit({&batch}).ok());
  EXPECT_EQ(Keys(store().Scan("a", "z")), "aef");
  EXPECT_EQ(Keys(store().ScanReverse("a", "z")), "fea");
  EXPECT_EQ(Read(store(), "c"), "(absent)");
  Put("c", "again");
  EXPECT_EQ(Keys(store().Scan("a", "z")), "acef");
}

TEST_P(StoreContract, ASnapshotStaysAsItWas) {
  PutLetters("abcd");
  const std::unique_ptr<ReadView> snapshot = store().Snapshot();
  Batch batch;
  batch.Put("a", "new");
  batch.Delete("b");
  batch.Put("e", "new");
  batch.DeleteRange("c", "d");
  ASSERT_TRUE(store().Commit({&batch}).ok());

  EXPECT_EQ(Read(*snapshot, "a"), "a");
  EXPECT_EQ(Read(*snapshot, "b"), "b");
  EXPECT_EQ(Read(*snapshot, "e"), "(absent)");
  EXPECT_EQ(Keys(snapshot->Scan("a", "z")), "abcd");
  EXPECT_EQ(Keys(snapshot->ScanReverse("a", "z")), "dcba");
  EXPECT_EQ(Keys(store().Scan("a", "z")), "ade");
  EXPECT_EQ(Keys(store().Snapshot()->Scan("a", "z")), "ade");
}

TEST_P(StoreContract, AnIteratorSeesTheStateAsOfItsStart) {
  Batch batch;
  for (int i = 0; i < 500; ++i) batch.Put(absl::StrCat("row", 1000 + i), "old");
  ASSERT_TRUE(store().Commit({&batch}).ok());
  auto it = store().Scan("row", "s");
  Batch changes;
  changes.DeleteRange("row1001", "row1400");
  changes.Put("row1400", "new");
  changes.Put("row9999", "new");
  ASSERT_TRUE(store().Commit({&changes}).ok());
  int rows = 0;
  for (; it->Valid(); it->Next(), ++rows) EXPECT_EQ(it->value(), "old");
  EXPECT_EQ(rows, 500);
}

TEST_P(StoreContract, WhatWasCommittedIsThereAfterReopening) {
  PutLetters("abc");
  Batch batch;
  batch.DeleteRange("b", "c");
  batch.Put("d", "d");
  ASSERT_TRUE(store().Commit({&batch}).ok());
  Reopen();
  EXPECT_EQ(Keys(store().Scan("a", "z")), "acd");
  Put("e", "e");
  Reopen();
  Reopen();
  EXPECT_EQ(Keys(store().Scan("a", "z")), "acde");
}

TEST_P(StoreContract, StatsCountCommits) {
  const StoreStats before = store().Stats();
  PutLetters("abc");
  Put("d", std::string(1000, 'd'));
  const StoreStats after = store().Stats();
  EXPECT_EQ(after.commits - before.commits, 2);
  EXPECT_EQ(after.entries - before.entries, 4);
  EXPECT_GE(after.bytes_written - before.bytes_written, 1007);
  EXPECT_GT(after.disk_free_bytes, 0);
}

TEST_P(StoreContract, CompactingChangesNothingThatIsRead) {
  PutLetters("abcdef");
  Batch batch;
  batch.DeleteRange("b", "e");
  ASSERT_TRUE(store().Commit({&batch}).ok());
  store().Compact("b", "e");
  EXPECT_EQ(Keys(store().Scan("a", "z")), "aef");
}

// Scans of one run may be answered through filters; whatever else a store holds, they must find the same
// rows.
TEST_P(StoreContract, RunsAreFoundAmongOthers) {
  for (uint64_t round = 0; round < 4; ++round) {
    Batch batch;
    for (uint64_t run = 0; run < 300; ++run) {
      batch.Put(LogKey(1, run, round * 10), absl::StrCat(run));
      if (run % 3 == 0) batch.Put(NoteKey(1, run, round), "note");
      batch.Put(HeadKey(1, run), "head");
    }
    ASSERT_TRUE(store().Commit({&batch}).ok());
    Reopen();
  }
  const auto count = [&](const KeyRange& range) {
    const size_t forwards = Collect(store().Scan(range.begin, range.end)).size();
    EXPECT_EQ(Collect(store().ScanReverse(range.begin, range.end)).size(), forwards);
    return forwards;
  };
  for (uint64_t run = 0; run < 300; ++run) {
    ASSERT_EQ(count(LogRange(1, run)), 4) << run;
    ASSERT_EQ(count(LogRangeFrom(1, run, 15)), 2) << run;
    ASSERT_EQ(count(NoteRange(1, run)), run % 3 == 0 ? 4 : 0) << run;
  }
  EXPECT_EQ(count(LogRange(1, 300)), 0);
  EXPECT_EQ(count(LogRange(2, 5)), 0);
  EXPECT_EQ(count(RunsLogRange(1, 10, 20)), 40);
  EXPECT_EQ(count(KindRange(1, KeyKind::kHead)), 300);

  Batch batch;
  batch.DeleteRange(RunsLogRange(1, 10, 20).begin, RunsLogRange(1, 10, 20).end);
  ASSERT_TRUE(store().Commit({&batch}).ok());
  EXPECT_EQ(count(LogRange(1, 15)), 0);
  EXPECT_EQ(count(LogRange(1, 20)), 4);
  EXPECT_EQ(count(KindRange(1, KeyKind::kLog)), 290 * 4);
}

// Random writes against a plain map, with snapshots held across them and the store reopened now and then.
// What partitions do all day: histories grow in turns, and whole ones go.
TEST_P(StoreContract, RangesOfLogsAreDeletedAmongTheirWrites) {
  for (uint64_t round = 0; round < 50; ++round) {
    Batch batch;
    for (uint64_t run = 0; run < 100; ++run) batch.Put(LogKey(1, (run * 37 + round) % 100, round), "event");
    if (round % 5 == 1) {
      const KeyRange logs = LogRange(1, round);
      batch.DeleteRange(logs.begin, logs.end);
      batch.DeleteRange(LogKey(1, round + 1, 0), LogKey(1, round + 1, round));
      batch.Put(LogKey(1, round, round), "again");
    }
    ASSERT_TRUE(store().Commit({&batch}).ok());
  }
  const auto events = [&](uint64_t run) {
    const KeyRange logs = LogRange(1, run);
    int n = 0;
    for (auto it = store().Scan(logs.begin, logs.end); it->Valid(); it->Next()) ++n;
    return n;
  };
  EXPECT_EQ(events(99), 50);
  EXPECT_EQ(events(46), 4) << "those from round 46 on, written again";
  EXPECT_EQ(events(47), 4) << "all before round 46 went";
}

TEST_P(StoreContract, BehavesLikeAMap) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  const auto any_key = [&] { return std::string(1 + random() % 2, static_cast<char>('a' + random() % 16)); };
  std::map<std::string, std::string> model;
  std::map<std::string, std::string> model_then;
  std::unique_ptr<ReadView> snapshot;
  for (int round = 0; round < 300; ++round) {
    Batch batch;
    for (uint32_t n = random() % 6; n > 0; --n) {
      const std::string key = any_key();
      if (const uint32_t what = random() % 10; what < 6) {
        batch.Put(key, absl::StrCat(round));
        model[key] = absl::StrCat(round);
      } else if (what < 8) {
        batch.Delete(key);
        model.erase(key);
      } else if (const std::string end = any_key(); key < end) {
        batch.DeleteRange(key, end);
        model.erase(model.lower_bound(key), model.lower_bound(end));
      }
    }
    ASSERT_TRUE(store().Commit({&batch}).ok());
    ASSERT_EQ(Collect(store().Scan("", "z")), Rows(model.begin(), model.end())) << round;
    ASSERT_EQ(Collect(store().ScanReverse("", "z")), Rows(model.rbegin(), model.rend())) << round;
    if (snapshot != nullptr) {
      ASSERT_EQ(Collect(snapshot->Scan("", "z")), Rows(model_then.begin(), model_then.end())) << round;
    }
    if (round % 20 == 0) {
      snapshot = store().Snapshot();
      model_then = model;
    }
    if (round % 100 == 99) {
      snapshot.reset();
      Reopen();
    }
  }
}

// Each commit writes one number under all keys: a reader that ever sees two has seen half a commit.
TEST_P(StoreContract, ReadersSeeWholeCommits) {
  constexpr int kCommits = 200;
  constexpr int kKeys = 300;
  Batch first;
  for (int k = 0; k < kKeys; ++k) first.Put(absl::StrCat("key", k), "0");
  ASSERT_TRUE(store().Commit({&first}).ok());

  std::atomic<bool> done{false};
  std::atomic<int> torn{0};
  std::atomic<int> scans{0};
  const auto read = [&](bool by_snapshot) {
    int last = 0;
    while (!done || scans < 4) {
      const std::unique_ptr<ReadView> snapshot = by_snapshot ? store().Snapshot() : nullptr;
      const ReadView& view = by_snapshot ? *snapshot : static_cast<const ReadView&>(store());
      const Rows rows = Collect(view.Scan("key", "kez"));
      for (const auto& row : rows) torn += row.second != rows.front().second;
      torn += rows.size() != kKeys;
      const int now = std::stoi(rows.front().second);
      torn += now < last;
      last = now;
      ++scans;
    }
  };
  std::thread by_scan(read, false);
  std::thread by_snapshot(read, true);
  for (int i = 1; i <= kCommits; ++i) {
    Batch batch;
    if (i % 7 == 0) batch.DeleteRange("key", "kez");
    for (int k = 0; k < kKeys; ++k) batch.Put(absl::StrCat("key", k), absl::StrCat(i));
    ASSERT_TRUE(store().Commit({&batch}).ok());
  }
  done = true;
  by_scan.join();
  by_snapshot.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(Read(store(), "key7"), absl::StrCat(kCommits));
}

}  // namespace
}  // namespace perdure::storage
