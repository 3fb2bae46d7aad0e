// What the checks of one partition share. Inside this room only.
#ifndef PERDURE_SERVER_VERIFY_SCOPE_H_
#define PERDURE_SERVER_VERIFY_SCOPE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/internal/v1/records.pb.h"
#include "server/verify/mentions.h"
#include "server/verify/problem.h"
#include "server/verify/verify.h"
#include "storage/keyspace.h"
#include "storage/store.h"

namespace perdure::verify {

namespace records = ::perdure::internal::v1;

struct Scope {
  const storage::ReadView& view;
  const uint32_t partition;
  // 0: not known.
  const uint32_t partitions;
  const VerifyOptions& options;
  Findings& findings;
  // The latest delivery that a history tells of, and the run it is of.
  uint64_t last_activation_id = 0;
  RunName last_activation_run = {};
};

template <typename Record>
std::optional<Record> Parse(std::string_view value) {
  Record record;
  if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) return std::nullopt;
  return record;
}

// What is behind a key. Neither: it cannot be read, which the walk over the rows of its kind reports.
template <typename Record>
struct Lookup {
  bool absent = false;
  std::optional<Record> record;
};

template <typename Record>
Lookup<Record> GetRecord(const Scope& scope, std::string_view key) {
  const absl::StatusOr<std::string> value = scope.view.Get(key);
  if (!value.ok()) return {absl::IsNotFound(value.status()), std::nullopt};
  return {false, Parse<Record>(*value)};
}

// "a value of 17 bytes that does not parse: 0aff..."
std::string Undecodable(std::string_view value);

// As mentions spell the name of a queue or a namespace.
inline size_t NameHash(std::string_view name) { return std::hash<std::string_view>()(name); }

// The key of the expiry row, or of the row of the dirty journal, that holds this.
std::string KeyOf(const Scope& scope, const Mention& mention);

// A key that no server spells.
void ReportBadKey(std::string_view key, storage::KeyKind kind, Findings& findings);
// A value of the kind that cannot be read.
void ReportBadValue(std::string_view key, std::string_view value, storage::KeyKind kind, Findings& findings);
// The end of a scan: reports an error of the store. `key` is the last one that was read.
void ReportEnd(const storage::Iterator& it, std::string key, std::string_view kind, Findings& findings);

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_SCOPE_H_
