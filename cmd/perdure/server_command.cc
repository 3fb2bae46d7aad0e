// perdure server info.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cmd/perdure/commands.h"
#include "cmd/perdure/errors.h"
#include "cmd/perdure/table.h"
#include "cmd/perdure/text.h"
#include "cmd/perdure/time_text.h"

namespace perdure::cli {
namespace {

std::string SessionState(const v1::SessionInfo& session) {
  if (!session.connected()) return "lost";
  return session.draining() ? "draining" : "connected";
}

std::string FormatSessions(const v1::GetServerInfoResponse& info, const Style& style, int64_t now_ms) {
  if (info.sessions().empty()) return "";
  Table table({{"WORKER"},
               {"NAMESPACE"},
               {"TASK QUEUE"},
               {"STATE"},
               {"SINCE"},
               {"ACTIVATIONS", Table::Align::kRight},
               {"TASKS", Table::Align::kRight},
               {"BUILD"},
               {"HOSTS"}});
  for (const v1::SessionInfo& s : info.sessions()) {
    const std::string state = SessionState(s);
    table.Add({s.identity(),
               s.namespace_(),
               s.task_queue(),
               {state == "connected" ? Tone::kGood : Tone::kWarning, state},
               RelativeTime(s.connected_unix_ms(), now_ms),
               absl::StrCat(s.activations_out(), "/", s.max_activations()),
               absl::StrCat(s.tasks_out(), "/", s.max_tasks()),
               s.build_id(),
               absl::StrCat(Plural(s.workflow_types_size(), "workflow type"), ", ",
                            Plural(s.task_types_size(), "task type"))});
  }
  return absl::StrCat("\n", style(Tone::kStrong, "Worker sessions"), "\n", table.Format(style, 2));
}

std::string FormatQueues(const v1::GetServerInfoResponse& info, const Style& style) {
  if (info.queues().empty()) return "";
  Table table({{"NAMESPACE"},
               {"TASK QUEUE"},
               {"KIND"},
               {"TYPE"},
               {"WAITING", Table::Align::kRight},
               {"ON DISK", Table::Align::kRight},
               {"OLDEST", Table::Align::kRight},
               {"WORKERS", Table::Align::kRight}});
  std::vector<v1::QueueInfo> queues(info.queues().begin(), info.queues().end());
  std::sort(queues.begin(), queues.end(), [](const v1::QueueInfo& a, const v1::QueueInfo& b) {
    const auto key = [](const v1::QueueInfo& q) {
      return std::tie(q.namespace_(), q.task_queue(), q.kind(), q.type());
    };
    return key(a) < key(b);
  });
  for (const v1::QueueInfo& q : queues) {
    const bool waiting = q.depth() > 0 || q.spilled() > 0;
    const Tone tone = waiting && q.sessions() == 0 ? Tone::kWarning : Tone::kPlain;
    table.Add({q.namespace_(),
               q.task_queue(),
               q.kind(),
               q.type(),
               {tone, absl::StrCat(q.depth())},
               absl::StrCat(q.spilled()),
               q.depth() > 0 ? ShortDuration(q.age_ms()) : "",
               {tone, absl::StrCat(q.sessions())}});
  }
  return absl::StrCat("\n", style(Tone::kStrong, "Task queues"), "\n", table.Format(style, 2));
}

absl::StatusOr<int> Info(Context& context) {
  const auto response = context.client.GetServerInfo(context.CallTimeoutMs());
  if (!response.ok()) return Annotate(response.status(), "cannot get the server's state");
  if (context.globals.json) {
    context.PrintJson(*response);
    return kExitOk;
  }
  const v1::GetServerInfoResponse& info = *response;
  const int64_t now_ms = context.environment.now_unix_ms();
  const Style& style = context.style;
  context.environment.out << style(Tone::kStrong, "perdured " + Printable(info.version())) << " at "
                          << Printable(context.globals.address) << ", " << Printable(info.state()) << "\n"
                          << "  started     " << FullTime(info.started_unix_ms(), now_ms) << "\n"
                          << "  partitions  " << info.partitions() << "\n"
                          << "  data        " << Printable(info.data_dir()) << "\n"
                          << FormatSessions(info, style, now_ms) << FormatQueues(info, style);
  if (info.sessions().empty()) context.environment.out << "\n  no worker is connected\n";
  return kExitOk;
}

}  // namespace

void AddServerCommands(CLI::App& app, Command& chosen) {
  CLI::App& server = *app.add_subcommand("server", "look at the server");
  server.require_subcommand(1);
  CLI::App& info = *server.add_subcommand("info", "version, worker sessions and task queues");
  info.callback([&chosen] { chosen = &Info; });
}

}  // namespace perdure::cli
