// Reading, writing and migrating the format record.
#include "storage/format.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "storage/keyspace.h"

namespace perdure::storage {
namespace {

absl::Status Write(Store& store, const Format& format) {
  Batch batch(kGlobalPartition);
  batch.Put(FormatKey(), EncodeFormat(format));
  return store.Commit({&batch});
}

absl::StatusOr<Format> Create(Store& store, uint32_t partitions, const FormatRules& rules) {
  // Every key there can be: a key has at least one byte.
  auto it = store.Scan(std::string_view("\0", 1), std::string(64, '\xff'));
  if (it->Valid()) {
    const absl::string_view key(it->key().data(), std::min<size_t>(it->key().size(), 32));
    return absl::FailedPreconditionError(
        absl::StrCat("the store holds data (first key ", absl::BytesToHexString(key),
                     ") but no format record: it is not Perdure's. Name an empty or new data directory"));
  }
  if (!it->status().ok()) return it->status();
  const Format format{rules.version, partitions};
  if (absl::Status status = Write(store, format); !status.ok()) return status;
  return format;
}

absl::StatusOr<Format> Migrate(Store& store, Format format, const FormatRules& rules) {
  while (format.version < rules.version) {
    const auto step = std::find_if(rules.migrations.begin(), rules.migrations.end(),
                                   [&](const Migration& m) { return m.from == format.version; });
    if (step == rules.migrations.end()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the data directory has format ", format.version, ", which this program, of format ", rules.version,
          ", can no longer migrate. Open it once with a release in between, then with this one"));
    }
    if (absl::Status status = step->run(store); !status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat("migrating the data directory from format ", format.version, " to ",
                                       format.version + 1, ": ", status.message()));
    }
    ++format.version;
    if (absl::Status status = Write(store, format); !status.ok()) return status;
  }
  return format;
}

absl::Status NewerThanKnown(const Format& format, const FormatRules& rules) {
  return absl::FailedPreconditionError(absl::StrCat(
      "the data directory has format ", format.version, "; this program reads formats up to ", rules.version,
      ". Use the release of Perdure that wrote it, or a newer one; an older program cannot open it"));
}

}  // namespace

const FormatRules& CurrentFormatRules() {
  static const auto* const kRules = new FormatRules();
  return *kRules;
}

std::string EncodeFormat(const Format& format) {
  return absl::StrCat("perdure-format ", format.version, " partitions=", format.partitions, "\n");
}

absl::StatusOr<Format> ParseFormat(std::string_view record, uint32_t newest_known) {
  absl::string_view rest(record.data(), record.size());
  Format format;
  if (absl::ConsumePrefix(&rest, "perdure-format ")) {
    const std::pair<absl::string_view, absl::string_view> halves =
        absl::StrSplit(rest, absl::MaxSplits(' ', 1));
    absl::string_view partitions = halves.second;
    const bool version_ok = absl::SimpleAtoi(halves.first, &format.version) && format.version > 0;
    const bool partitions_ok = absl::ConsumePrefix(&partitions, "partitions=") &&
                               absl::ConsumeSuffix(&partitions, "\n") &&
                               absl::SimpleAtoi(partitions, &format.partitions) && format.partitions >= 1 &&
                               format.partitions <= kPartitionsMax;
    if (version_ok && partitions_ok) return format;
    // What a newer record says after its version is not known here, and need not be: it will be refused.
    if (version_ok && format.version > newest_known) return Format{format.version, 0};
  }
  const absl::string_view shown(record.data(), std::min<size_t>(record.size(), 80));
  return absl::DataLossError(
      absl::StrCat("the format record cannot be read: \"", absl::CHexEscape(shown), "\""));
}

absl::StatusOr<Format> ReadFormat(const ReadView& view, const FormatRules& rules) {
  const absl::StatusOr<std::string> record = view.Get(FormatKey());
  if (absl::IsNotFound(record.status())) {
    return absl::InvalidArgumentError("the store has no format record: it is not Perdure's");
  }
  if (!record.ok()) return record.status();
  absl::StatusOr<Format> format = ParseFormat(*record, rules.version);
  if (!format.ok()) return format.status();
  if (format->version > rules.version) return NewerThanKnown(*format, rules);
  if (format->version < rules.version) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the data directory has format ", format->version, "; this program reads format ", rules.version,
        ". Use the release of Perdure that wrote it, or open it once with perdured of this release"));
  }
  return format;
}

absl::StatusOr<Format> OpenFormat(Store& store, uint32_t partitions_wanted, const FormatRules& rules) {
  if (partitions_wanted < 1 || partitions_wanted > kPartitionsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("partitions is ", partitions_wanted, "; it must be from 1 to ", kPartitionsMax));
  }
  absl::StatusOr<std::string> record = store.Get(FormatKey());
  if (absl::IsNotFound(record.status())) return Create(store, partitions_wanted, rules);
  if (!record.ok()) return record.status();
  absl::StatusOr<Format> format = ParseFormat(*record, rules.version);
  if (!format.ok()) return format.status();
  if (format->version > rules.version) return NewerThanKnown(*format, rules);
  return Migrate(store, *format, rules);
}

}  // namespace perdure::storage
