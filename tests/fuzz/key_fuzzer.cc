// Keys of the store. Bytes either are no key of a kind, or are spelled again as they were; what is spelled
// reads back as it was; and keys sort, and fall into ranges, as what they say does.
//
// Input: raw bytes, which every kind reads; and the fields of two keys, taken from the same bytes.
#include <compare>
#include <string>
#include <tuple>
#include <vector>

#include "storage/keyspace.h"
#include "tests/fuzz/byte_reader.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/seeds.h"

namespace perdure::fuzz {
namespace {

using namespace storage;  // NOLINT: all of this is about keys

// ---- reading what may be no key ----

template <typename Parts, typename Spell>
void CheckRead(KeyKind kind, std::string_view bytes, const absl::StatusOr<Parts>& parts, const Spell& spell) {
  if (!parts.ok()) {
    Check(absl::IsDataLoss(parts.status()), "another error than it says: ", parts.status().ToString());
    return;
  }
  Check(KindOf(bytes) == kind, "read as another kind than it is");
  Check(spell(*parts).view() == bytes, "spelled in another way");
}

void ReadAll(std::string_view b) {
  CheckRead(KeyKind::kLog, b, ParseLogKey(b),
            [](const LogParts& p) { return LogKey(p.partition, p.run, p.first_event); });
  CheckRead(KeyKind::kHead, b, ParseHeadKey(b),
            [](const HeadParts& p) { return HeadKey(p.partition, p.run); });
  CheckRead(KeyKind::kNote, b, ParseNoteKey(b),
            [](const NoteParts& p) { return NoteKey(p.partition, p.run, p.seq); });
  CheckRead(KeyKind::kId, b, ParseIdKey(b),
            [](const IdParts& p) { return IdKey(p.partition, p.ns, p.workflow_id); });
  CheckRead(KeyKind::kList, b, ParseListKey(b),
            [](const ListParts& p) { return ListKey(p.partition, p.ns, p.run); });
  CheckRead(KeyKind::kTimer, b, ParseTimerKey(b),
            [](const TimerParts& p) { return TimerKey(p.partition, p.due_ms, p.run); });
  CheckRead(KeyKind::kReady, b, ParseReadyKey(b),
            [](const ReadyParts& p) { return ReadyKey(p.partition, p.queue, p.order, p.run, p.seq); });
  CheckRead(KeyKind::kDirty, b, ParseDirtyKey(b),
            [](const DirtyParts& p) { return DirtyKey(p.partition, p.commit); });
  CheckRead(KeyKind::kExpiry, b, ParseExpiryKey(b),
            [](const ExpiryParts& p) { return ExpiryKey(p.partition, p.expires_ms, p.run); });
  CheckRead(KeyKind::kSession, b, ParseSessionKey(b),
            [](const SessionParts& p) { return SessionKey(p.session_id); });
}

// ---- two keys ----

// All that a key may say.
struct Fields {
  uint32_t partition;
  std::string name;
  std::string rest;
  uint64_t a, b, c;
};

// Mostly numbers that are near each other or near an edge.
uint64_t Number(ByteReader& in) {
  const uint8_t first = in.U8();
  if (first < 0x80) return first;
  if (first < 0xc0) return ~uint64_t{first & 0x3fu};
  return in.Integer(8);
}

Fields FieldsOf(ByteReader& in) {
  Fields f;
  f.partition = static_cast<uint32_t>(in.Integer(2));
  f.name = in.Text();
  f.rest = in.Text();
  f.a = Number(in);
  f.b = Number(in);
  f.c = Number(in);
  return f;
}

uint32_t PartitionOf(const Key& key) {
  return static_cast<uint32_t>(static_cast<uint8_t>(key.view()[0])) << 8 |
         static_cast<uint8_t>(key.view()[1]);
}

// `spell` makes a key of a tuple, `read` the tuple of a key; keys must sort as their tuples.
template <typename Spell, typename Read, typename Tuple>
void CheckPair(KeyKind kind, const Tuple& x, const Tuple& y, const Spell& spell, const Read& read) {
  const Key kx = std::apply(spell, x);
  const Key ky = std::apply(spell, y);
  Check(read(kx) == x, "reads back as something else");
  const std::strong_ordering order =
      kx.view() < ky.view()
          ? std::strong_ordering::less
          : (kx.view() == ky.view() ? std::strong_ordering::equal : std::strong_ordering::greater);
  Check(order == (x <=> y), "sorted in another way");
  const uint32_t partition = PartitionOf(kx);
  Check(KindRange(partition, kind).Contains(kx) && PartitionRange(partition).Contains(kx),
        "outside its own range");
  if (!kx.Successor().view().empty())
    Check(kx.view() < kx.Successor().view(), "a successor that comes before");
}

void CheckOrder(const Fields& x, const Fields& y) {
  const auto number = [](const Fields& f) { return std::tuple(f.partition, f.a); };
  const auto numbers = [](const Fields& f) { return std::tuple(f.partition, f.a, f.b); };
  const auto names = [](const Fields& f) { return std::tuple(f.partition, f.name, f.rest); };
  const auto listed = [](const Fields& f) { return std::tuple(f.partition, f.name, f.a); };
  const auto ready = [](const Fields& f) { return std::tuple(f.partition, f.name, f.a, f.b, f.c); };
  CheckPair(KeyKind::kLog, numbers(x), numbers(y), LogKey, [](const Key& k) {
    const LogParts p = ParseLogKey(k).value();
    return std::tuple(p.partition, p.run, p.first_event);
  });
  CheckPair(KeyKind::kHead, number(x), number(y), HeadKey, [](const Key& k) {
    const HeadParts p = ParseHeadKey(k).value();
    return std::tuple(p.partition, p.run);
  });
  CheckPair(KeyKind::kNote, numbers(x), numbers(y), NoteKey, [](const Key& k) {
    const NoteParts p = ParseNoteKey(k).value();
    return std::tuple(p.partition, p.run, p.seq);
  });
  CheckPair(KeyKind::kId, names(x), names(y), IdKey, [](const Key& k) {
    const IdParts p = ParseIdKey(k).value();
    return std::tuple(p.partition, p.ns, p.workflow_id);
  });
  // Newest first: the other way round.
  CheckPair(
      KeyKind::kList, listed(x), listed(y),
      [](uint32_t partition, const std::string& ns, uint64_t age) { return ListKey(partition, ns, ~age); },
      [](const Key& k) {
        const ListParts p = ParseListKey(k).value();
        return std::tuple(p.partition, p.ns, ~p.run);
      });
  CheckPair(KeyKind::kTimer, numbers(x), numbers(y), TimerKey, [](const Key& k) {
    const TimerParts p = ParseTimerKey(k).value();
    return std::tuple(p.partition, p.due_ms, p.run);
  });
  CheckPair(KeyKind::kReady, ready(x), ready(y), ReadyKey, [](const Key& k) {
    const ReadyParts p = ParseReadyKey(k).value();
    return std::tuple(p.partition, p.queue, p.order, p.run, p.seq);
  });
  CheckPair(KeyKind::kDirty, number(x), number(y), DirtyKey, [](const Key& k) {
    const DirtyParts p = ParseDirtyKey(k).value();
    return std::tuple(p.partition, p.commit);
  });
  CheckPair(KeyKind::kExpiry, numbers(x), numbers(y), ExpiryKey, [](const Key& k) {
    const ExpiryParts p = ParseExpiryKey(k).value();
    return std::tuple(p.partition, p.expires_ms, p.run);
  });
  CheckPair(KeyKind::kSession, std::tuple(x.rest), std::tuple(y.rest), SessionKey,
            [](const Key& k) { return std::tuple(ParseSessionKey(k).value().session_id); });
}

// Ranges of x, and whether y lies in them.
void CheckRanges(const Fields& x, const Fields& y) {
  const bool same_partition = x.partition == y.partition;
  const bool same_name = same_partition && x.name == y.name;
  const bool same_run = same_partition && x.a == y.a;
  const bool between = same_partition && x.a <= y.a && y.a < x.b;
  const Key log = LogKey(y.partition, y.a, y.b);
  Check(LogRange(x.partition, x.a).Contains(log) == same_run, "LogRange");
  Check(LogRangeFrom(x.partition, x.a, x.b).Contains(log) == (same_run && y.b >= x.b), "LogRangeFrom");
  Check(RunsLogRange(x.partition, x.a, x.b).Contains(log) == between, "RunsLogRange");
  Check(NoteRange(x.partition, x.a).Contains(NoteKey(y.partition, y.a, y.b)) == same_run, "NoteRange");
  Check(IdRange(x.partition, x.name).Contains(IdKey(y.partition, y.name, y.rest)) == same_name, "IdRange");
  const Key row = ListKey(y.partition, y.name, y.a);
  Check(ListRange(x.partition, x.name).Contains(row) == same_name, "ListRange");
  Check(ListRowsRange(x.partition, x.name, x.a, x.b).Contains(row) == (same_name && between),
        "ListRowsRange");
  Check(ListRangeAfter(x.partition, x.name, x.a).Contains(row) == (same_name && y.a < x.a), "ListRangeAfter");
  Check(TimerRange(x.partition, x.a, x.b).Contains(TimerKey(y.partition, y.a, y.c)) == between, "TimerRange");
  Check(DirtyRange(x.partition, x.a, x.b).Contains(DirtyKey(y.partition, y.a)) == between, "DirtyRange");
  Check(ExpiryRange(x.partition, x.a, x.b).Contains(ExpiryKey(y.partition, y.a, y.c)) == between,
        "ExpiryRange");
  Check(ReadyRange(x.partition, x.name).Contains(ReadyKey(y.partition, y.name, y.a, y.b, y.c)) == same_name,
        "ReadyRange");
  Check(SessionRange().Contains(SessionKey(x.rest)), "SessionRange");
}

std::string TwoKeys(const std::string& one, const std::string& other) { return one + other; }

}  // namespace

std::vector<Seed> Seeds() {
  std::vector<Seed> seeds;
  const std::pair<const char*, Key> keys[] = {
      {"log", LogKey(1, 2, 3)},
      {"head", HeadKey(1, 2)},
      {"note", NoteKey(1, 2, 3)},
      {"id", IdKey(1, "ns", "order-1")},
      {"list", ListKey(1, "ns", 2)},
      {"timer", TimerKey(1, 2, 3)},
      {"ready", ReadyKey(1, std::string("ns\0q\0t\0charge", 13), 2, 3, 4)},
      {"dirty", DirtyKey(1, 2)},
      {"expiry", ExpiryKey(1, 2, 3)},
      {"session", SessionKey("w0")},
      {"format", FormatKey()},
      {"epoch", EpochKey()},
  };
  for (const auto& [name, key] : keys) seeds.push_back({name, key.str()});
  // Partition, name, rest, three numbers; twice.
  const std::string one("\0\1\2ns\1i\1\2\3", 10);
  const std::string edge("\xff\xff\3a\0\1\1\xff\xbf\x80\xff", 11);
  seeds.push_back({"same", TwoKeys(one, one)});
  seeds.push_back({"edges", TwoKeys(one, edge)});
  return seeds;
}

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace perdure::fuzz;  // NOLINT
  ByteReader in(data, size);
  const Fields x = FieldsOf(in);
  const Fields y = FieldsOf(in);
  CheckOrder(x, y);
  CheckRanges(x, y);
  CheckRanges(x, x);
  ByteReader raw(data, size);
  ReadAll(raw.Rest());
  return 0;
}
