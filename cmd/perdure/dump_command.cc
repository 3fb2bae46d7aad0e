// perdure admin dump.
#include <CLI/CLI.hpp>
#include <limits>
#include <memory>
#include <optional>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "cmd/perdure/commands.h"
#include "cmd/perdure/json_output.h"
#include "cmd/perdure/options.h"
#include "cmd/perdure/store_at_rest.h"
#include "cmd/perdure/text.h"
#include "google/protobuf/message.h"
#include "server/base/status_macros.h"
#include "server/base/utf8.h"
#include "server/verify/key_text.h"
#include "server/verify/rows.h"
#include "storage/keyspace.h"

namespace perdure::cli {
namespace {

constexpr size_t kPayloadBytesShown = 60;

struct DumpOptions {
  std::string data_dir;
  std::string prefix;
  std::string run;
  std::string workflow_id;
  int64_t limit = 0;
};

// What a value says, as JSON. Records as messages, what is no record as text, what cannot be read as bytes.
std::string ValueJson(std::string_view key, std::string_view value) {
  if (const auto record = verify::DecodeValue(key, value)) return MessageToJson(*record, kPayloadBytesShown);
  if (value.empty()) return "null";
  const std::optional<storage::KeyKind> kind = storage::KindOf(key);
  const bool text = kind == storage::KeyKind::kFormat || kind == storage::KeyKind::kEpoch;
  std::string out;
  if (text) {
    base::AppendJsonString(out, value);
    return out;
  }
  return absl::StrCat("{\"unreadable_hex\":\"", verify::Hex(value), "\"}");
}

std::string RowJson(std::string_view key, std::string_view value) {
  std::string out = "{\"row\":";
  base::AppendJsonString(out, verify::KeyText(key));
  absl::StrAppend(&out, ",\"key_hex\":\"", verify::Hex(key), "\",\"bytes\":", value.size(),
                  ",\"value\":", ValueJson(key, value), "}");
  return out;
}

absl::StatusOr<verify::RowFilter> ReadFilter(const Context& context, const DumpOptions& options,
                                             const StoreAtRest& at_rest) {
  verify::RowFilter filter;
  filter.prefix = options.prefix;
  filter.by_run = !options.run.empty() || !options.workflow_id.empty();
  if (!options.run.empty()) {
    ASSIGN_OR_RETURN(filter.runs, verify::FindRuns(*at_rest.store, at_rest.format, options.run));
  }
  if (!options.workflow_id.empty()) {
    filter.ns = context.globals.name_space;
    filter.workflow_id = options.workflow_id;
    ASSIGN_OR_RETURN(std::set<verify::RunPlace> runs,
                     verify::FindRunsOf(*at_rest.store, at_rest.format, filter.ns, filter.workflow_id));
    filter.runs.merge(runs);
  }
  return filter;
}

absl::StatusOr<int> Dump(Context& context, const DumpOptions& options) {
  ASSIGN_OR_RETURN(const StoreAtRest at_rest, OpenAtRest(options.data_dir));
  ASSIGN_OR_RETURN(const verify::RowFilter filter, ReadFilter(context, options, at_rest));
  std::ostream& out = context.environment.out;
  int64_t shown = 0;
  RETURN_IF_ERROR(
      verify::ForEachRow(*at_rest.store, filter, [&](std::string_view key, std::string_view value) {
        if (context.globals.json) {
          out << RowJson(key, value) << "\n";
        } else {
          out << Printable(verify::KeyText(key)) << "  "
              << context.style(Tone::kFaint, Printable(ValueJson(key, value))) << "\n";
        }
        ++shown;
        return out.good() && (options.limit == 0 || shown < options.limit);
      }));
  return kExitOk;
}

}  // namespace

void AddDumpCommand(CLI::App& admin, Command& chosen) {
  CLI::App& dump = *admin.add_subcommand("dump", "show what is stored, one row a line; reads only");
  auto options = std::make_shared<DumpOptions>();
  AddDataDir(dump, options->data_dir);
  dump.add_option("--prefix", options->prefix, "only rows that begin so, such as 0/log/17/");
  dump.add_option("--run", options->run, "only rows that name this run, by its run id or its number");
  dump.add_option("--workflow-id", options->workflow_id, "only rows that name a run of this workflow");
  CLI::Option& limit = *dump.add_option("--limit", options->limit, "at most so many rows; 0: all");
  limit.capture_default_str();
  TakesWhole(limit, 0, std::numeric_limits<int64_t>::max());
  dump.footer(
      "A row is PARTITION/KIND/FIELDS and its value as JSON; long payloads are shown by their beginning. "
      "With\n"
      "--output json each line is a JSON object.\n"
      "Example: perdure admin dump --data-dir /var/lib/perdure --workflow-id order-1");
  dump.callback(
      [&chosen, options] { chosen = [options](Context& context) { return Dump(context, *options); }; });
}

}  // namespace perdure::cli
