// What must be true of a partition's rows at every commit: what the offline verifier says of them.
#include "absl/strings/str_cat.h"
#include "server/verify/key_text.h"
#include "server/verify/verify.h"
#include "tests/unit/partition/disk.h"

namespace perdure::partition::testing {

using storage::KeyKind;

std::vector<std::string> Disk::Problems() const {
  std::vector<std::string> problems;
  verify::Findings findings([&](const verify::Problem& p) {
    problems.push_back(absl::StrCat("run ", p.run.run, ", row ", verify::KeyText(p.key), ": ", p.what,
                                    ": expected ", p.expected, ", found ", p.found));
  });
  verify::VerifyOptions options;
  options.request_ids_per_run_max = engine::Limits().request_ids_per_run_max;
  verify::VerifyPartition(view_, partition_, partitions_, options, findings);
  return problems;
}

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
