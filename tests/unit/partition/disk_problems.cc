// What must be true of a partition's rows at every commit.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/live.h"
#include "tests/unit/engine/compare.h"
#include "tests/unit/partition/disk.h"

namespace perdure::partition::testing {
namespace {

using storage::KeyKind;

class Inspection {
 public:
  Inspection(const Disk& disk, const storage::ReadView& view, uint32_t partition)
      : disk_(disk), view_(view), partition_(partition), journal_(disk.ReadJournal()) {
    for (const storage::ReadyParts& ready : disk.Ready()) ready_.insert({ready.run, ready.seq});
  }

  std::vector<std::string> Problems() {
    for (const uint64_t run : disk_.Runs()) InspectRun(run);
    InspectHeads();
    InspectNotes();
    InspectTimers();
    InspectExpiry();
    for (const auto& [run, seq] : ready_) Expect(runs_.contains(run), run, "a ready row, but no history");
    for (const auto& [name, run] : latest_) {
      const std::optional<records::IdRecord> row = disk_.IdRow(name.second, name.first);
      Expect(row && row->run() == run, run,
             absl::StrCat("the id row of '", name.second, "' does not lead to it"));
    }
    if (!runs_.empty()) {
      Expect(journal_.next_run > runs_.rbegin()->first, runs_.rbegin()->first,
             "its number would be given out again");
    }
    return std::move(problems_);
  }

 private:
  void Expect(bool holds, uint64_t run, const std::string& what) {
    if (!holds) problems_.push_back(absl::StrCat("run ", run, ": ", what));
  }

  void InspectRun(uint64_t run) {
    absl::StatusOr<engine::RunState> state = disk_.Fold(run, false);
    if (!state.ok()) return Expect(false, run, state.status().ToString());
    const std::optional<records::ListRecord> row = disk_.ListRow(run, state->started().namespace_());
    Expect(row && row->status() == state->status && row->run_id() == state->started().run_id(), run,
           "its list row says something else than its history");
    latest_[{state->started().namespace_(), state->started().workflow_id()}] = run;
    if (state->open()) {
      const absl::StatusOr<engine::RunState> loaded = disk_.Fold(run, true);
      Expect(loaded.ok(), run, loaded.status().ToString());
      if (loaded.ok()) {
        const std::string difference = engine::testing::FoldedDifference(*loaded, *state);
        Expect(difference.empty(), run, absl::StrCat("its head is wrong: ", difference));
      }
      if (!journal_.dirty.contains(run)) InspectParked(run, *state);
    }
    runs_.emplace(run, *std::move(state));
  }

  // An open run that the journal does not name: its rows alone must lead back to it.
  void InspectParked(uint64_t run, engine::RunState state) {
    const auto head = Head(run);
    Expect(head.has_value(), run, "neither the journal names it nor does it have a head");
    engine::Revive(state, 0, false);
    // What waits on disk in its queue has its backoff behind it: the ready row hands it out, no timer.
    for (auto& [seq, task] : state.tasks) {
      if (ready_.contains({run, static_cast<uint64_t>(seq)})) {
        // Its schedule_to_start may count from the end of a hold, which the disk does not tell of.
        const int64_t limit = task.command->timeouts().schedule_to_start_ms();
        if (limit > 0 && head) task.waiting_since_ms = head->timer_row_unix_ms() - limit;
        engine::SetPhase(state, seq, task, engine::TaskPhase::kSpilled);
      }
    }
    if (ready_.contains({run, 0})) {
      absl::erase_if(state.deadlines,
                     [](const engine::Deadline& d) { return d.kind == engine::DeadlineKind::kActivation; });
    }
    for (const auto& [seq, task] : state.tasks) {
      Expect(
          task.phase == engine::TaskPhase::kBackingOff || ready_.contains({run, static_cast<uint64_t>(seq)}),
          run, absl::StrCat("nothing on disk would hand out its task ", seq));
    }
    const bool told = state.activation.phase != engine::ActivationPhase::kNone || state.unconsumed.empty();
    Expect((told && state.steps.empty()) || ready_.contains({run, 0}), run,
           "nothing on disk would hand out its activation");
    // A row that is too early only wakes it in vain: one task may have a ready row of a wait that is over.
    const int64_t due = state.next_deadline_ms();
    const int64_t row = head ? head->timer_row_unix_ms() : 0;
    Expect(due == 0 || (row != 0 && row <= due), run,
           absl::StrCat("no timer row wakes it for what falls due at ", due, "; its row is at ", row));
  }

