#include "server/verify/index_rows.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/policy.h"
#include "server/partition/partition.h"
#include "server/partition/reader.h"
#include "server/verify/key_text.h"
#include "storage/keyspace.h"

namespace perdure::verify {
namespace {

using storage::KeyKind;

// One row and where what is wrong with it is reported.
struct Row {
  Scope& scope;
  std::string_view key;
  RunName run;

  void Wrong(std::string what, std::string expected, std::string found) const {
    Problem problem;
    problem.key = key;
    problem.run = run;
    problem.what = std::move(what);
    problem.expected = std::move(expected);
    problem.found = std::move(found);
    scope.findings.Add(problem);
  }
};

template <typename Visitor>
void ForEach(Scope& scope, KeyKind kind, Visitor&& visit) {
  const storage::KeyRange range = storage::KindRange(scope.partition, kind);
  auto it = scope.view.Scan(range.begin, range.end);
  std::string last;
  for (; it->Valid(); it->Next()) {
    scope.findings.Count(kind, it->key(), it->value());
    last = it->key();
    visit(it->key(), it->value());
  }
  ReportEnd(*it, last, KindWord(kind), scope.findings);
}

// A start that a repeated request may ask for: its run may be deleted, but is no other one's.
void CheckEarlier(const Row& row, const records::IdRecord::Start& start) {
  const uint64_t run = partition::RunOf(start.run_id()).value_or(0);
  if (start.request_id().empty() || run == 0 || run >= row.run.run) {
    return row.Wrong("it remembers an earlier start that is none",
                     absl::StrCat("a request id, and a run before run number ", row.run.run),
                     absl::StrCat("request id '", start.request_id(), "', run ", start.run_id()));
  }
  const auto list =
      GetRecord<records::ListRecord>(row.scope, storage::ListKey(row.scope.partition, row.run.ns, run))
          .record;
  if (!list) return;
  if (list->workflow_id() != row.run.workflow_id || list->start_request_id() != start.request_id()) {
    row.Wrong("it remembers an earlier start that another request made",
              absl::StrCat("workflow '", list->workflow_id(), "', request id '", list->start_request_id(),
                           "' for run ", start.run_id()),
              absl::StrCat("request id '", start.request_id(), "'"));
  }
}

void CheckIdRow(Row& row, const records::IdRecord& record) {
  row.run.run = record.run();
  row.run.run_id = record.run_id();
  Scope& scope = row.scope;
  if (scope.partitions > 0) {
    const uint32_t home = partition::PartitionOf(row.run.ns, row.run.workflow_id, scope.partitions);
    if (home != scope.partition) {
      row.Wrong("the id row is in a partition where nobody looks for it", absl::StrCat("partition ", home),
                absl::StrCat("partition ", scope.partition));
    }
  }
  const auto key = storage::ListKey(scope.partition, row.run.ns, record.run());
  const auto [absent, list] = GetRecord<records::ListRecord>(scope, key);
  if (absent) {
    return row.Wrong("the id row leads to a run that is not there",
                     absl::StrCat("a list row of run number ", record.run()), "none");
  }
  if (!list) return;
  if (list->workflow_id() != row.run.workflow_id || list->run_id() != record.run_id()) {
    row.Wrong("the id row leads to another workflow's run",
              absl::StrCat("workflow '", row.run.workflow_id, "', run ", record.run_id()),
              absl::StrCat("workflow '", list->workflow_id(), "', run ", list->run_id()));
  }
  if (static_cast<size_t>(record.earlier_size()) > engine::kEarlierStartsMax) {
    row.Wrong("the id row remembers too many earlier starts", absl::StrCat(engine::kEarlierStartsMax),
              absl::StrCat(record.earlier_size()));
  }
  for (const records::IdRecord::Start& start : record.earlier()) CheckEarlier(row, start);
}

// Of a list row the walk over the runs checked the rest, if it is the one it looked for.
void CheckListRow(Row& row) {
  Scope& scope = row.scope;
  const auto [absent, record] =
      GetRecord<records::LogRecord>(scope, storage::LogKey(scope.partition, row.run.run, 1));
  if (absent) {
    // A history without its beginning is the walk's to report.
    const storage::KeyRange range = storage::LogRange(scope.partition, row.run.run);
    const auto it = scope.view.Scan(range.begin, range.end);
    if (!it->Valid() && it->status().ok()) {
      row.Wrong("a list row of a run that has no history", "a run with a history", "none");
    }
    return;
  }
  if (!record || record->events().empty() || !record->events(0).has_run_started()) return;
  const std::string& ns = record->events(0).run_started().namespace_();
  if (ns != row.run.ns) {
    row.Wrong("a list row in a namespace that its run is not in", absl::StrCat("namespace ", ns),
              absl::StrCat("namespace ", row.run.ns));
  }
}

}  // namespace

void CheckIdRows(Scope& scope) {
  ForEach(scope, KeyKind::kId, [&](std::string_view key, std::string_view value) {
    const auto parts = storage::ParseIdKey(key);
    if (!parts.ok()) return ReportBadKey(key, KeyKind::kId, scope.findings);
    const auto record = Parse<records::IdRecord>(value);
    if (!record) return ReportBadValue(key, value, KeyKind::kId, scope.findings);
    Row row{scope, key, {scope.partition, 0, parts->ns, parts->workflow_id, ""}};
    CheckIdRow(row, *record);
  });
}

void CheckListRows(Scope& scope) {
  ForEach(scope, KeyKind::kList, [&](std::string_view key, std::string_view value) {
    const auto parts = storage::ParseListKey(key);
    if (!parts.ok()) return ReportBadKey(key, KeyKind::kList, scope.findings);
    const auto record = Parse<records::ListRecord>(value);
    if (!record) return ReportBadValue(key, value, KeyKind::kList, scope.findings);
    Row row{scope, key, {scope.partition, parts->run, parts->ns, record->workflow_id(), record->run_id()}};
    CheckListRow(row);
  });
}

void CheckTimerRows(Scope& scope) {
  ForEach(scope, KeyKind::kTimer, [&](std::string_view key, std::string_view value) {
    const auto parts = storage::ParseTimerKey(key);
    if (!parts.ok()) return ReportBadKey(key, KeyKind::kTimer, scope.findings);
    if (!value.empty()) ReportBadValue(key, value, KeyKind::kTimer, scope.findings);
    Row row{scope, key, {scope.partition, parts->run, "", "", ""}};
    const auto head_key = storage::HeadKey(scope.partition, parts->run);
    const auto [absent, head] = GetRecord<records::HeadRecord>(scope, head_key);
    if (absent) return row.Wrong("a timer row of a run that has no head", "a head that tells of it", "none");
    if (!head) return;
    row.run.ns = head->started().namespace_();
    row.run.workflow_id = head->started().workflow_id();
    row.run.run_id = head->started().run_id();
    const int64_t told = head->timer_row_unix_ms();
    if (told == static_cast<int64_t>(parts->due_ms)) return;
    row.Wrong("a timer row that its run's head does not tell of",
              told == 0 ? std::string("no timer row") : absl::StrCat("a timer row at ", told),
              absl::StrCat("one at ", parts->due_ms));
  });
}

}  // namespace perdure::verify
