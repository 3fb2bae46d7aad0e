// perdure workflow list, count.
#include <CLI/CLI.hpp>
#include <limits>
#include <map>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "cmd/perdure/commands.h"
#include "cmd/perdure/errors.h"
#include "cmd/perdure/json_output.h"
#include "cmd/perdure/options.h"
#include "cmd/perdure/status_text.h"
#include "cmd/perdure/table.h"
#include "cmd/perdure/text.h"
#include "cmd/perdure/time_text.h"
#include "server/base/status_macros.h"

namespace perdure::cli {
namespace {

constexpr int kPageRows = 1000;

struct ListOptions {
  std::vector<std::string> statuses;
  std::string type;
  std::string task_queue;
  std::string id;
  std::string id_prefix;
  std::string since;
  int limit = 20;
};

void AddFilter(CLI::App& command, ListOptions& options) {
  command
      .add_option(
          "--status", options.statuses,
          "running, completed, failed, cancelled, terminated, timed-out or continued; may be repeated")
      ->take_all()
      ->delimiter(',');
  command.add_option("--type", options.type, "only this workflow type");
  command.add_option("--task-queue", options.task_queue, "only this task queue");
  command.add_option("--id", options.id, "only the runs of this workflow id");
  command.add_option("--id-prefix", options.id_prefix, "only workflow ids that begin so");
  command.add_option("--since", options.since, "only those started within this time, such as 2h");
}

absl::StatusOr<v1::WorkflowFilter> BuildFilter(Context& context, const ListOptions& options) {
  v1::WorkflowFilter filter;
  for (const std::string& word : options.statuses) {
    ASSIGN_OR_RETURN(const int index, ReadChoice("--status", word, StatusWords()));
    filter.add_statuses(static_cast<v1::RunStatus>(index + 1));
  }
  filter.set_workflow_type(options.type);
  filter.set_task_queue(options.task_queue);
  filter.set_workflow_id(options.id);
  filter.set_workflow_id_prefix(options.id_prefix);
  ASSIGN_OR_RETURN(const int64_t since_ms, ReadDuration("--since", options.since));
  if (since_ms > 0)
    filter.set_started_from_unix_ms(std::max<int64_t>(context.environment.now_unix_ms() - since_ms, 1));
  return filter;
}

struct Listed {
  std::vector<v1::WorkflowSummary> rows;
  bool more = false;
};

absl::StatusOr<Listed> Fetch(Context& context, const v1::WorkflowFilter& filter, int limit) {
  Listed listed;
  v1::ListWorkflowsRequest request;
  request.set_namespace_(context.globals.name_space);
  *request.mutable_filter() = filter;
  do {
    const int left = limit > 0 ? limit - static_cast<int>(listed.rows.size()) : kPageRows;
    request.set_page_size(std::min(left, kPageRows));
    const auto page = context.client.List(request, context.CallTimeoutMs());
    if (!page.ok()) return Annotate(page.status(), "cannot list workflows");
    listed.rows.insert(listed.rows.end(), page->workflows().begin(), page->workflows().end());
    request.set_page_token(page->next_page_token());
    const bool full = limit > 0 && static_cast<int>(listed.rows.size()) >= limit;
    listed.more = full && !request.page_token().empty();
    if (full) break;
  } while (!request.page_token().empty());
  return listed;
}

std::string FormatRows(const Context& context, const std::vector<v1::WorkflowSummary>& rows) {
  const int64_t now_ms = context.environment.now_unix_ms();
  Table table({{"STATUS"},
               {"WORKFLOW ID"},
               {"TYPE"},
               {"TASK QUEUE"},
               {"STARTED"},
               {"AGE", Table::Align::kRight},
               {"TOOK", Table::Align::kRight},
               {"RUN ID"}});
  for (const v1::WorkflowSummary& row : rows) {
    const bool closed = row.close_time_unix_ms() > 0;
    const int64_t took_ms = Between(row.start_time_unix_ms(), closed ? row.close_time_unix_ms() : now_ms);
    table.Add({{StatusTone(row.status()), StatusText(row.status())},
               row.workflow_id(),
               row.workflow_type(),
               row.task_queue(),
               AbsoluteTime(row.start_time_unix_ms()),
               ShortDuration(Between(row.start_time_unix_ms(), now_ms)),
               closed ? ShortDuration(took_ms) : "",
               {Tone::kFaint, row.run_id()}});
  }
  return table.Format(context.style);
}

absl::StatusOr<int> List(Context& context, const ListOptions& options) {
  ASSIGN_OR_RETURN(const v1::WorkflowFilter filter, BuildFilter(context, options));
  ASSIGN_OR_RETURN(const Listed listed, Fetch(context, filter, options.limit));
  std::ostream& out = context.environment.out;
  if (context.globals.json) {
    std::string json = "[";
    for (const v1::WorkflowSummary& row : listed.rows) {
      absl::StrAppend(&json, json.size() > 1 ? "," : "", MessageToJson(row));
    }
    context.PrintJson(json + "]");
    return kExitOk;
  }
  if (listed.rows.empty()) {
    out << "no workflows match\n";
    return kExitOk;
  }
  out << FormatRows(context, listed.rows);
  if (listed.more) {
    out << context.style(Tone::kFaint, absl::StrCat("the newest ", listed.rows.size(),
                                                    "; --limit N shows more, --limit 0 all"))
        << "\n";
  }
  return kExitOk;
}

absl::StatusOr<int> Count(Context& context, const ListOptions& options) {
  v1::CountWorkflowsRequest request;
  request.set_namespace_(context.globals.name_space);
  ASSIGN_OR_RETURN(*request.mutable_filter(), BuildFilter(context, options));
  auto response = context.client.Count(request, context.CallTimeoutMs());
  if (!response.ok()) return Annotate(response.status(), "cannot count workflows");
  // The server names statuses by their enum values.
  std::map<std::string, int64_t> by_status;
  for (const auto& [name, count] : response->by_status()) by_status[EnumWord(name, "RunStatus")] = count;
  response->clear_by_status();
  for (const auto& [word, count] : by_status) (*response->mutable_by_status())[word] = count;
  if (context.globals.json) {
    context.PrintJson(*response);
    return kExitOk;
  }
  Table table({{"STATUS"}, {"WORKFLOWS", Table::Align::kRight}});
  for (const auto& [status, count] : by_status) table.Add({status, absl::StrCat(count)});
  table.Add({{Tone::kStrong, "total"}, {Tone::kStrong, absl::StrCat(response->count())}});
  context.environment.out << table.Format(context.style);
  return kExitOk;
}

}  // namespace

void AddListCommands(CLI::App& workflow, Command& chosen) {
  CLI::App& list = *workflow.add_subcommand("list", "list workflows, newest first");
  auto options = std::make_shared<ListOptions>();
  AddFilter(list, *options);
  CLI::Option& limit = *list.add_option("--limit", options->limit, "at most so many; 0: all");
  limit.capture_default_str();
  TakesWhole(limit, 0, std::numeric_limits<int>::max());
  list.footer("Example: perdure workflow list --status failed --since 1h");
  list.callback(
      [&chosen, options] { chosen = [options](Context& context) { return List(context, *options); }; });

  CLI::App& count = *workflow.add_subcommand("count", "count workflows, by status");
  auto count_options = std::make_shared<ListOptions>();
  AddFilter(count, *count_options);
  count.callback([&chosen, count_options] {
    chosen = [count_options](Context& context) { return Count(context, *count_options); };
  });
}

}  // namespace perdure::cli
