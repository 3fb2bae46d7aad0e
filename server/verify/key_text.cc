#include "server/verify/key_text.h"

#include <algorithm>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace perdure::verify {
namespace {

using storage::KeyKind;

std::string Escaped(std::string_view name) { return absl::Utf8SafeCHexEscape({name.data(), name.size()}); }

std::string QueueText(std::string queue) {
  std::replace(queue.begin(), queue.end(), '\0', ',');
  return Escaped(queue);
}

// The fields after the kind; nothing if they are not those of this kind.
std::optional<std::string> Fields(KeyKind kind, std::string_view key) {
  switch (kind) {
    case KeyKind::kLog:
      if (const auto p = storage::ParseLogKey(key); p.ok()) return absl::StrCat(p->run, "/", p->first_event);
      break;
    case KeyKind::kHead:
      if (const auto p = storage::ParseHeadKey(key); p.ok()) return absl::StrCat(p->run);
      break;
    case KeyKind::kNote:
      if (const auto p = storage::ParseNoteKey(key); p.ok()) return absl::StrCat(p->run, "/", p->seq);
      break;
    case KeyKind::kId:
      if (const auto p = storage::ParseIdKey(key); p.ok())
        return absl::StrCat(Escaped(p->ns), "/", Escaped(p->workflow_id));
      break;
    case KeyKind::kList:
      if (const auto p = storage::ParseListKey(key); p.ok()) return absl::StrCat(Escaped(p->ns), "/", p->run);
      break;
    case KeyKind::kTimer:
      if (const auto p = storage::ParseTimerKey(key); p.ok()) return absl::StrCat(p->due_ms, "/", p->run);
      break;
    case KeyKind::kReady:
      if (const auto p = storage::ParseReadyKey(key); p.ok())
        return absl::StrCat(QueueText(p->queue), "/", p->order, "/", p->run, "/", p->seq);
      break;
    case KeyKind::kDirty:
      if (const auto p = storage::ParseDirtyKey(key); p.ok()) return absl::StrCat(p->commit);
      break;
    case KeyKind::kExpiry:
      if (const auto p = storage::ParseExpiryKey(key); p.ok())
        return absl::StrCat(p->expires_ms, "/", p->run);
      break;
    case KeyKind::kSession:
      if (const auto p = storage::ParseSessionKey(key); p.ok()) return Escaped(p->session_id);
      break;
    case KeyKind::kFormat:
      if (key == storage::FormatKey().view()) return "";
      break;
    case KeyKind::kEpoch:
      if (key == storage::EpochKey().view()) return "";
      break;
  }
  return std::nullopt;
}

}  // namespace

std::string Hex(std::string_view bytes) { return absl::BytesToHexString({bytes.data(), bytes.size()}); }

std::string_view KindWord(KeyKind kind) {
  switch (kind) {
    case KeyKind::kLog:
      return "log";
    case KeyKind::kHead:
      return "head";
    case KeyKind::kNote:
      return "note";
    case KeyKind::kId:
      return "id";
    case KeyKind::kList:
      return "list";
    case KeyKind::kTimer:
      return "timer";
    case KeyKind::kReady:
      return "ready";
    case KeyKind::kDirty:
      return "dirty";
    case KeyKind::kExpiry:
      return "expiry";
    case KeyKind::kSession:
      return "session";
    case KeyKind::kFormat:
      return "format";
    case KeyKind::kEpoch:
      return "epoch";
  }
  return "unknown";
}

std::string KeyText(std::string_view key) {
  const std::optional<KeyKind> kind = storage::KindOf(key);
  const std::optional<std::string> fields = kind ? Fields(*kind, key) : std::nullopt;
  if (!fields) return absl::StrCat("unknown/", Hex(key));
  const auto partition =
      static_cast<uint32_t>(static_cast<uint8_t>(key[0]) << 8 | static_cast<uint8_t>(key[1]));
  const std::string_view word = KindWord(*kind);
  return absl::StrCat(partition == storage::kGlobalPartition ? "global" : absl::StrCat(partition), "/",
                      absl::string_view(word.data(), word.size()), fields->empty() ? "" : "/", *fields);
}

}  // namespace perdure::verify
