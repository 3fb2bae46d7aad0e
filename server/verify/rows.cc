#include "server/verify/rows.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/message.h"
#include "server/base/status_macros.h"
#include "server/partition/partition.h"
#include "server/partition/reader.h"
#include "server/verify/key_text.h"
#include "server/verify/scope.h"
#include "storage/keyspace.h"

namespace perdure::verify {
namespace {

using storage::KeyKind;
using storage::KeyRange;

uint32_t PartitionIn(std::string_view key) {
  return static_cast<uint32_t>(static_cast<uint8_t>(key[0]) << 8 | static_cast<uint8_t>(key[1]));
}

// The one run in the key; nothing if there is none.
std::optional<uint64_t> RunInKey(KeyKind kind, std::string_view key) {
  switch (kind) {
    case KeyKind::kLog:
      if (const auto p = storage::ParseLogKey(key); p.ok()) return p->run;
      break;
    case KeyKind::kHead:
      if (const auto p = storage::ParseHeadKey(key); p.ok()) return p->run;
      break;
    case KeyKind::kNote:
      if (const auto p = storage::ParseNoteKey(key); p.ok()) return p->run;
      break;
    case KeyKind::kList:
      if (const auto p = storage::ParseListKey(key); p.ok()) return p->run;
      break;
    case KeyKind::kTimer:
      if (const auto p = storage::ParseTimerKey(key); p.ok()) return p->run;
      break;
    case KeyKind::kReady:
      if (const auto p = storage::ParseReadyKey(key); p.ok()) return p->run;
      break;
    default:
      break;
  }
  return std::nullopt;
}

// The runs that the value names.
std::vector<uint64_t> RunsInValue(KeyKind kind, std::string_view value) {
  std::vector<uint64_t> runs;
  if (kind == KeyKind::kId) {
    if (const auto record = Parse<records::IdRecord>(value)) runs.push_back(record->run());
  } else if (kind == KeyKind::kDirty) {
    const auto record = Parse<records::DirtyRecord>(value);
    if (!record) return runs;
    runs.assign(record->runs().begin(), record->runs().end());
    for (const records::ClosedRun& closed : record->closed()) runs.push_back(closed.run());
  } else if (kind == KeyKind::kExpiry) {
    const auto record = Parse<records::ExpiryRecord>(value);
    if (!record) return runs;
    for (const records::ClosedRun& closed : record->runs()) runs.push_back(closed.run());
  }
  return runs;
}

bool NamesRun(const RowFilter& filter, std::string_view key, std::string_view value) {
  const std::optional<KeyKind> kind = storage::KindOf(key);
  if (!kind) return false;
  const uint32_t partition = PartitionIn(key);
  if (const auto run = RunInKey(*kind, key)) return filter.runs.contains({partition, *run});
  if (*kind == KeyKind::kId && !filter.workflow_id.empty()) {
    const auto parts = storage::ParseIdKey(key);
    if (parts.ok() && parts->ns == filter.ns && parts->workflow_id == filter.workflow_id) return true;
  }
  const std::vector<uint64_t> runs = RunsInValue(*kind, value);
  return std::any_of(runs.begin(), runs.end(),
                     [&](uint64_t run) { return filter.runs.contains({partition, run}); });
}

KeyRange Everything() { return {storage::Key().U8(0), storage::Key().Rest(std::string(64, '\xff'))}; }

// Where keys are whose text begins so: of one partition if it names one whole, of one kind likewise.
KeyRange RangeOf(const std::string& prefix) {
  const std::vector<std::string> parts = absl::StrSplit(prefix, '/');
  if (parts.size() < 2) return Everything();
  uint32_t partition = storage::kGlobalPartition;
  if (parts[0] != "global" &&
      (!absl::SimpleAtoi(parts[0], &partition) || partition >= storage::kPartitionsMax)) {
    return Everything();
  }
  for (auto kind = static_cast<uint8_t>(KeyKind::kLog); kind <= static_cast<uint8_t>(KeyKind::kEpoch);
       ++kind) {
    const auto k = static_cast<KeyKind>(kind);
    if (parts[1] == KindWord(k)) return storage::KindRange(partition, k);
  }
  return storage::PartitionRange(partition);
}

std::vector<KeyRange> RangesOf(const RowFilter& filter) {
  if (!filter.by_run) return {RangeOf(filter.prefix)};
  std::vector<KeyRange> ranges;
  std::set<uint32_t> partitions;
  for (const auto& [partition, run] : filter.runs) {
    partitions.insert(partition);
    ranges.push_back(storage::LogRange(partition, run));
    const storage::Key head = storage::HeadKey(partition, run);
    ranges.push_back({head, head.Successor()});
    ranges.push_back(storage::NoteRange(partition, run));
  }
  for (const uint32_t partition : partitions) {
    ranges.push_back({storage::KindRange(partition, KeyKind::kId).begin,
                      storage::KindRange(partition, KeyKind::kExpiry).end});
  }
  return ranges;
}

// The run id that the history at this place begins with; empty: none can be read.
std::string RunIdAt(const storage::ReadView& view, const RunPlace& place) {
  const auto value = view.Get(storage::LogKey(place.first, place.second, 1));
  if (!value.ok()) return "";
  const auto record = Parse<records::LogRecord>(*value);
  if (!record || record->events().empty()) return "";
  return record->events(0).run_started().run_id();
}

}  // namespace

absl::StatusOr<std::set<RunPlace>> FindRuns(const storage::ReadView& view, const storage::Format& format,
                                            const std::string& run) {
  uint64_t number = 0;
  const bool is_number = absl::SimpleAtoi(run, &number);
  if (!is_number) {
    const std::optional<uint64_t> of_id = partition::RunOf(run);
    if (!of_id)
      return absl::InvalidArgumentError(absl::StrCat("'", run, "' is neither a run id nor a run number"));
    number = *of_id;
  }
  std::set<RunPlace> runs;
  for (uint32_t p = 0; p < format.partitions; ++p) {
    if (is_number || RunIdAt(view, {p, number}) == run) runs.insert({p, number});
  }
  if (runs.empty()) return absl::NotFoundError(absl::StrCat("no history begins with run id ", run));
  return runs;
}

absl::StatusOr<std::set<RunPlace>> FindRunsOf(const storage::ReadView& view, const storage::Format& format,
                                              const std::string& ns, const std::string& workflow_id) {
  const uint32_t partition = partition::PartitionOf(ns, workflow_id, format.partitions);
  std::set<RunPlace> runs;
  const KeyRange range = storage::ListRange(partition, ns);
  auto it = view.Scan(range.begin, range.end);
  for (; it->Valid(); it->Next()) {
    const auto parts = storage::ParseListKey(it->key());
    const auto record = Parse<records::ListRecord>(it->value());
    if (parts.ok() && record && record->workflow_id() == workflow_id) runs.insert({partition, parts->run});
  }
  RETURN_IF_ERROR(it->status());
  if (const auto id = view.Get(storage::IdKey(partition, ns, workflow_id)); id.ok()) {
    for (const uint64_t run : RunsInValue(KeyKind::kId, *id)) runs.insert({partition, run});
  }
  if (runs.empty()) {
    return absl::NotFoundError(absl::StrCat("no workflow '", workflow_id, "' in namespace '", ns, "'"));
  }
  return runs;
}

absl::Status ForEachRow(const storage::ReadView& view, const RowFilter& filter,
                        const std::function<bool(std::string_view key, std::string_view value)>& visit) {
  for (const KeyRange& range : RangesOf(filter)) {
    auto it = view.Scan(range.begin, range.end);
    for (; it->Valid(); it->Next()) {
      if (filter.by_run && !NamesRun(filter, it->key(), it->value())) continue;
      if (!filter.prefix.empty() && !absl::StartsWith(KeyText(it->key()), filter.prefix)) continue;
      if (!visit(it->key(), it->value())) return absl::OkStatus();
    }
    RETURN_IF_ERROR(it->status());
  }
  return absl::OkStatus();
}

std::unique_ptr<google::protobuf::Message> DecodeValue(std::string_view key, std::string_view value) {
  const std::optional<KeyKind> kind = storage::KindOf(key);
  if (!kind) return nullptr;
  std::unique_ptr<google::protobuf::Message> record;
  switch (*kind) {
    case KeyKind::kLog:
      record = std::make_unique<records::LogRecord>();
      break;
    case KeyKind::kHead:
      record = std::make_unique<records::HeadRecord>();
      break;
    case KeyKind::kNote:
      record = std::make_unique<records::NoteRecord>();
      break;
    case KeyKind::kId:
      record = std::make_unique<records::IdRecord>();
      break;
    case KeyKind::kList:
      record = std::make_unique<records::ListRecord>();
      break;
    case KeyKind::kDirty:
      record = std::make_unique<records::DirtyRecord>();
      break;
    case KeyKind::kExpiry:
      record = std::make_unique<records::ExpiryRecord>();
      break;
    case KeyKind::kSession:
      record = std::make_unique<records::SessionRecord>();
      break;
    case KeyKind::kTimer:
    case KeyKind::kReady:
    case KeyKind::kFormat:
    case KeyKind::kEpoch:
      return nullptr;
  }
  if (!record->ParseFromArray(value.data(), static_cast<int>(value.size()))) return nullptr;
  return record;
}

}  // namespace perdure::verify
