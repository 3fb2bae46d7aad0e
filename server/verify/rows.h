// Looking through the rows of a store: those of some runs, or those whose keys begin in some way.
#ifndef PERDURE_SERVER_VERIFY_ROWS_H_
#define PERDURE_SERVER_VERIFY_ROWS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/format.h"
#include "storage/store.h"

namespace google::protobuf {
class Message;
}

namespace perdure::verify {

// Partition and run number.
using RunPlace = std::pair<uint32_t, uint64_t>;

// Which rows to show: those that pass every part that is set.
struct RowFilter {
  // Of the key's text (KeyText): "0/log/17/".
  std::string prefix;
  // Only rows that name one of `runs`, or the workflow `workflow_id` of `ns`.
  bool by_run = false;
  std::set<RunPlace> runs;
  std::string ns;
  std::string workflow_id;
};

// The run numbers or run id that `run` spells, wherever there are such runs. InvalidArgument: it is neither.
// NotFound: there is no such run.
absl::StatusOr<std::set<RunPlace>> FindRuns(const storage::ReadView& view, const storage::Format& format,
                                            const std::string& run);
// All runs of a workflow. NotFound: there is none.
absl::StatusOr<std::set<RunPlace>> FindRunsOf(const storage::ReadView& view, const storage::Format& format,
                                              const std::string& ns, const std::string& workflow_id);

// Calls visit(key, value) for each row that passes, until it returns false. In the order of the keys, but
// rows of chosen runs come run by run first. Reads no more than it must. An error of the store ends it.
absl::Status ForEachRow(const storage::ReadView& view, const RowFilter& filter,
                        const std::function<bool(std::string_view key, std::string_view value)>& visit);

// What the value says. Null: the key's kind keeps no message, or the value cannot be read.
std::unique_ptr<google::protobuf::Message> DecodeValue(std::string_view key, std::string_view value);

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_ROWS_H_
