// Keys are spelled as the table says, and ranges hold what they should.
#include "storage/keyspace.h"

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"

namespace perdure::storage {
namespace {

std::string Hex(const Key& key) {
  const std::string bytes = key.str();
  return absl::BytesToHexString(bytes);
}

// The bytes on disk: a change here is a change of the format.
TEST(KeyspaceTest, SpellsKeysAsEver) {
  EXPECT_EQ(Hex(LogKey(1, 2, 3)),
            "0001"
            "01"
            "0000000000000002"
            "0000000000000003");
  EXPECT_EQ(Hex(HeadKey(0x0102, 0x0304)),
            "0102"
            "02"
            "0000000000000304");
  EXPECT_EQ(Hex(NoteKey(1, 2, 3)),
            "0001"
            "03"
            "0000000000000002"
            "0000000000000003");
  EXPECT_EQ(Hex(IdKey(1, "ns", "id")),
            "0001"
            "04"
            "6e73"
            "00"
            "6964");
  EXPECT_EQ(Hex(ListKey(1, "ns", 2)),
            "0001"
            "05"
            "6e73"
            "00"
            "fffffffffffffffd");
  EXPECT_EQ(Hex(TimerKey(1, 0x10, 2)),
            "0001"
            "06"
            "0000000000000010"
            "0000000000000002");
  EXPECT_EQ(Hex(ReadyKey(1, "q", 4, 2, 3)),
            "0001"
            "07"
            "71"
            "00"
            "0000000000000004"
            "0000000000000002"
            "0000000000000003");
  EXPECT_EQ(Hex(DirtyKey(1, 9)),
            "0001"
            "08"
            "0000000000000009");
  EXPECT_EQ(Hex(ExpiryKey(1, 0x10, 2)),
            "0001"
            "09"
            "0000000000000010"
            "0000000000000002");
  EXPECT_EQ(Hex(SessionKey("s")),
            "ffff"
            "0a"
            "73");
  EXPECT_EQ(Hex(FormatKey()),
            "ffff"
            "0b");
}

TEST(KeyspaceTest, EscapesTheBytesThatEndNames) {
  EXPECT_EQ(Hex(ReadyKey(0, std::string("a\0b", 3), 0, 0, 0)).substr(6, 10), "6101016200");
  EXPECT_EQ(Hex(IdKey(0, "a\x01z", "")).substr(6), "6101027a00");
}

TEST(KeyspaceTest, LongNamesFit) {
  const std::string ns(300, 'n');
  const std::string id(1000, 'i');
  const Key key = IdKey(7, ns, id);
  EXPECT_EQ(key.size(), 3 + 300 + 1 + 1000);
  const Key copy = key;
  const absl::StatusOr<IdParts> parts = ParseIdKey(copy);
  ASSERT_TRUE(parts.ok()) << parts.status();
  EXPECT_EQ(parts->ns, ns);
  EXPECT_EQ(parts->workflow_id, id);
}

TEST(KeyspaceTest, RefusesWhatItNeverSpelled) {
  const std::string log = LogKey(1, 2, 3).str();
  EXPECT_TRUE(ParseLogKey(log).ok());
  EXPECT_EQ(ParseLogKey(log.substr(0, log.size() - 1)).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(ParseLogKey(log + "x").ok());
  EXPECT_FALSE(ParseLogKey(NoteKey(1, 2, 3)).ok());
  EXPECT_FALSE(ParseLogKey("").ok());
  EXPECT_FALSE(ParseIdKey(std::string("\0\1\4ns", 5)).ok()) << "the namespace does not end";
  EXPECT_FALSE(ParseIdKey(std::string("\0\1\4\1\3\0", 6)).ok()) << "no such escape";
  EXPECT_FALSE(ParseSessionKey(std::string("\0\1\12s", 4)).ok()) << "sessions are of no partition";
  EXPECT_TRUE(ParseSessionKey(SessionKey("s")).ok());
}

TEST(KeyspaceTest, KnowsKinds) {
  EXPECT_EQ(KindOf(TimerKey(1, 2, 3)), KeyKind::kTimer);
  EXPECT_EQ(KindOf(FormatKey()), KeyKind::kFormat);
  EXPECT_EQ(KindOf(EpochKey()), KeyKind::kEpoch);
  EXPECT_EQ(KindOf(std::string("\0\1\0", 3)), std::nullopt);
  EXPECT_EQ(KindOf(std::string("\0\1\15", 3)), std::nullopt);
  EXPECT_EQ(KindOf("ab"), std::nullopt);
}

TEST(KeyspaceTest, RunRangesHoldTheirRunsOnly) {
  for (const uint64_t run : {uint64_t{0}, uint64_t{255}, uint64_t{256}, UINT64_MAX - 1, UINT64_MAX}) {
    const KeyRange range = LogRange(3, run);
    EXPECT_TRUE(range.Contains(LogKey(3, run, 0)));
    EXPECT_TRUE(range.Contains(LogKey(3, run, UINT64_MAX)));
    EXPECT_FALSE(range.Contains(LogKey(4, run, 0)));
    EXPECT_FALSE(range.Contains(HeadKey(3, 0)));
    if (run != 0) EXPECT_FALSE(range.Contains(LogKey(3, run - 1, UINT64_MAX)));
    if (run != UINT64_MAX) EXPECT_FALSE(range.Contains(LogKey(3, run + 1, 0)));
    EXPECT_FALSE(LogRangeFrom(3, run, 7).Contains(LogKey(3, run, 6)));
    EXPECT_TRUE(LogRangeFrom(3, run, 7).Contains(LogKey(3, run, 7)));
    EXPECT_TRUE(NoteRange(3, run).Contains(NoteKey(3, run, UINT64_MAX)));
  }
  const KeyRange runs = RunsLogRange(3, 5, 8);
  EXPECT_FALSE(runs.Contains(LogKey(3, 4, UINT64_MAX)));
  EXPECT_TRUE(runs.Contains(LogKey(3, 5, 0)));
  EXPECT_TRUE(runs.Contains(LogKey(3, 7, UINT64_MAX)));
  EXPECT_FALSE(runs.Contains(LogKey(3, 8, 0)));
}

TEST(KeyspaceTest, ListsReadNewestFirst) {
  EXPECT_LT(ListKey(0, "ns", 8), ListKey(0, "ns", 7));
  const KeyRange older = ListRangeAfter(0, "ns", 7);
  EXPECT_TRUE(older.Contains(ListKey(0, "ns", 6)));
  EXPECT_TRUE(older.Contains(ListKey(0, "ns", 0)));
  EXPECT_FALSE(older.Contains(ListKey(0, "ns", 7)));
  EXPECT_FALSE(older.Contains(ListKey(0, "nt", 6)));
  const KeyRange rows = ListRowsRange(0, "ns", 5, 8);
  EXPECT_FALSE(rows.Contains(ListKey(0, "ns", 4)));
  EXPECT_TRUE(rows.Contains(ListKey(0, "ns", 5)));
  EXPECT_TRUE(rows.Contains(ListKey(0, "ns", 7)));
  EXPECT_FALSE(rows.Contains(ListKey(0, "ns", 8)));
  EXPECT_TRUE(ListRowsRange(0, "ns", 0, 1).Contains(ListKey(0, "ns", 0)));
  EXPECT_FALSE(ListRowsRange(0, "ns", 0, 0).Contains(ListKey(0, "ns", 0)));
}

TEST(KeyspaceTest, TimeRangesAreHalfOpen) {
  const KeyRange timers = TimerRange(2, 100, 200);
  EXPECT_FALSE(timers.Contains(TimerKey(2, 99, UINT64_MAX)));
  EXPECT_TRUE(timers.Contains(TimerKey(2, 100, 0)));
  EXPECT_TRUE(timers.Contains(TimerKey(2, 199, UINT64_MAX)));
  EXPECT_FALSE(timers.Contains(TimerKey(2, 200, 0)));
  EXPECT_TRUE(ExpiryRange(2, 0, 5).Contains(ExpiryKey(2, 4, 1)));
  EXPECT_FALSE(ExpiryRange(2, 0, 5).Contains(ExpiryKey(2, 5, 0)));
  EXPECT_TRUE(DirtyRange(2, 3, 5).Contains(DirtyKey(2, 4)));
  EXPECT_FALSE(DirtyRange(2, 3, 5).Contains(DirtyKey(2, 5)));
}

TEST(KeyspaceTest, AQueueIsNotPartOfAnother) {
  const KeyRange orders = ReadyRange(0, "orders");
  EXPECT_TRUE(orders.Contains(ReadyKey(0, "orders", UINT64_MAX, UINT64_MAX, UINT64_MAX)));
  EXPECT_FALSE(orders.Contains(ReadyKey(0, "orders2", 0, 0, 0)));
  EXPECT_FALSE(orders.Contains(ReadyKey(0, "order", 0, 0, 0)));
  EXPECT_FALSE(orders.Contains(ReadyKey(0, std::string("orders\0x", 8), 0, 0, 0)));
}

TEST(KeyspaceTest, KindAndPartitionRangesAreDisjointAndWhole) {
  const Key last_log = LogKey(0, UINT64_MAX, UINT64_MAX);
  EXPECT_TRUE(KindRange(0, KeyKind::kLog).Contains(last_log));
  EXPECT_EQ(KindRange(0, KeyKind::kLog).end, KindRange(0, KeyKind::kHead).begin);
  EXPECT_TRUE(PartitionRange(0).Contains(last_log));
  EXPECT_EQ(PartitionRange(0).end, PartitionRange(1).begin);
  EXPECT_FALSE(PartitionRange(1).Contains(last_log));
  EXPECT_TRUE(PartitionRange(kGlobalPartition).Contains(FormatKey()));
  EXPECT_TRUE(PartitionRange(kGlobalPartition).Contains(SessionKey(std::string(40, '\xff'))));
  EXPECT_TRUE(SessionRange().Contains(SessionKey("\xff\xff")));
  EXPECT_FALSE(SessionRange().Contains(FormatKey()));
}

TEST(KeyspaceDeathTest, APartitionThatDoesNotFitEndsTheProcess) {
  EXPECT_DEATH(HeadKey(0x10000, 1), "partition 65536 does not fit");
}

TEST(KeyTest, SuccessorFollowsEverythingWithThePrefix) {
  EXPECT_EQ(Key().Rest("ab").Successor().view(), "ac");
  EXPECT_EQ(Key().Rest("a\xff\xff").Successor().view(), "b");
  EXPECT_EQ(Key().Rest("\xff\xff").Successor().view(), "");
}

TEST(KeyTest, GrowsPastItsInlineRoomOneFieldAtATime) {
  Key key;
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    key.U8(static_cast<uint8_t>(i)).U16(0x0102).U64(3);
    expected += std::string(1, static_cast<char>(i)) + std::string("\1\2\0\0\0\0\0\0\0\3", 10);
    ASSERT_EQ(key.view(), expected);
    Key copy = key;
    ASSERT_EQ(copy.view(), expected);
    copy.U8(1);
    ASSERT_EQ(key.view(), expected);
  }
}

}  // namespace
}  // namespace perdure::storage
