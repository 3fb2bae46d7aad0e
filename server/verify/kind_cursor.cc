#include "server/verify/kind_cursor.h"

#include <optional>

#include "server/verify/key_text.h"

namespace perdure::verify {
namespace {

std::optional<uint64_t> RunIn(storage::KeyKind kind, std::string_view key) {
  switch (kind) {
    case storage::KeyKind::kLog:
      if (const auto parts = storage::ParseLogKey(key); parts.ok()) return parts->run;
      break;
    case storage::KeyKind::kHead:
      if (const auto parts = storage::ParseHeadKey(key); parts.ok()) return parts->run;
      break;
    case storage::KeyKind::kNote:
      if (const auto parts = storage::ParseNoteKey(key); parts.ok()) return parts->run;
      break;
    default:
      break;
  }
  return std::nullopt;
}

}  // namespace

KindCursor::KindCursor(Scope& scope, storage::KeyKind kind) : scope_(scope), kind_(kind) {
  const storage::KeyRange range = storage::KindRange(scope.partition, kind);
  it_ = scope.view.Scan(range.begin, range.end);
  Read();
}

void KindCursor::Next() {
  it_->Next();
  Read();
}

void KindCursor::Read() {
  run_ = UINT64_MAX;
  for (; it_->Valid(); it_->Next()) {
    scope_.findings.Count(kind_, it_->key(), it_->value());
    last_key_ = it_->key();
    if (const std::optional<uint64_t> run = RunIn(kind_, it_->key()); run) {
      run_ = *run;
      return;
    }
    ReportBadKey(it_->key(), kind_, scope_.findings);
  }
  ReportEnd(*it_, last_key_, KindWord(kind_), scope_.findings);
}

}  // namespace perdure::verify
