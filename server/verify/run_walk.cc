#include "server/verify/run_walk.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "server/verify/key_text.h"
#include "server/verify/kind_cursor.h"
#include "server/verify/mentions.h"
#include "server/verify/run_check.h"
#include "storage/keyspace.h"

namespace perdure::verify {
namespace {

using storage::KeyKind;

class Walk {
 public:
  explicit Walk(Scope& scope)
      : scope_(scope), ready_(scope.options.mentions_max), expiry_(scope.options.mentions_max) {}

  void Run() {
    ReadJournal();
    next_dirty_ = dirty_.begin();
    KindCursor log(scope_, KeyKind::kLog);
    KindCursor head(scope_, KeyKind::kHead);
    KindCursor note(scope_, KeyKind::kNote);
    for (uint64_t begin = 0; begin != UINT64_MAX;) {
      FillWindow(begin);
      const uint64_t end = std::min(ready_.end(), expiry_.end());
      for (;;) {
        const uint64_t run = std::min({log.run(), head.run(), note.run()});
        CheckNamedOnly(std::min(run, end));
        if (run >= end) break;
        CheckRun(run, log, head, note);
      }
      begin = end;
    }
    CheckNextRun();
    ReportMissingIdRows();
  }

 private:
  void Add(std::string_view key, uint64_t run, std::string what, std::string expected, std::string found,
           Severity severity = Severity::kProblem) {
    Problem problem;
    problem.severity = severity;
    problem.key = key;
    problem.run.partition = scope_.partition;
    problem.run.run = run;
    problem.what = std::move(what);
    problem.expected = std::move(expected);
    problem.found = std::move(found);
    scope_.findings.Add(problem);
  }

  // Calls visit(key, value) for each row of the kind, and counts them, the first time.
  template <typename Visitor>
  void ForEach(KeyKind kind, bool count, Visitor&& visit) {
    const storage::KeyRange range = storage::KindRange(scope_.partition, kind);
    auto it = scope_.view.Scan(range.begin, range.end);
    std::string last;
    for (; it->Valid(); it->Next()) {
      if (count) scope_.findings.Count(kind, it->key(), it->value());
      last = it->key();
      visit(it->key(), it->value());
    }
    if (count) ReportEnd(*it, last, KindWord(kind), scope_.findings);
  }

  // As large as what a server holds of it in memory: it covers the time since the last checkpoint.
  void ReadJournal() {
    ForEach(KeyKind::kDirty, true, [&](std::string_view key, std::string_view value) {
      const auto parts = storage::ParseDirtyKey(key);
      if (!parts.ok()) return ReportBadKey(key, KeyKind::kDirty, scope_.findings);
      const auto record = Parse<records::DirtyRecord>(value);
      if (!record) return ReportBadValue(key, value, KeyKind::kDirty, scope_.findings);
      dirty_.insert(record->runs().begin(), record->runs().end());
      for (const records::ClosedRun& closed : record->closed()) {
        closed_.push_back(ToMention(closed, parts->commit, true));
      }
      if (record->next_run() >= next_run_) {
        next_run_ = record->next_run();
        next_run_key_ = key;
      }
    });
    for (const Mention& closed : closed_) dirty_.erase(closed.run);
  }

  static Mention ToMention(const records::ClosedRun& closed, uint64_t at, bool in_journal) {
    Mention mention;
    mention.run = closed.run();
    mention.what = static_cast<uint64_t>(closed.expires_unix_ms());
    mention.name = NameHash(closed.namespace_());
    mention.at = at;
    mention.in_journal = in_journal;
    return mention;
  }

  void FillWindow(uint64_t begin) {
    ready_.Begin(begin);
    expiry_.Begin(begin);
    ReadReady(begin == 0);
    ReadExpiry(begin == 0);
    for (const Mention& closed : closed_) expiry_.Add(closed);
    ready_.Seal();
    expiry_.Seal();
    next_expiry_ = 0;
  }

  void ReadReady(bool first) {
    ForEach(KeyKind::kReady, first, [&](std::string_view key, std::string_view value) {
      const auto parts = storage::ParseReadyKey(key);
      if (parts.ok()) ready_.Add({parts->run, parts->seq, NameHash(parts->queue), parts->order});
      if (!first) return;
      if (!parts.ok()) return ReportBadKey(key, KeyKind::kReady, scope_.findings);
      if (!value.empty()) ReportBadValue(key, value, KeyKind::kReady, scope_.findings);
      if (HasHistory(parts->run)) return;
      // Closed runs leave theirs to the next one who reads the queue; their retention may be over before.
      const bool deleted = parts->run < next_run_;
      Add(key, parts->run, "a ready row of a run that has no history", "a run with a history",
          deleted ? "none; it may have been deleted" : "none; no such run was started yet",
          deleted ? Severity::kLeftover : Severity::kProblem);
    });
  }

