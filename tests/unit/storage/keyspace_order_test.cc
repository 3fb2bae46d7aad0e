// Properties of every key kind, on random fields: keys sort as their fields do, and read back as they were
// written.
#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "storage/keyspace.h"

namespace perdure::storage {
namespace {

constexpr int kSamples = 2000;

class KeyspaceOrderTest : public testing::Test {
 protected:
  KeyspaceOrderTest()
      : seed_(std::random_device{}()),
        trace_(__FILE__, __LINE__, absl::StrCat("seed ", seed_)),
        random_(seed_) {}

  // Numbers of few kinds, so that fields are often equal and often differ in one byte only.
  uint64_t Number() {
    switch (random_() % 4) {
      case 0:
        return random_() % 3;
      case 1:
        return uint64_t{1} << (random_() % 64);
      case 2:
        return UINT64_MAX - random_() % 3;
      default:
        return uint64_t{random_()} << 32 | random_();
    }
  }
  uint32_t Partition() {
    return static_cast<uint32_t>(random_() % 3 == 0 ? random_() % kPartitionsMax : random_() % 3);
  }
  // Short names over few bytes, the difficult ones among them, and now and then a long one.
  std::string Name() {
    static constexpr char kBytes[] = {'\x00', '\x01', '\x02', 'a', 'b', '\xff'};
    std::string name(random_() % 20 == 0 ? random_() % 200 : random_() % 4, 'x');
    for (char& c : name) c = kBytes[random_() % sizeof(kBytes)];
    return name;
  }

  // `make` returns fields and their key; `parse` reads the fields of a key.
  template <typename Fields>
  void Check(const std::function<Fields()>& sample, const std::function<Key(const Fields&)>& spell,
             const std::function<Fields(std::string_view)>& parse) {
    Fields last = sample();
    for (int i = 0; i < kSamples; ++i) {
      const Fields next = sample();
      const Key last_key = spell(last);
      const Key next_key = spell(next);
      ASSERT_EQ(last < next, last_key < next_key);
      ASSERT_EQ(last == next, last_key == next_key);
      ASSERT_EQ(parse(next_key), next);
      last = next;
    }
  }

