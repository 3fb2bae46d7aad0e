// Keys for people: "0/log/17/5" is the record of run number 17 in partition 0 that begins with its event 5.
//
//   P/log/RUN/EVENT   P/head/RUN   P/note/RUN/SEQ   P/id/NAMESPACE/WORKFLOW_ID   P/list/NAMESPACE/RUN
//   P/timer/DUE/RUN   P/ready/QUEUE/ORDER/RUN/SEQ   P/dirty/COMMIT   P/expiry/TIME/RUN
//   global/session/ID   global/format   global/epoch   unknown/HEX
//
// A queue is NAMESPACE,TASK_QUEUE,w or t,TYPE. Bytes that cannot be printed are escaped (\x00). For display
// and for filters: a name may hold a slash or a comma, so it cannot be read back.
#ifndef PERDURE_SERVER_VERIFY_KEY_TEXT_H_
#define PERDURE_SERVER_VERIFY_KEY_TEXT_H_

#include <string>
#include <string_view>

#include "storage/keyspace.h"

namespace perdure::verify {

std::string KeyText(std::string_view key);

// The word for a kind: "log".
std::string_view KindWord(storage::KeyKind kind);

// Lower-case hexadecimal.
std::string Hex(std::string_view bytes);

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_KEY_TEXT_H_