  bool HasHistory(uint64_t run) {
    if (scope_.view.Get(storage::LogKey(scope_.partition, run, 1)).ok()) return true;
    const storage::KeyRange range = storage::LogRange(scope_.partition, run);
    return scope_.view.Scan(range.begin, range.end)->Valid();
  }

  void ReadExpiry(bool first) {
    ForEach(KeyKind::kExpiry, first, [&](std::string_view key, std::string_view value) {
      const auto parts = storage::ParseExpiryKey(key);
      const auto record = Parse<records::ExpiryRecord>(value);
      if (parts.ok() && record) {
        for (const records::ClosedRun& closed : record->runs()) {
          expiry_.Add(ToMention(closed, parts->expires_ms, false));
          if (first && closed.expires_unix_ms() > static_cast<int64_t>(parts->expires_ms)) {
            Add(key, closed.run(), "it would be deleted too early",
                absl::StrCat("an expiry row at ", closed.expires_unix_ms(), " or later"),
                absl::StrCat("one at ", parts->expires_ms));
          }
        }
      } else if (first && !parts.ok()) {
        ReportBadKey(key, KeyKind::kExpiry, scope_.findings);
      } else if (first) {
        ReportBadValue(key, value, KeyKind::kExpiry, scope_.findings);
      }
    });
  }

  void CheckRun(uint64_t run, KindCursor& log, KindCursor& head, KindCursor& note) {
    RunCheck check(scope_, run);
    for (; head.run() == run; head.Next()) check.Head(head.key(), head.value());
    if (log.run() == run) last_run_ = run;
    for (; log.run() == run; log.Next()) check.Log(log.key(), log.value());
    for (; note.run() == run; note.Next()) check.Note(note.key(), note.value());
    check.Finish(MentionsOf(run));
    Tally(check, run);
  }

  RunMentions MentionsOf(uint64_t run) {
    RunMentions mentions;
    mentions.dirty = next_dirty_ != dirty_.end() && *next_dirty_ == run;
    if (mentions.dirty) ++next_dirty_;
    mentions.ready = ready_.Of(run);
    mentions.expiry = expiry_.Of(run);
    next_expiry_ += mentions.expiry.size();
    return mentions;
  }

  // Runs below `end` that have no row of their own, and that the journal or an expiry row names.
  void CheckNamedOnly(uint64_t end) {
    for (;;) {
      uint64_t run = end;
      if (next_dirty_ != dirty_.end()) run = std::min(run, *next_dirty_);
      if (next_expiry_ < expiry_.all().size()) run = std::min(run, expiry_.all()[next_expiry_].run);
      if (run >= end) return;
      RunCheck(scope_, run).Finish(MentionsOf(run));
    }
  }

  void Tally(const RunCheck& check, uint64_t run) {
    Summary& summary = scope_.findings.summary;
    if (!check.has_history()) return;
    if (!check.readable()) {
      ++summary.runs_unreadable;
    } else {
      ++(check.state().open() ? summary.runs_open : summary.runs_closed);
    }
    // A run number that was given out and is not there any more was deleted, and may have taken along the id
    // row of any workflow that was started before it.
    if (run != last_seen_ + 1) without_id_.clear();
    last_seen_ = run;
    if (check.id_row_missing() && without_id_.size() < kWithoutIdMax) without_id_.push_back(check.name());
  }

  void ReportMissingIdRows() {
    if (next_run_ > last_seen_ + 1) without_id_.clear();
    for (const RunName& name : without_id_) {
      Add(storage::IdKey(scope_.partition, name.ns, name.workflow_id), name.run,
          absl::StrCat("workflow '", name.workflow_id, "' has no id row, and no later run was deleted"),
          absl::StrCat("one that leads to run number ", name.run), "none");
    }
  }

  void CheckNextRun() {
    if (last_run_ == 0 || next_run_ > last_run_) return;
    Add(next_run_key_.empty() ? storage::DirtyKey(scope_.partition, 0).str() : next_run_key_, last_run_,
        "its number would be given out again",
        absl::StrCat("next_run of at least ", last_run_ + 1, " in the dirty journal"),
        next_run_key_.empty() ? std::string("no journal") : absl::StrCat(next_run_));
  }

  static constexpr size_t kWithoutIdMax = 1'000;

  Scope& scope_;
  absl::btree_set<uint64_t> dirty_;
  absl::btree_set<uint64_t>::const_iterator next_dirty_;
  std::vector<Mention> closed_;
  uint64_t next_run_ = 0;
  std::string next_run_key_;

  MentionWindow ready_;
  MentionWindow expiry_;
  size_t next_expiry_ = 0;

  uint64_t last_run_ = 0;
  uint64_t last_seen_ = 0;
  std::vector<RunName> without_id_;
};

}  // namespace

void WalkRuns(Scope& scope) { Walk(scope).Run(); }

}  // namespace perdure::verify
