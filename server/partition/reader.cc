#include "server/partition/reader.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "perdure/internal/v1/records.pb.h"
#include "server/base/status_macros.h"
#include "server/partition/partition.h"
#include "storage/keyspace.h"

namespace perdure::partition {
namespace {

namespace records = ::perdure::internal::v1;

constexpr int64_t kCountFactor = 10;

bool Matches(const v1::WorkflowFilter& f, const records::ListRecord& row) {
  if (!f.statuses().empty() &&
      std::find(f.statuses().begin(), f.statuses().end(), row.status()) == f.statuses().end()) {
    return false;
  }
  if (!f.workflow_type().empty() && f.workflow_type() != row.workflow_type()) return false;
  if (!f.task_queue().empty() && f.task_queue() != row.task_queue()) return false;
  if (!f.workflow_id().empty() && f.workflow_id() != row.workflow_id()) return false;
  if (!absl::StartsWith(row.workflow_id(), f.workflow_id_prefix())) return false;
  if (f.started_from_unix_ms() > 0 && row.start_time_unix_ms() < f.started_from_unix_ms()) return false;
  if (f.started_before_unix_ms() > 0 && row.start_time_unix_ms() >= f.started_before_unix_ms()) return false;
  return true;
}

void ToSummary(const records::ListRecord& row, v1::WorkflowSummary& out) {
  out.set_workflow_id(row.workflow_id());
  out.set_run_id(row.run_id());
  out.set_workflow_type(row.workflow_type());
  out.set_task_queue(row.task_queue());
  out.set_status(row.status());
  out.set_start_time_unix_ms(row.start_time_unix_ms());
  out.set_close_time_unix_ms(row.close_time_unix_ms());
  out.set_attempt(row.attempt());
  out.set_history_events(row.history_events());
}

// One partition's list rows, newest first, as far as they can be read.
class Cursor {
 public:
  // Rows of runs below `before`; 0: all.
  Cursor(const storage::ReadView& view, uint32_t partition, const std::string& ns, uint64_t before) {
    const storage::KeyRange range =
        before == 0 ? storage::ListRange(partition, ns) : storage::ListRowsRange(partition, ns, 0, before);
    it_ = view.Scan(range.begin, range.end);
    Read();
  }
  bool valid() const { return it_->Valid(); }
  absl::Status status() const { return it_->status(); }
  const records::ListRecord& row() const { return row_; }
  // All rows from here on have lower run numbers than this; those of runs started from now on have not.
  uint64_t before() const {
    if (!it_->Valid()) return 1;
    const absl::StatusOr<storage::ListParts> parts = storage::ParseListKey(it_->key());
    return parts.ok() ? parts->run + 1 : 1;
  }
  void Next() {
    it_->Next();
    Read();
  }

 private:
  void Read() {
    for (; it_->Valid(); it_->Next()) {
      if (row_.ParseFromArray(it_->value().data(), static_cast<int>(it_->value().size()))) return;
    }
  }

