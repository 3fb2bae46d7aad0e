// One run: its history, folded, against every row that tells of it.
//
// Fed in this order: Head (if there is one), Log for each record, Note for each note; then Finish. One run's
// history is in memory at most, and of that only what is pending.
#ifndef PERDURE_SERVER_VERIFY_RUN_CHECK_H_
#define PERDURE_SERVER_VERIFY_RUN_CHECK_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/engine/state.h"
#include "server/verify/mentions.h"
#include "server/verify/scope.h"

namespace perdure::verify {

// What rows sorted by something else say of the run.
struct RunMentions {
  // The dirty journal names it: its head and its timer row may be behind.
  bool dirty = false;
  std::span<const Mention> ready;
  std::span<const Mention> expiry;
};

class RunCheck {
 public:
  RunCheck(Scope& scope, uint64_t run);

  void Head(std::string_view key, std::string_view value);
  void Log(std::string_view key, std::string_view value);
  void Note(std::string_view key, std::string_view value);
  void Finish(const RunMentions& mentions);

  // After Finish. Whether there is a history, and whether all of it could be folded.
  bool has_history() const { return log_rows_ > 0; }
  bool readable() const { return has_history() && broken_.empty(); }
  // It is closed and its workflow has no id row.
  bool id_row_missing() const { return id_row_missing_; }
  const engine::RunState& state() const { return state_; }
  const RunName& name() const { return name_; }

 private:
  void Add(std::string_view key, std::string what, std::string expected, std::string found);
  void Fold(std::string_view key, engine::EventPtr event);
  void Break(std::string_view key, std::string what, std::string expected, std::string found);
  void LearnName(const v1::RunStarted& started);
  std::string NameTrouble() const;

  void CheckHeadAgainstFold();
  void CheckNoHistory(const RunMentions& mentions);
  void CheckHead();
  void CheckNotes();
  void CheckListRow(const RunMentions& mentions);
  void CheckIdRow();
  void CheckOpen(const RunMentions& mentions);
  void CheckExpiry(const records::ListRecord& row, const RunMentions& mentions);

  Scope& scope_;
  const uint64_t run_;
  RunName name_;
  engine::Limits limits_;

  std::string head_key_;
  std::optional<records::HeadRecord> head_;
  // Whether the fold has passed what the head says it includes.
  bool head_compared_ = false;

  int64_t log_rows_ = 0;
  engine::RunState state_;
  bool id_row_missing_ = false;
  // Why the rest of the history was not folded; empty: it was.
  std::string broken_;

  struct NoteRow {
    std::string key;
    engine::NotePtr note;
  };
  std::vector<NoteRow> notes_;
};

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_RUN_CHECK_H_
