// Reading keys back: strict, so that what parses is exactly what was spelled.
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "storage/keyspace.h"

namespace perdure::storage {
namespace {

// Takes fields off the front of a key. After one that is not there, ok() stays false and fields read as zero.
class Reader {
 public:
  Reader(std::string_view key, KeyKind kind) : key_(key), rest_(key) {
    partition_ = static_cast<uint32_t>(Integer(2));
    if (Integer(1) != static_cast<uint64_t>(kind)) ok_ = false;
  }

  uint32_t partition() const { return partition_; }
  void Require(bool condition) { ok_ = ok_ && condition; }
  uint64_t U64() { return Integer(8); }
  std::string_view Rest() { return std::exchange(rest_, {}); }

  std::string Name() {
    std::string name;
    while (ok_ && !rest_.empty()) {
      const uint64_t byte = Integer(1);
      if (byte == 0x00) return name;
      if (byte != 0x01) {
        name.push_back(static_cast<char>(byte));
        continue;
      }
      const uint64_t escaped = Integer(1);
      if (escaped != 0x01 && escaped != 0x02) break;
      name.push_back(static_cast<char>(escaped - 1));
    }
    ok_ = false;
    return name;
  }

  template <typename Parts>
  absl::StatusOr<Parts> Done(Parts parts) const {
    if (ok_ && rest_.empty()) return parts;
    const absl::string_view bytes(key_.data(), key_.size());
    return absl::DataLossError(absl::StrCat("not a key of this kind: ", absl::BytesToHexString(bytes)));
  }

 private:
  uint64_t Integer(size_t bytes) {
    if (!ok_ || rest_.size() < bytes) {
      ok_ = false;
      return 0;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; ++i) v = v << 8 | static_cast<uint8_t>(rest_[i]);
    rest_.remove_prefix(bytes);
    return v;
  }

  const std::string_view key_;
  std::string_view rest_;
  uint32_t partition_ = 0;
  bool ok_ = true;
};

}  // namespace

// Braced lists read their fields left to right.
absl::StatusOr<LogParts> ParseLogKey(std::string_view key) {
  Reader r(key, KeyKind::kLog);
  const LogParts parts{r.partition(), r.U64(), r.U64()};
  return r.Done(parts);
}
absl::StatusOr<HeadParts> ParseHeadKey(std::string_view key) {
  Reader r(key, KeyKind::kHead);
  const HeadParts parts{r.partition(), r.U64()};
  return r.Done(parts);
}
absl::StatusOr<NoteParts> ParseNoteKey(std::string_view key) {
  Reader r(key, KeyKind::kNote);
  const NoteParts parts{r.partition(), r.U64(), r.U64()};
  return r.Done(parts);
}
absl::StatusOr<IdParts> ParseIdKey(std::string_view key) {
  Reader r(key, KeyKind::kId);
  IdParts parts{r.partition(), r.Name(), std::string(r.Rest())};
  return r.Done(std::move(parts));
}
absl::StatusOr<ListParts> ParseListKey(std::string_view key) {
  Reader r(key, KeyKind::kList);
  ListParts parts{r.partition(), r.Name(), ~r.U64()};
  return r.Done(std::move(parts));
}
absl::StatusOr<TimerParts> ParseTimerKey(std::string_view key) {
  Reader r(key, KeyKind::kTimer);
  const TimerParts parts{r.partition(), r.U64(), r.U64()};
  return r.Done(parts);
}
absl::StatusOr<ReadyParts> ParseReadyKey(std::string_view key) {
  Reader r(key, KeyKind::kReady);
  ReadyParts parts{r.partition(), r.Name(), r.U64(), r.U64(), r.U64()};
  return r.Done(std::move(parts));
}
absl::StatusOr<DirtyParts> ParseDirtyKey(std::string_view key) {
  Reader r(key, KeyKind::kDirty);
  const DirtyParts parts{r.partition(), r.U64()};
  return r.Done(parts);
}
absl::StatusOr<ExpiryParts> ParseExpiryKey(std::string_view key) {
  Reader r(key, KeyKind::kExpiry);
  const ExpiryParts parts{r.partition(), r.U64(), r.U64()};
  return r.Done(parts);
}
absl::StatusOr<SessionParts> ParseSessionKey(std::string_view key) {
  Reader r(key, KeyKind::kSession);
  r.Require(r.partition() == kGlobalPartition);
  SessionParts parts{std::string(r.Rest())};
  return r.Done(std::move(parts));
}

std::optional<KeyKind> KindOf(std::string_view key) {
  if (key.size() < 3) return std::nullopt;
  const auto kind = static_cast<uint8_t>(key[2]);
  if (kind < static_cast<uint8_t>(KeyKind::kLog) || kind > static_cast<uint8_t>(KeyKind::kEpoch)) {
    return std::nullopt;
  }
  return static_cast<KeyKind>(kind);
}

}  // namespace perdure::storage