  std::optional<records::HeadRecord> Head(uint64_t run) const {
    const absl::StatusOr<std::string> row = view_.Get(storage::HeadKey(partition_, run));
    records::HeadRecord head;
    if (!row.ok() || !head.ParseFromString(*row)) return std::nullopt;
    return head;
  }

  bool Open(uint64_t run) const {
    auto it = runs_.find(run);
    return it != runs_.end() && it->second.open();
  }

  void InspectHeads() {
    for (const std::string& key : disk_.Keys(KeyKind::kHead)) {
      const uint64_t run = storage::ParseHeadKey(key)->run;
      Expect(Open(run), run, "a head, but it is not open");
      const int64_t timer = Head(run)->timer_row_unix_ms();
      Expect(timer == 0 || disk_.Has(storage::TimerKey(partition_, static_cast<uint64_t>(timer), run)), run,
             "its head tells of a timer row that is not there");
    }
  }

  void InspectNotes() {
    for (const std::string& key : disk_.Keys(KeyKind::kNote)) {
      const storage::NoteParts note = *storage::ParseNoteKey(key);
      const bool pending =
          Open(note.run) &&
          (note.seq == 0 || runs_.at(note.run).tasks.contains(static_cast<int64_t>(note.seq)));
      Expect(pending, note.run, absl::StrCat("a note on ", note.seq, ", which is not pending"));
    }
  }

  void InspectTimers() {
    for (const std::string& key : disk_.Keys(KeyKind::kTimer)) {
      const storage::TimerParts timer = *storage::ParseTimerKey(key);
      const auto head = Head(timer.run);
      Expect(Open(timer.run) && head && head->timer_row_unix_ms() == static_cast<int64_t>(timer.due_ms),
             timer.run, "a timer row that its head does not tell of");
    }
  }

  void InspectExpiry() {
    std::set<uint64_t> expiring = journal_.closed;
    for (const std::string& key : disk_.Keys(KeyKind::kExpiry)) {
      records::ExpiryRecord record;
      record.ParseFromString(*view_.Get(key));
      for (const records::ClosedRun& closed : record.runs()) expiring.insert(closed.run());
    }
    for (const auto& [run, state] : runs_) {
      if (state.open()) {
        Expect(!expiring.contains(run), run, "it is open and would be deleted");
      } else {
        Expect(expiring.contains(run), run, "it is closed and nothing would delete it");
      }
    }
  }

  const Disk& disk_;
  const storage::ReadView& view_;
  const uint32_t partition_;
  const Disk::Journal journal_;
  std::set<std::pair<uint64_t, uint64_t>> ready_;
  std::map<uint64_t, engine::RunState> runs_;
  std::map<std::pair<std::string, std::string>, uint64_t> latest_;  // by namespace and workflow id
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> Disk::Problems() const { return Inspection(*this, view_, partition_).Problems(); }

std::vector<std::string> Disk::Leftovers() const {
  std::vector<std::string> leftovers;
  const auto none = [&](KeyKind kind, const char* name) {
    if (const size_t n = Count(kind); n > 0) leftovers.push_back(absl::StrCat(n, " rows of kind ", name));
  };
  none(KeyKind::kHead, "head");
  none(KeyKind::kNote, "note");
  none(KeyKind::kTimer, "timer");
  none(KeyKind::kReady, "ready");
  for (const uint64_t run : ReadJournal().dirty)
    leftovers.push_back(absl::StrCat("the journal names run ", run));
  return leftovers;
}

}  // namespace perdure::partition::testing