  std::unique_ptr<storage::Iterator> it_;
  records::ListRecord row_;
};

// A page token holds, for each partition, the run before which to go on: "17.23".
absl::StatusOr<std::vector<uint64_t>> ParsePageToken(const std::string& token, uint32_t partitions) {
  std::vector<uint64_t> before(partitions, 0);
  if (token.empty()) return before;
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  bool good = parts.size() == partitions;
  for (size_t i = 0; good && i < parts.size(); ++i) good = absl::SimpleAtoi(parts[i], &before[i]);
  if (!good) {
    return absl::InvalidArgumentError(absl::StrCat(
        "page_token '", token, "' is not one that this server handed out; start again without it"));
  }
  return before;
}

}  // namespace

uint32_t PartitionOf(std::string_view ns, std::string_view workflow_id, uint32_t partitions) {
  // FNV-1a, then a finalizer: std::hash and absl::Hash may differ from process to process.
  uint64_t h = 0xcbf29ce484222325;
  const auto mix = [&h](std::string_view s) {
    for (const char c : s) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  };
  mix(ns);
  h *= 0x100000001b3;
  mix(workflow_id);
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccd;
  h ^= h >> 33;
  return static_cast<uint32_t>(h % partitions);
}

absl::StatusOr<Reader::RunPlace> Reader::Locate(const std::string& ns_or_empty,
                                                const v1::WorkflowExecution& execution) const {
  const std::string& ns = NamespaceOf(ns_or_empty);
  const std::string& workflow_id = execution.workflow_id();
  const uint32_t partition = PartitionOf(ns, workflow_id, partitions_);
  uint64_t run = 0;
  if (execution.run_id().empty()) {
    absl::StatusOr<std::string> row = store_->Get(storage::IdKey(partition, ns, workflow_id));
    records::IdRecord id;
    if (absl::IsNotFound(row.status())) {
      return absl::NotFoundError(absl::StrCat("no workflow '", workflow_id, "' in namespace '", ns, "'"));
    }
    if (!row.ok()) return row.status();
    if (!id.ParseFromString(*row)) return absl::DataLossError("an id record does not parse");
    run = id.run();
  } else {
    run = RunOf(execution.run_id()).value_or(0);
  }
  absl::StatusOr<std::string> row = store_->Get(storage::ListKey(partition, ns, run));
  records::ListRecord record;
  if (row.ok() && !record.ParseFromString(*row)) return absl::DataLossError("a list record does not parse");
  if (!row.ok() && !absl::IsNotFound(row.status())) return row.status();
  if (!row.ok() || record.workflow_id() != workflow_id ||
      (!execution.run_id().empty() && record.run_id() != execution.run_id())) {
    return absl::NotFoundError(absl::StrCat("workflow '", workflow_id, "' in namespace '", ns,
                                            "' has no run '", execution.run_id(), "'"));
  }
  return RunPlace{partition, run, record.run_id(), record.status()};
}

absl::StatusOr<Reader::Events> Reader::ReadEvents(uint32_t partition, uint64_t run, int64_t from,
                                                  int64_t through, int64_t events_max,
                                                  int64_t bytes_max) const {
  Events out;
  from = std::max<int64_t>(from, 1);
  // The record that holds `from` may begin before it: the last one that begins at or before it.
  uint64_t begin = static_cast<uint64_t>(from);
  {
    const std::string after(storage::LogKey(partition, run, static_cast<uint64_t>(from) + 1));
    auto back = store_->ScanReverse(storage::LogRange(partition, run).begin, after);
    if (back->Valid()) {
      ASSIGN_OR_RETURN(const storage::LogParts parts, storage::ParseLogKey(back->key()));
      begin = parts.first_event;
    }
  }
  const storage::KeyRange range = storage::LogRangeFrom(partition, run, begin);
  auto it = store_->Scan(range.begin, range.end);
  int64_t bytes = 0;
  auto expected = static_cast<uint64_t>(from);
  for (; it->Valid(); it->Next()) {
    records::LogRecord record;
    if (!record.ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      return absl::DataLossError(
          absl::StrCat("a record of the history of run number ", run, " does not parse"));
    }
    for (v1::Event& event : *record.mutable_events()) {
      if (event.event_id() < from && out.events.empty()) continue;
      // Whoever pages would be sent in a circle, or past what is missing.
      if (static_cast<uint64_t>(event.event_id()) != expected) {
        return absl::DataLossError(absl::StrCat("the history of run number ", run, " has event ",
                                                event.event_id(), " in the place of event ", expected));
      }
      ++expected;
      if (event.event_id() > through) return out;
      if (static_cast<int64_t>(out.events.size()) >= events_max ||
          (bytes >= bytes_max && !out.events.empty())) {
        out.next_event_id = event.event_id();
        return out;
      }
      bytes += static_cast<int64_t>(event.ByteSizeLong());
      out.events.push_back(std::move(event));
    }
  }
  RETURN_IF_ERROR(it->status());
  return out;
}

absl::StatusOr<v1::ListWorkflowsResponse> Reader::List(const v1::ListWorkflowsRequest& request) const {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> before, ParsePageToken(request.page_token(), partitions_));
  const std::string& ns = NamespaceOf(request.namespace_());
  const std::unique_ptr<storage::ReadView> view = store_->Snapshot();
  std::vector<Cursor> cursors;
  for (uint32_t p = 0; p < partitions_; ++p) cursors.emplace_back(*view, p, ns, before[p]);
  v1::ListWorkflowsResponse out;
  int64_t scanned = 0;
  for (;;) {
    Cursor* newest = nullptr;
    for (Cursor& c : cursors) {
      RETURN_IF_ERROR(c.status());
      if (!c.valid()) continue;
      if (newest == nullptr || c.row().start_time_unix_ms() > newest->row().start_time_unix_ms()) newest = &c;
    }
    if (newest == nullptr) return out;
    if (out.workflows_size() >= request.page_size() || scanned >= limits_.list_rows_scanned_max) break;
    ++scanned;
    if (Matches(request.filter(), newest->row())) ToSummary(newest->row(), *out.add_workflows());
    newest->Next();
  }
  std::vector<std::string> token;
  for (const Cursor& c : cursors) token.push_back(absl::StrCat(c.before()));
  std::string joined;
  for (const std::string& t : token) absl::StrAppend(&joined, joined.empty() ? "" : ".", t);
  out.set_next_page_token(joined);
  return out;
}

absl::StatusOr<v1::CountWorkflowsResponse> Reader::Count(const v1::CountWorkflowsRequest& request) const {
  const std::string& ns = NamespaceOf(request.namespace_());
  const std::unique_ptr<storage::ReadView> view = store_->Snapshot();
  v1::CountWorkflowsResponse out;
  int64_t scanned = 0;
  for (uint32_t p = 0; p < partitions_; ++p) {
    Cursor cursor(*view, p, ns, 0);
    for (; cursor.valid(); cursor.Next()) {
      if (++scanned > limits_.list_rows_scanned_max * kCountFactor) {
        return absl::ResourceExhaustedError(absl::StrCat("there are more than ", scanned - 1,
                                                         " runs to count (10 x list_rows_scanned_max); count "
                                                         "within a time range, or raise the limit"));
      }
      if (!Matches(request.filter(), cursor.row())) continue;
      out.set_count(out.count() + 1);
      (*out.mutable_by_status())[v1::RunStatus_Name(cursor.row().status())] += 1;
    }
    RETURN_IF_ERROR(cursor.status());
  }
  return out;
}

}  // namespace perdure::partition
