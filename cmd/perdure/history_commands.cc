// perdure workflow history, watch.
#include <CLI/CLI.hpp>
#include <limits>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "cmd/perdure/commands.h"
#include "cmd/perdure/errors.h"
#include "cmd/perdure/history_view.h"
#include "cmd/perdure/json_output.h"
#include "cmd/perdure/options.h"
#include "cmd/perdure/patience.h"
#include "cmd/perdure/text.h"
#include "cmd/perdure/time_text.h"
#include "server/base/utf8.h"

namespace perdure::cli {
namespace {

struct HistoryOptions {
  RunOptions run;
  bool full = false;
  int64_t from = 1;
};

std::string Title(const Context& context, const RunOptions& run, const std::string& run_id,
                  const v1::Event& first) {
  std::string text = absl::StrCat(context.style(Tone::kStrong, Printable(run.workflow_id)), "  ",
                                  context.style(Tone::kFaint, absl::StrCat("run ", Printable(run_id))));
  if (first.has_run_started()) {
    absl::StrAppend(&text, "  started ", FullTime(first.time_unix_ms(), context.environment.now_unix_ms()));
  }
  return text + "\n";
}

// Writes events as they come: a table for people, or JSON.
class EventWriter {
 public:
  EventWriter(Context& context, const HistoryOptions& options)
      : context_(context), options_(options), view_(context.style, context.environment.width, options.full) {}
  virtual ~EventWriter() = default;

  void Write(const v1::Event& event, const std::string& run_id) {
    if (context_.globals.json) {
      WriteJson(MessageToJson(event), run_id);
    } else {
      if (is_first_) context_.environment.out << Title(context_, options_.run, run_id, event);
      const std::string lines = view_.Format(event);
      if (event.event_id() >= options_.from) context_.environment.out << lines;
    }
    is_first_ = false;
  }

 protected:
  virtual void WriteJson(const std::string& event, const std::string& run_id) = 0;

  bool is_first() const { return is_first_; }
  Context& context_;
  const HistoryOptions& options_;

 private:
  HistoryView view_;
  bool is_first_ = true;
};

// One document, one event a line, so that a long history need not be held in memory.
class DocumentWriter : public EventWriter {
 public:
  using EventWriter::EventWriter;

  void Finish() {
    if (context_.globals.json) context_.environment.out << (written_ ? "\n]}" : "[]}") << "\n";
  }
  // Before the first event.
  void Begin(const std::string& run_id) {
    if (!context_.globals.json) return;
    std::string head = "{\"workflow_id\":";
    base::AppendJsonString(head, options_.run.workflow_id);
    head += ",\"run_id\":";
    base::AppendJsonString(head, run_id);
    context_.environment.out << head << ",\"events\":";
  }

 protected:
  void WriteJson(const std::string& event, const std::string&) override {
    context_.environment.out << (written_ ? ",\n" : "[\n") << event;
    written_ = true;
  }

 private:
  bool written_ = false;
};

class LineWriter : public EventWriter {
 public:
  using EventWriter::EventWriter;

 protected:
  void WriteJson(const std::string& event, const std::string&) override {
    context_.environment.out << event << std::endl;
  }
};

absl::StatusOr<int> History(Context& context, const HistoryOptions& options) {
  v1::GetHistoryRequest request;
  request.set_namespace_(context.globals.name_space);
  *request.mutable_execution() = options.run.Execution();
  DocumentWriter writer(context, options);
  bool begun = false;
  do {
    const auto page = context.client.GetHistory(request, context.CallTimeoutMs());
    if (!page.ok())
      return Annotate(page.status(), absl::StrCat("cannot read the history of ", options.run.Name()));
    if (!begun) writer.Begin(page->run_id());
    begun = true;
    for (const v1::Event& event : page->events()) {
      const bool skip = context.globals.json && event.event_id() < options.from;
      if (!skip) writer.Write(event, page->run_id());
    }
    request.mutable_execution()->set_run_id(page->run_id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  writer.Finish();
  return kExitOk;
}

absl::StatusOr<int> Watch(Context& context, const HistoryOptions& options) {
  v1::WatchWorkflowRequest request;
  request.set_namespace_(context.globals.name_space);
  *request.mutable_execution() = options.run.Execution();
  request.set_from_event_id(options.from);
  LineWriter writer(context, options);
  Patience patience(context, /*reached_before=*/false);
  const int64_t start_ms = context.environment.now_unix_ms();
  while (true) {
    const absl::Status status = context.client.Watch(
        request, context.globals.timeout_ms, [&](const v1::WatchWorkflowResponse& response) {
          patience.Reached();
          for (const v1::Event& event : response.events()) {
            writer.Write(event, response.run_id());
            request.set_from_event_id(event.event_id() + 1);
          }
          request.mutable_execution()->set_run_id(response.run_id());
          context.environment.out << std::flush;
        });
    if (status.ok()) return kExitOk;
    const int64_t watched_ms = context.environment.now_unix_ms() - start_ms;
    if (context.globals.timeout_ms > 0 && watched_ms >= context.globals.timeout_ms) {
      return absl::AbortedError(
          absl::StrCat(options.run.Name(), " is still running after ", ShortDuration(watched_ms)));
    }
    if (!patience.KeepTrying(status))
      return Annotate(status, absl::StrCat("cannot watch ", options.run.Name()));
  }
}

}  // namespace

void AddHistoryCommands(CLI::App& workflow, Command& chosen) {
  const auto add = [&](const char* name, const char* about,
                       absl::StatusOr<int> (*run)(Context&, const HistoryOptions&)) {
    CLI::App& command = *workflow.add_subcommand(name, about);
    auto options = std::make_shared<HistoryOptions>();
    RunOptions::Add(command, options->run);
    command.add_flag("--full", options->full, "do not cut lines to the terminal's width");
    CLI::Option& from = *command.add_option("--from", options->from, "from this event id on");
    from.capture_default_str();
    TakesWhole(from, 1, std::numeric_limits<int64_t>::max());
    command.callback([&chosen, options, run] {
      chosen = [options, run](Context& context) { return run(context, *options); };
    });
  };
  add("history", "show what happened to a workflow, event by event", &History);
  add("watch", "show events as they happen, until the workflow closes", &Watch);
}

}  // namespace perdure::cli
