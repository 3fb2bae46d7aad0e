#include "server/verify/run_check.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/evolve.h"
#include "server/engine/snapshot.h"
#include "server/partition/partition.h"
#include "server/partition/reader.h"
#include "server/verify/difference.h"
#include "server/verify/history_rules.h"
#include "server/verify/list_row.h"
#include "server/verify/parked.h"
#include "storage/keyspace.h"

namespace perdure::verify {
namespace {

std::string RunText(uint64_t run) { return absl::StrCat("run number ", run); }

}  // namespace

RunCheck::RunCheck(Scope& scope, uint64_t run) : scope_(scope), run_(run) {
  name_.partition = scope.partition;
  name_.run = run;
  state_.partition = scope.partition;
  state_.run = run;
  limits_.request_ids_per_run_max = std::max<int64_t>(scope.options.request_ids_per_run_max, 1);
}

void RunCheck::Add(std::string_view key, std::string what, std::string expected, std::string found) {
  Problem problem;
  problem.key = key;
  problem.run = name_;
  problem.what = std::move(what);
  problem.expected = std::move(expected);
  problem.found = std::move(found);
  scope_.findings.Add(problem);
}

void RunCheck::LearnName(const v1::RunStarted& started) {
  name_.ns = started.namespace_();
  name_.workflow_id = started.workflow_id();
  name_.run_id = started.run_id();
}

// ---- what is fed ----

void RunCheck::Head(std::string_view key, std::string_view value) {
  head_key_ = key;
  head_ = Parse<records::HeadRecord>(value);
  if (!head_) return Add(key, "its head cannot be read", "a head record", Undecodable(value));
  if (head_->through() == 0) return;
  LearnName(head_->started());
  // Only the server's configuration knows how many are kept.
  if (scope_.options.request_ids_per_run_max == 0 && head_->request_ids_size() > 0) {
    limits_.request_ids_per_run_max = head_->request_ids_size();
  }
}

void RunCheck::Log(std::string_view key, std::string_view value) {
  ++log_rows_;
  if (!broken_.empty()) return;
  const absl::StatusOr<storage::LogParts> parts = storage::ParseLogKey(key);
  auto record = std::make_shared<records::LogRecord>();
  if (!record->ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return Break(key, "a record of its history cannot be read", "a log record", Undecodable(value));
  }
  if (record->events().empty()) {
    return Break(key, "a record of its history is empty", "an event at least", "none");
  }
  const auto first = static_cast<uint64_t>(record->events(0).event_id());
  if (parts.ok() && first != parts->first_event && state_.last_event_id + 1 == record->events(0).event_id()) {
    Add(key, "a record of its history is under a wrong key", absl::StrCat("first event ", first),
        absl::StrCat("first event ", parts->first_event, " in the key"));
  }
  for (v1::Event& event : *record->mutable_events()) {
    if (!broken_.empty()) return;
    Fold(key, std::shared_ptr<const v1::Event>(record, &event));
  }
}

void RunCheck::Note(std::string_view key, std::string_view value) {
  auto note = std::make_shared<records::NoteRecord>();
  if (!note->ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return Add(key, "a note of it cannot be read", "a note record", Undecodable(value));
  }
  notes_.push_back({std::string(key), std::move(note)});
}

// ---- folding ----

void RunCheck::Break(std::string_view key, std::string what, std::string expected, std::string found) {
  broken_ = what;
  Add(key, std::move(what), std::move(expected), std::move(found));
}

void RunCheck::Fold(std::string_view key, engine::EventPtr event) {
  if (event->event_id() == 1 && event->has_run_started()) LearnName(event->run_started());
  if (event->event_id() != state_.last_event_id + 1) {
    return Break(key, "its history is not contiguous", absl::StrCat("event ", state_.last_event_id + 1),
                 absl::StrCat("event ", event->event_id()));
  }
  if (std::string why = engine::WhyNotFoldable(state_, *event); !why.empty()) {
    return Break(key, "its history cannot be folded", "an event that may follow the ones before",
                 std::move(why));
  }
  if (std::string why = WhyAgainstRules(state_, *event); !why.empty()) {
    Add(key, "its history says what the engine never writes", "an event that may follow the ones before",
        std::move(why));
  }
  engine::Evolve(state_, std::move(event), limits_);
  ++scope_.findings.summary.events;
  if (head_ && head_->through() == state_.last_event_id && state_.open()) CheckHeadAgainstFold();
}

void RunCheck::CheckHeadAgainstFold() {
  head_compared_ = true;
  if (std::string why = engine::WhyNotASnapshot(*head_); !why.empty()) {
    return Add(head_key_, "its head cannot be read", "what a server writes", std::move(why));
  }
  engine::RunState loaded;
  loaded.partition = scope_.partition;
  loaded.run = run_;
  engine::FromSnapshot(*head_, limits_, loaded);
  const Difference diff = FoldedDifference(state_, loaded);
  if (!diff.any()) return;
  const auto says = [&](const std::string& value) {
    return value.empty() ? diff.what() : absl::StrCat(diff.what(), ": ", value);
  };
  Add(head_key_, absl::StrCat("its head is not what its history says at event ", head_->through()),
      says(diff.first()), says(diff.second()));
}

// ---- after all of it was fed ----

void RunCheck::Finish(const RunMentions& mentions) {
  if (!has_history()) return CheckNoHistory(mentions);
  if (!readable()) return;
  if (std::string trouble = NameTrouble(); !trouble.empty()) {
    Add(storage::LogKey(scope_.partition, run_, 1), "it is not where its name belongs",
        absl::StrCat("partition ", scope_.partition, ", ", RunText(run_)), std::move(trouble));
  }
  if (state_.last_activation_id > scope_.last_activation_id) {
    scope_.last_activation_id = state_.last_activation_id;
    scope_.last_activation_run = name_;
  }
  CheckNotes();
  CheckListRow(mentions);
  CheckIdRow();
  CheckHead();
  if (state_.open()) CheckOpen(mentions);
}

void RunCheck::CheckNoHistory(const RunMentions& mentions) {
  const std::string no_history = "a run with a history";
  if (!head_key_.empty()) Add(head_key_, "a head of a run that has no history", no_history, "none");
  for (const NoteRow& note : notes_) Add(note.key, "a note of a run that has no history", no_history, "none");
  for (const Mention& mention : mentions.expiry) {
    Add(KeyOf(scope_, mention), "a run that has no history is to be deleted", no_history, "none");
  }
  if (mentions.dirty) Add("", "the dirty journal names a run that has no history", no_history, "none");
}

// The run's name against where it is stored; empty: it is right.
std::string RunCheck::NameTrouble() const {
  const v1::RunStarted& started = state_.started();
  const std::optional<uint64_t> run = partition::RunOf(started.run_id());
  if (run != run_) return absl::StrCat("run id ", started.run_id());
  if (scope_.partitions == 0) return "";
  const uint32_t home =
      partition::PartitionOf(started.namespace_(), started.workflow_id(), scope_.partitions);
  return home == scope_.partition ? "" : absl::StrCat("a workflow id of partition ", home);
}

void RunCheck::CheckHead() {
  if (!head_) return;
  if (!state_.open()) return Add(head_key_, "it has a head, but it is closed", "no head", "one");
  if (head_->through() > 0 && !head_compared_) {
    Add(head_key_, "its head is ahead of its history", absl::StrCat("events up to ", head_->through()),
        absl::StrCat("events up to ", state_.last_event_id));
  }
  const int64_t timer = head_->timer_row_unix_ms();
  if (timer == 0) return;
  const auto key = storage::TimerKey(scope_.partition, static_cast<uint64_t>(timer), run_);
  if (absl::IsNotFound(scope_.view.Get(key).status())) {
    Add(key, "its head tells of a timer row that is not there", absl::StrCat("a timer row at ", timer),
        "none");
  }
}

void RunCheck::CheckNotes() {
  for (NoteRow& row : notes_) {
    const int64_t seq = row.note->seq();
    const absl::StatusOr<storage::NoteParts> parts = storage::ParseNoteKey(row.key);
    if (parts.ok() && parts->seq != static_cast<uint64_t>(seq)) {
      Add(row.key, "a note of it is under a wrong key", absl::StrCat("seq ", seq),
          absl::StrCat("seq ", parts->seq, " in the key"));
      continue;
    }
    ++state_.note_rows;
    if (!state_.open()) {
      Add(row.key, "it has a note, but it is closed", "no note", absl::StrCat("one on seq ", seq));
    } else if (seq != 0 && !state_.tasks.contains(seq)) {
      Add(row.key, "it has a note on what is not pending", "no note, or a pending task",
          absl::StrCat("a note on seq ", seq));
    } else {
      engine::Evolve(state_, std::move(row.note));
    }
  }
}

void RunCheck::CheckListRow(const RunMentions& mentions) {
  const auto key = storage::ListKey(scope_.partition, name_.ns, run_);
  const auto [absent, row] = GetRecord<records::ListRecord>(scope_, key);
  if (absent) return Add(key, "it has no list row", "a list row", "none");
  if (!row) return;
  if (const Difference diff = ListRowDifference(state_, *row); diff.any()) {
    Add(key, "its list row says something else than its history",
        absl::StrCat(diff.what(), " ", diff.first()), absl::StrCat(diff.what(), " ", diff.second()));
  }
  CheckExpiry(*row, mentions);
}

void RunCheck::CheckExpiry(const records::ListRecord& row, const RunMentions& mentions) {
  if (state_.open()) {
    for (const Mention& m : mentions.expiry) {
      Add(KeyOf(scope_, m), "it is open and would be deleted", "no expiry row, nor a close in the journal",
          absl::StrCat("one, for ", m.what));
    }
    return;
  }
  const auto expires = static_cast<uint64_t>(row.expires_unix_ms());
  if (mentions.expiry.empty()) {
    Add(storage::ListKey(scope_.partition, name_.ns, run_), "it is closed and nothing would delete it",
        absl::StrCat("its name in the dirty journal or in an expiry row, for ", expires), "none");
  }
  for (const Mention& m : mentions.expiry) {
    if (m.what != expires) {
      Add(KeyOf(scope_, m), "it would be deleted at another time than its list row says",
          absl::StrCat("at ", expires), absl::StrCat("at ", m.what));
    }
    if (m.name != NameHash(name_.ns)) {
      Add(KeyOf(scope_, m), "its list row would stay when it is deleted",
          absl::StrCat("namespace ", name_.ns), "another namespace");
    }
  }
}

void RunCheck::CheckIdRow() {
  const auto key = storage::IdKey(scope_.partition, name_.ns, name_.workflow_id);
  const auto [absent, row] = GetRecord<records::IdRecord>(scope_, key);
  if (absent) {
    // Of a closed one it may be gone: a run that came after it, and was deleted before it, took it along.
    if (state_.open())
      Add(key, "its workflow has no id row", absl::StrCat("one for ", RunText(run_)), "none");
    id_row_missing_ = !state_.open();
    return;
  }
  if (row && row->run() < run_) {
    Add(key, "its workflow's id row does not lead to it", absl::StrCat(RunText(run_), " or a later one"),
        RunText(row->run()));
  }
}

void RunCheck::CheckOpen(const RunMentions& mentions) {
  if (mentions.dirty) return;
  if (head_key_.empty()) {
    return Add(storage::HeadKey(scope_.partition, run_), "nothing on disk leads back to it",
               "its name in the dirty journal, or a head", "none");
  }
  if (!head_) return;
  for (Stranded& stranded : FindStranded(state_, head_->timer_row_unix_ms(), mentions.ready)) {
    Add(head_key_, std::move(stranded.what), std::move(stranded.expected), std::move(stranded.found));
  }
}

}  // namespace perdure::verify
