// What is of no partition; the checks of a partition are in run_walk.cc and index_rows.cc.
#include "server/verify/verify.h"

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/verify/index_rows.h"
#include "server/verify/key_text.h"
#include "server/verify/run_walk.h"
#include "server/verify/scope.h"
#include "storage/epoch.h"
#include "storage/keyspace.h"

namespace perdure::verify {
namespace {

using storage::KeyKind;

void CheckScope(Scope& scope) {
  WalkRuns(scope);
  CheckIdRows(scope);
  CheckListRows(scope);
  CheckTimerRows(scope);
}

class StoreCheck {
 public:
  StoreCheck(const storage::ReadView& view, const storage::Format& format, const VerifyOptions& options,
             Findings& findings)
      : view_(view), format_(format), options_(options), findings_(findings) {}

  void Run() {
    findings_.summary.partitions = format_.partitions;
    for (uint32_t p = 0; p < format_.partitions; ++p) {
      Scope scope{view_, p, format_.partitions, options_, findings_};
      CheckScope(scope);
      if (scope.last_activation_id > last_activation_id_) {
        last_activation_id_ = scope.last_activation_id;
        last_activation_run_ = scope.last_activation_run;
      }
    }
    CheckFormat();
    CheckEpoch();
    CheckSessions();
    CheckStrayKeys();
  }

 private:
  void Add(std::string_view key, std::string what, std::string expected, std::string found,
           RunName run = {}) {
    Problem problem;
    problem.key = key;
    problem.run = std::move(run);
    problem.what = std::move(what);
    problem.expected = std::move(expected);
    problem.found = std::move(found);
    findings_.Add(problem);
  }

  // Whoever opened the store has read it already: here it is counted.
  void CheckFormat() {
    const absl::StatusOr<std::string> record = view_.Get(storage::FormatKey());
    if (record.ok()) {
      findings_.Count(KeyKind::kFormat, storage::FormatKey(), *record);
      if (const auto format = storage::ParseFormat(*record); format.ok() && *format == format_) return;
    }
    const std::string found = record.ok() ? absl::CHexEscape(*record) : record.status().ToString();
    Add(storage::FormatKey(), "the format record is not that of this store",
        absl::CHexEscape(storage::EncodeFormat(format_)), found);
  }

  // Drawn by each start of a server before anything else, and the first of its deliveries.
  void CheckEpoch() {
    const absl::StatusOr<std::string> record = view_.Get(storage::EpochKey());
    if (absl::IsNotFound(record.status())) {
      if (last_activation_id_ == 0) return;
      return Add(storage::EpochKey(), "there is no epoch record", "one past all deliveries", "none",
                 last_activation_run_);
    }
    if (!record.ok())
      return Add(storage::EpochKey(), "the epoch record cannot be read", "", record.status().ToString());
    findings_.Count(KeyKind::kEpoch, storage::EpochKey(), *record);
    uint64_t epoch = 0;
    if (!absl::SimpleAtoi(*record, &epoch)) {
      return Add(storage::EpochKey(), "the epoch record cannot be read", "a number",
                 absl::CHexEscape(record->substr(0, 80)));
    }
    if (last_activation_id_ < epoch + storage::kEpochStride) return;
    Add(storage::EpochKey(),
        "the epoch is behind what was delivered: deliveries would be mistaken for others",
        absl::StrCat("one of about ", last_activation_id_,
                     ", the activation that the run's last advance answers"),
        absl::StrCat(epoch), last_activation_run_);
  }

  void CheckSessions() {
    const storage::KeyRange range = storage::SessionRange();
    auto it = view_.Scan(range.begin, range.end);
    for (; it->Valid(); it->Next()) {
      findings_.Count(KeyKind::kSession, it->key(), it->value());
      const auto parts = storage::ParseSessionKey(it->key());
      if (!parts.ok()) {
        ReportBadKey(it->key(), KeyKind::kSession, findings_);
        continue;
      }
      const auto record = Parse<records::SessionRecord>(it->value());
      if (!record) {
        ReportBadValue(it->key(), it->value(), KeyKind::kSession, findings_);
      } else if (record->session_id() != parts->session_id) {
        Add(it->key(), "a session row is under a wrong key", absl::StrCat("session ", record->session_id()),
            absl::StrCat("session ", parts->session_id, " in the key"));
      }
    }
    ReportEnd(*it, "", KindWord(KeyKind::kSession), findings_);
  }

  // Everything between the ranges where servers write.
  void CheckStrayKeys() {
    std::string from(1, '\0');
    const auto up_to = [&](std::string_view begin, std::string_view next) {
      CheckStray(from, begin);
      from = next;
    };
    for (uint32_t p = 0; p < format_.partitions; ++p) {
      up_to(storage::KindRange(p, KeyKind::kLog).begin, storage::KindRange(p, KeyKind::kExpiry).end);
    }
    const storage::KeyRange sessions = storage::SessionRange();
    up_to(sessions.begin, sessions.end);
    for (const storage::Key& key : {storage::FormatKey(), storage::EpochKey()}) {
      up_to(key, key.str() + '\0');
    }
    CheckStray(from, std::string(64, '\xff'));
  }

  void CheckStray(std::string_view begin, std::string_view end) {
    auto it = view_.Scan(begin, end);
    for (; it->Valid(); it->Next()) {
      findings_.CountUnknown(it->key(), it->value());
      Add(it->key(), "a key that no server writes",
          absl::StrCat("keys of the partitions 0 to ", format_.partitions - 1, ", and global ones"),
          Hex(it->key().substr(0, 32)));
    }
    ReportEnd(*it, std::string(begin), "remaining", findings_);
  }

  const storage::ReadView& view_;
  const storage::Format format_;
  const VerifyOptions& options_;
  Findings& findings_;
  uint64_t last_activation_id_ = 0;
  RunName last_activation_run_;
};

}  // namespace

void VerifyStore(const storage::ReadView& view, const storage::Format& format, const VerifyOptions& options,
                 Findings& findings) {
  StoreCheck(view, format, options, findings).Run();
}

void VerifyPartition(const storage::ReadView& view, uint32_t partition, uint32_t partitions,
                     const VerifyOptions& options, Findings& findings) {
  Scope scope{view, partition, partitions, options, findings};
  CheckScope(scope);
}

}  // namespace perdure::verify
