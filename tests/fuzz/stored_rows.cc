#include "tests/fuzz/stored_rows.h"

#include <string>

#include "storage/keyspace.h"
#include "tests/fuzz/check.h"

namespace perdure::fuzz {
namespace {

using Row = StoredRows::Row;
using namespace storage;  // NOLINT: all of this is about keys

constexpr uint32_t kPartition = 0;

std::string KeyOf(const Row& row) {
  switch (row.key_case()) {
    case Row::kLog:
      return LogKey(kPartition, row.log().run(), row.log().first_event()).str();
    case Row::kHead:
      return HeadKey(kPartition, row.head().run()).str();
    case Row::kNote:
      return NoteKey(kPartition, row.note().run(), row.note().seq()).str();
    case Row::kId:
      return IdKey(kPartition, row.id().namespace_(), row.id().workflow_id()).str();
    case Row::kList:
      return ListKey(kPartition, row.list().namespace_(), row.list().run()).str();
    case Row::kTimer:
      return TimerKey(kPartition, row.timer().due_ms(), row.timer().run()).str();
    case Row::kReady:
      return ReadyKey(kPartition, row.ready().queue(), row.ready().order(), row.ready().run(),
                      row.ready().seq())
          .str();
    case Row::kDirty:
      return DirtyKey(kPartition, row.dirty().commit()).str();
    case Row::kExpiry:
      return ExpiryKey(kPartition, row.expiry().expires_ms(), row.expiry().run()).str();
    case Row::kSession:
      return SessionKey(row.session().session_id()).str();
    case Row::kFormat:
      return FormatKey().str();
    case Row::kEpoch:
      return EpochKey().str();
    case Row::kAny:
      return row.any().key();
    case Row::KEY_NOT_SET:
      return "";
  }
  return "";
}

std::string ValueOf(const Row& row) {
  if (!row.bytes().empty()) return row.bytes();
  switch (row.key_case()) {
    case Row::kLog:
      return row.log().value().SerializeAsString();
    case Row::kHead:
      return row.head().value().SerializeAsString();
    case Row::kNote:
      return row.note().value().SerializeAsString();
    case Row::kId:
      return row.id().value().SerializeAsString();
    case Row::kList:
      return row.list().value().SerializeAsString();
    case Row::kDirty:
      return row.dirty().value().SerializeAsString();
    case Row::kExpiry:
      return row.expiry().value().SerializeAsString();
    default:
      return "";
  }
}

// The parts of a key this program spelled itself.
template <typename Parts>
Parts Known(absl::StatusOr<Parts> parts) {
  Check(parts.ok(), "a key that was written: ", parts.status().ToString());
  return *std::move(parts);
}

// A value that this program wrote.
template <typename Record>
void Read(std::string_view bytes, Record& record) {
  Check(record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())), "a record that was written");
}

Row ToRow(std::string_view key, std::string_view value) {
  Row row;
  switch (KindOf(key).value_or(KeyKind::kFormat)) {
    case KeyKind::kLog: {
      const LogParts p = Known(ParseLogKey(key));
      row.mutable_log()->set_run(p.run);
      row.mutable_log()->set_first_event(p.first_event);
      Read(value, *row.mutable_log()->mutable_value());
      break;
    }
    case KeyKind::kHead:
      row.mutable_head()->set_run(Known(ParseHeadKey(key)).run);
      Read(value, *row.mutable_head()->mutable_value());
      break;
    case KeyKind::kNote: {
      const NoteParts p = Known(ParseNoteKey(key));
      row.mutable_note()->set_run(p.run);
      row.mutable_note()->set_seq(p.seq);
      Read(value, *row.mutable_note()->mutable_value());
      break;
    }
    case KeyKind::kId: {
      const IdParts p = Known(ParseIdKey(key));
      row.mutable_id()->set_namespace_(p.ns);
      row.mutable_id()->set_workflow_id(p.workflow_id);
      Read(value, *row.mutable_id()->mutable_value());
      break;
    }
    case KeyKind::kList: {
      const ListParts p = Known(ParseListKey(key));
      row.mutable_list()->set_namespace_(p.ns);
      row.mutable_list()->set_run(p.run);
      Read(value, *row.mutable_list()->mutable_value());
      break;
    }
    case KeyKind::kTimer: {
      const TimerParts p = Known(ParseTimerKey(key));
      row.mutable_timer()->set_due_ms(p.due_ms);
      row.mutable_timer()->set_run(p.run);
      break;
    }
    case KeyKind::kReady: {
      const ReadyParts p = Known(ParseReadyKey(key));
      row.mutable_ready()->set_queue(p.queue);
      row.mutable_ready()->set_order(p.order);
      row.mutable_ready()->set_run(p.run);
      row.mutable_ready()->set_seq(p.seq);
      break;
    }
    case KeyKind::kDirty:
      row.mutable_dirty()->set_commit(Known(ParseDirtyKey(key)).commit);
      Read(value, *row.mutable_dirty()->mutable_value());
      break;
    case KeyKind::kExpiry: {
      const ExpiryParts p = Known(ParseExpiryKey(key));
      row.mutable_expiry()->set_expires_ms(p.expires_ms);
      row.mutable_expiry()->set_run(p.run);
      Read(value, *row.mutable_expiry()->mutable_value());
      break;
    }
    default:
      row.mutable_any()->set_key(std::string(key));
      row.set_bytes(std::string(value));
      break;
  }
  return row;
}

}  // namespace

void WriteRows(const StoredRows& rows, Store& store) {
  Batch batch;
  for (const Row& row : rows.rows()) {
    if (const std::string key = KeyOf(row); !key.empty()) batch.Put(key, ValueOf(row));
  }
  Check(batch.empty() || store.Commit({&batch}).ok(), "the rows cannot be written");
}

StoredRows ReadRows(const ReadView& store) {
  StoredRows rows;
  for (auto it = store.Scan(std::string_view("\0", 1), std::string(64, '\xff')); it->Valid(); it->Next())
    *rows.add_rows() = ToRow(it->key(), it->value());
  return rows;
}

}  // namespace perdure::fuzz
