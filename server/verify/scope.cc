#include "server/verify/scope.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/verify/key_text.h"

namespace perdure::verify {

std::string Undecodable(std::string_view value) {
  constexpr size_t kShown = 16;
  return absl::StrCat("a value of ", value.size(),
                      " bytes that does not parse: ", Hex(value.substr(0, kShown)),
                      value.size() > kShown ? "..." : "");
}

std::string KeyOf(const Scope& scope, const Mention& mention) {
  if (mention.in_journal) return storage::DirtyKey(scope.partition, mention.at).str();
  const storage::KeyRange range = storage::ExpiryRange(scope.partition, mention.at, mention.at + 1);
  for (auto it = scope.view.Scan(range.begin, range.end); it->Valid(); it->Next()) {
    const auto record = Parse<records::ExpiryRecord>(it->value());
    if (!record) continue;
    for (const records::ClosedRun& closed : record->runs()) {
      if (closed.run() == mention.run) return std::string(it->key());
    }
  }
  return storage::ExpiryKey(scope.partition, mention.at, 0).str();
}

void ReportBadKey(std::string_view key, storage::KeyKind kind, Findings& findings) {
  Problem problem;
  problem.key = key;
  problem.what = "a key cannot be read";
  problem.expected = absl::StrCat("a key of kind ", std::string(KindWord(kind)));
  problem.found = absl::StrCat(key.size(), " bytes that are none");
  findings.Add(problem);
}

void ReportBadValue(std::string_view key, std::string_view value, storage::KeyKind kind, Findings& findings) {
  Problem problem;
  problem.key = key;
  problem.what = absl::StrCat("a record of kind ", std::string(KindWord(kind)), " cannot be read");
  problem.expected = "a record of that kind";
  problem.found = Undecodable(value);
  findings.Add(problem);
}

void ReportEnd(const storage::Iterator& it, std::string key, std::string_view kind, Findings& findings) {
  if (it.status().ok()) return;
  Problem problem;
  problem.key = std::move(key);
  problem.what =
      absl::StrCat("the ", std::string(kind), " rows past this one cannot be read; they were not checked");
  problem.expected = "readable rows";
  problem.found = it.status().ToString();
  findings.Add(problem);
}

}  // namespace perdure::verify