  const uint32_t seed_;
  const testing::ScopedTrace trace_;
  std::mt19937 random_;
};

using One = std::tuple<uint32_t, uint64_t>;
using Two = std::tuple<uint32_t, uint64_t, uint64_t>;

TEST_F(KeyspaceOrderTest, Log) {
  Check<Two>([&] { return Two{Partition(), Number(), Number()}; },
             [](const Two& f) { return std::apply(LogKey, f); },
             [](std::string_view key) {
               const LogParts p = ParseLogKey(key).value();
               return Two{p.partition, p.run, p.first_event};
             });
}

TEST_F(KeyspaceOrderTest, Head) {
  Check<One>([&] { return One{Partition(), Number()}; }, [](const One& f) { return std::apply(HeadKey, f); },
             [](std::string_view key) {
               const HeadParts p = ParseHeadKey(key).value();
               return One{p.partition, p.run};
             });
}

TEST_F(KeyspaceOrderTest, Note) {
  Check<Two>([&] { return Two{Partition(), Number(), Number()}; },
             [](const Two& f) { return std::apply(NoteKey, f); },
             [](std::string_view key) {
               const NoteParts p = ParseNoteKey(key).value();
               return Two{p.partition, p.run, p.seq};
             });
}

TEST_F(KeyspaceOrderTest, Id) {
  using Fields = std::tuple<uint32_t, std::string, std::string>;
  Check<Fields>([&] { return Fields{Partition(), Name(), Name()}; },
                [](const Fields& f) { return std::apply(IdKey, f); },
                [](std::string_view key) {
                  const IdParts p = ParseIdKey(key).value();
                  return Fields{p.partition, p.ns, p.workflow_id};
                });
}

TEST_F(KeyspaceOrderTest, List) {
  // Newest first: compared by the inverted run.
  using Fields = std::tuple<uint32_t, std::string, uint64_t>;
  Check<Fields>([&] { return Fields{Partition(), Name(), Number()}; },
                [](const Fields& f) { return ListKey(std::get<0>(f), std::get<1>(f), ~std::get<2>(f)); },
                [](std::string_view key) {
                  const ListParts p = ParseListKey(key).value();
                  return Fields{p.partition, p.ns, ~p.run};
                });
}

TEST_F(KeyspaceOrderTest, Timer) {
  Check<Two>([&] { return Two{Partition(), Number(), Number()}; },
             [](const Two& f) { return std::apply(TimerKey, f); },
             [](std::string_view key) {
               const TimerParts p = ParseTimerKey(key).value();
               return Two{p.partition, p.due_ms, p.run};
             });
}

TEST_F(KeyspaceOrderTest, Ready) {
  using Fields = std::tuple<uint32_t, std::string, uint64_t, uint64_t, uint64_t>;
  Check<Fields>([&] { return Fields{Partition(), Name(), Number(), Number(), Number()}; },
                [](const Fields& f) { return std::apply(ReadyKey, f); },
                [](std::string_view key) {
                  const ReadyParts p = ParseReadyKey(key).value();
                  return Fields{p.partition, p.queue, p.order, p.run, p.seq};
                });
}

TEST_F(KeyspaceOrderTest, Dirty) {
  Check<One>([&] { return One{Partition(), Number()}; }, [](const One& f) { return std::apply(DirtyKey, f); },
             [](std::string_view key) {
               const DirtyParts p = ParseDirtyKey(key).value();
               return One{p.partition, p.commit};
             });
}

TEST_F(KeyspaceOrderTest, Expiry) {
  Check<Two>([&] { return Two{Partition(), Number(), Number()}; },
             [](const Two& f) { return std::apply(ExpiryKey, f); },
             [](std::string_view key) {
               const ExpiryParts p = ParseExpiryKey(key).value();
               return Two{p.partition, p.expires_ms, p.run};
             });
}

TEST_F(KeyspaceOrderTest, Session) {
  Check<std::string>([&] { return Name(); }, [](const std::string& id) { return SessionKey(id); },
                     [](std::string_view key) { return ParseSessionKey(key).value().session_id; });
}

// A range of names holds exactly the keys with that name, whatever the others are.
TEST_F(KeyspaceOrderTest, NameRangesHoldTheirNameOnly) {
  for (int i = 0; i < kSamples; ++i) {
    const std::string mine = Name();
    const std::string other = Name();
    ASSERT_EQ(ReadyRange(1, mine).Contains(ReadyKey(1, other, Number(), Number(), Number())), mine == other);
    ASSERT_EQ(ListRange(1, mine).Contains(ListKey(1, other, Number())), mine == other);
    ASSERT_EQ(IdRange(1, mine).Contains(IdKey(1, other, Name())), mine == other);
  }
}

// Whatever a key says, it lies in the range of its partition and kind, and in no other.
TEST_F(KeyspaceOrderTest, KindsAndPartitionsAreDisjoint) {
  for (int i = 0; i < kSamples; ++i) {
    const uint32_t partition = Partition();
    const std::vector<Key> keys = {LogKey(partition, Number(), Number()),
                                   HeadKey(partition, Number()),
                                   NoteKey(partition, Number(), Number()),
                                   IdKey(partition, Name(), Name()),
                                   ListKey(partition, Name(), Number()),
                                   TimerKey(partition, Number(), Number()),
                                   ReadyKey(partition, Name(), Number(), Number(), Number()),
                                   DirtyKey(partition, Number()),
                                   ExpiryKey(partition, Number(), Number())};
    for (size_t kind = 1; kind <= keys.size(); ++kind) {
      const std::string_view key = keys[kind - 1];
      ASSERT_EQ(KindOf(key), static_cast<KeyKind>(kind));
      for (size_t other = 1; other <= keys.size(); ++other) {
        ASSERT_EQ(KindRange(partition, static_cast<KeyKind>(other)).Contains(key), kind == other);
      }
      ASSERT_TRUE(PartitionRange(partition).Contains(key));
      ASSERT_FALSE(PartitionRange(partition + 1).Contains(key));
    }
  }
}

}  // namespace
}  // namespace perdure::storage
