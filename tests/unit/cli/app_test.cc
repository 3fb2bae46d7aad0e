// The commands, from arguments to request and from answer to text.
#include "cmd/perdure/app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/cli/fake_service.h"

namespace perdure::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(CliTest, StartSendsWhatWasAsked) {
  answers_.start.set_run_id("run-1");
  answers_.start.set_started(true);
  const Outcome outcome = Run({"workflow",
                               "start",
                               "--type",
                               "fulfil",
                               "--task-queue",
                               "orders",
                               "--id",
                               "order-1",
                               "--input",
                               "{\"n\": 1}",
                               "--run-timeout",
                               "30m",
                               "--start-delay",
                               "1.5s",
                               "--retry-max-attempts",
                               "3",
                               "--memo",
                               "who=ann",
                               "--memo",
                               "n=1",
                               "--id-reuse",
                               "allow-if-failed",
                               "--id-conflict",
                               "use-existing",
                               "--retention=1d"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "started order-1  run run-1\n");
  const v1::StartWorkflowRequest& request = answers_.start_request;
  EXPECT_EQ(request.namespace_(), "default");
  EXPECT_EQ(request.workflow_type(), "fulfil");
  EXPECT_EQ(request.task_queue(), "orders");
  EXPECT_EQ(request.workflow_id(), "order-1");
  EXPECT_EQ(request.input().data(), "{\"n\":1}");
  EXPECT_EQ(request.run_timeout_ms(), 1'800'000);
  EXPECT_EQ(request.start_delay_ms(), 1500);
  EXPECT_EQ(request.retention_ms(), 86'400'000);
  EXPECT_EQ(request.retry_policy().max_attempts(), 3);
  EXPECT_EQ(request.memo().at("who").data(), "\"ann\"");
  EXPECT_EQ(request.memo().at("n").data(), "1");
  EXPECT_EQ(request.id_reuse_policy(), v1::ID_REUSE_POLICY_ALLOW_IF_FAILED);
  EXPECT_EQ(request.id_conflict_policy(), v1::ID_CONFLICT_POLICY_USE_EXISTING);
  EXPECT_EQ(request.request_id().size(), 32u);
  EXPECT_THAT(request.identity(), StartsWith("ann@"));
}

TEST_F(CliTest, StartMakesUpAnIdAndTellsOldFromNew) {
  answers_.start.set_run_id("run-1");
  EXPECT_EQ(Run({"workflow", "start", "--type", "fulfil"}).out,
            "already started fulfil-r0000000  run run-1\n");
  EXPECT_EQ(answers_.start_request.task_queue(), "default");
  EXPECT_FALSE(answers_.start_request.has_input());
  const Outcome outcome = Run({"--namespace", "shop", "workflow", "start", "--type", "fulfil", "-o", "json"});
  EXPECT_EQ(json::parse(outcome.out),
            (json{{"workflow_id", "fulfil-r0000000"}, {"run_id", "run-1"}, {"started", false}}));
  EXPECT_EQ(answers_.start_request.namespace_(), "shop");
}

TEST_F(CliTest, SignalWithStartSendsBoth) {
  answers_.signal_with_start.set_run_id("run-1");
  const Outcome outcome = Run({"workflow", "signal-with-start", "--type", "cart", "--id", "c", "--signal",
                               "add", "--signal-input", "7"});
  EXPECT_EQ(outcome.out, "signalled c  run run-1\n");
  EXPECT_EQ(answers_.signal_with_start_request.signal_name(), "add");
  EXPECT_EQ(answers_.signal_with_start_request.signal_input().data(), "7");
  EXPECT_EQ(answers_.signal_with_start_request.start().workflow_type(), "cart");
}

TEST_F(CliTest, SignalCancelAndTerminateNameTheRun) {
  stdin_ = "[1]";
  EXPECT_EQ(Run({"workflow", "signal", "w", "go", "--input", "-", "--run-id", "r"}).out, "signalled w\n");
  EXPECT_EQ(answers_.signal_request.execution().run_id(), "r");
  EXPECT_EQ(answers_.signal_request.signal_name(), "go");
  EXPECT_EQ(answers_.signal_request.input().data(), "[1]");
  EXPECT_EQ(Run({"workflow", "cancel", "--id", "w", "--reason", "why"}).out, "asked to cancel w\n");
  EXPECT_EQ(answers_.cancel_request.reason(), "why");
  EXPECT_EQ(Run({"workflow", "terminate", "w"}).out, "terminated w\n");
  EXPECT_EQ(answers_.terminate_request.execution().workflow_id(), "w");
}

TEST_F(CliTest, ARequestIdMakesACommandSafeToRepeat) {
  Run({"workflow", "start", "--type", "t", "--id", "w", "--request-id", "mine"});
  EXPECT_EQ(answers_.start_request.request_id(), "mine");
  Run({"workflow", "signal-with-start", "--type", "t", "--id", "w", "--signal", "s", "--request-id", "mine"});
  EXPECT_EQ(answers_.signal_with_start_request.start().request_id(), "mine");
  Run({"workflow", "signal", "w", "go", "--request-id", "mine"});
  EXPECT_EQ(answers_.signal_request.request_id(), "mine");
  Run({"workflow", "cancel", "w", "--request-id", "mine"});
  EXPECT_EQ(answers_.cancel_request.request_id(), "mine");
  Run({"workflow", "terminate", "w", "--request-id", "mine"});
  EXPECT_EQ(answers_.terminate_request.request_id(), "mine");
  Run({"workflow", "terminate", "w"});
  EXPECT_EQ(answers_.terminate_request.request_id().size(), 32u);
  const Outcome made_up = Run({"workflow", "start", "--type", "t", "--request-id", "mine"});
  EXPECT_EQ(made_up.exit_code, 2);
  EXPECT_THAT(made_up.err, HasSubstr("--request-id requires --id"));
}

TEST_F(CliTest, DescribeShowsWhatHoldsTheRunUp) {
  v1::DescribeWorkflowResponse& d = answers_.description;
  v1::WorkflowSummary& s = *d.mutable_summary();
  s.set_workflow_id("order-1");
  s.set_run_id("run-1");
  s.set_workflow_type("fulfil");
  s.set_task_queue("orders");
  s.set_status(v1::RUN_STATUS_RUNNING);
  s.set_start_time_unix_ms(kNow - 185'000);
  s.set_attempt(1);
  s.set_history_events(4);
  d.set_history_bytes(321);
  d.mutable_started()->set_identity("ann@host");
  *d.mutable_started()->mutable_input() = JsonPayload("{\"id\": 1}");
  d.mutable_started()->set_run_timeout_ms(1'800'000);
  d.add_notes("no connected worker hosts task type 'charge' on queue 'orders'");
  v1::PendingActivation& activation = *d.mutable_pending_activation();
  activation.set_state(v1::PendingActivation::STATE_BACKING_OFF);
  activation.set_attempt(3);
  activation.set_hosted(true);
  activation.set_since_unix_ms(kNow - 1000);
  activation.set_next_attempt_unix_ms(kNow + 2000);
  activation.mutable_last_failure()->set_kind(v1::Failure::KIND_NON_DETERMINISM);
  activation.mutable_last_failure()->set_message("at event 2\n  recorded: charge");
  v1::PendingTask& task = *d.add_pending_tasks();
  task.set_seq(2);
  task.set_task_type("charge");
  task.set_task_queue("orders");
  task.set_state(v1::PendingTask::STATE_BACKING_OFF);
  task.set_attempt(2);
  task.set_scheduled_unix_ms(kNow - 60'000);
  task.set_next_attempt_unix_ms(kNow + 500);
  task.mutable_last_failure()->set_type("Busy");
  task.mutable_last_failure()->set_message("later");
  task.mutable_last_failure()->mutable_cause()->set_message("socket closed");
  d.set_pending_task_count(1);
  v1::PendingTimer& timer = *d.add_pending_timers();
  timer.set_seq(3);
  timer.set_name("reminder");
  timer.set_due_unix_ms(kNow + 60'000);
  d.add_pending_steps()->set_name("quote");
  EXPECT_EQ(Run({"workflow", "describe", "order-1"}).out, R"(order-1
  status        running
  type          fulfil
  task queue    orders
  run           run-1
  started       2026-11-22 21:24:40 (3m05s ago) by ann@host
  timeouts      run 30m
  history       4 events, 321 bytes
  input         {"id":1}

Notes
  no connected worker hosts task type 'charge' on queue 'orders'

Activation
  state         backing off, for 1.00s
  attempt       3
  next attempt  2026-11-22 21:27:47 (in 2.00s)
  last failure  non-determinism: at event 2
                    recorded: charge

Tasks (1 pending)
  SEQ  TYPE    STATE        ATTEMPT  SCHEDULED  NEXT ATTEMPT  NOTE
    2  charge  backing off        2  1m00s ago  in 500ms      no connected worker hosts it
       Busy: later
       caused by: socket closed

Timers (1 pending)
  SEQ  NAME      DUE
    3  reminder  2026-11-22 21:28:45 (in 1m00s)

Steps (1 pending)
  SEQ  NAME
    0  quote
)");
  const json document = json::parse(Run({"workflow", "describe", "order-1", "--output", "json"}).out);
  EXPECT_EQ(document["summary"]["status"], "running");
  EXPECT_EQ(document["started"]["input"]["id"], 1);
}

TEST_F(CliTest, DescribeShowsHowItEnded) {
  v1::DescribeWorkflowResponse& d = answers_.description;
  d.mutable_summary()->set_workflow_id("w");
  d.mutable_summary()->set_status(v1::RUN_STATUS_FAILED);
  d.mutable_summary()->set_start_time_unix_ms(kNow - 5000);
  d.mutable_summary()->set_close_time_unix_ms(kNow - 4000);
  d.mutable_failure()->set_type("OutOfStock");
  d.mutable_failure()->set_message("none left");
  const std::string out = Run({"workflow", "describe", "w"}).out;
  EXPECT_THAT(out, HasSubstr("  closed        2026-11-22 21:27:41 (4.00s ago), took 1.00s\n"));
  EXPECT_THAT(out, HasSubstr("  failure       OutOfStock: none left\n"));
}

TEST_F(CliTest, HistoryReadsAllPages) {
  for (int page = 0; page < 2; ++page) {
    v1::GetHistoryResponse& response = answers_.history.emplace_back();
    response.set_run_id("run-1");
    v1::Event& event = *response.add_events();
    event.set_event_id(page + 1);
    event.set_time_unix_ms(kNow - 1000 + page * 5);
    if (page == 0) {
      event.mutable_run_started()->set_workflow_type("t");
      event.mutable_run_started()->set_task_queue("q");
    } else {
      event.mutable_advanced()->add_commands()->mutable_complete_run();
    }
  }
  EXPECT_EQ(Run({"workflow", "history", "w"}).out,
            "w  run run-1  started 2026-11-22 21:27:44 (1.00s ago)\n"
            "    1       0ms  run started      t on q\n"
            "    2       5ms  advanced         up to event 0\n"
            "                   complete run\n");
  const json document = json::parse(Run({"workflow", "history", "w", "-o", "json"}).out);
  EXPECT_EQ(document["run_id"], "run-1");
  EXPECT_EQ(document["events"].size(), 2u);
  EXPECT_EQ(document["events"][1]["advanced"]["commands"][0]["kind"], "complete_run");
  EXPECT_EQ(json::parse(Run({"workflow", "history", "w", "-o", "json", "--from", "3"}).out)["events"].size(),
            0u);
}

v1::WorkflowSummary Row(const std::string& id, v1::RunStatus status, int64_t start, int64_t close) {
  v1::WorkflowSummary row;
  row.set_workflow_id(id);
  row.set_run_id("run-" + id);
  row.set_workflow_type("fulfil");
  row.set_task_queue("orders");
  row.set_status(status);
  row.set_start_time_unix_ms(start);
  row.set_close_time_unix_ms(close);
  return row;
}

TEST_F(CliTest, ListShowsATable) {
  answers_.lists.resize(2);
  *answers_.lists[0].add_workflows() = Row("order-2", v1::RUN_STATUS_RUNNING, kNow - 60'000, 0);
  *answers_.lists[1].add_workflows() =
      Row("order-1", v1::RUN_STATUS_TIMED_OUT, kNow - 7'500'000, kNow - 7'400'000);
  EXPECT_EQ(Run({"workflow", "list"}).out,
            "STATUS     WORKFLOW ID  TYPE    TASK QUEUE  STARTED                AGE   TOOK  RUN ID\n"
            "running    order-2      fulfil  orders      2026-11-22 21:26:45  1m00s         run-order-2\n"
            "timed out  order-1      fulfil  orders      2026-11-22 19:22:45  2h05m  1m40s  run-order-1\n");
  ASSERT_EQ(answers_.list_requests.size(), 2u);
  EXPECT_EQ(answers_.list_requests[0].page_size(), 20);
  EXPECT_EQ(answers_.list_requests[1].page_size(), 19);
  EXPECT_EQ(json::parse(Run({"workflow", "list", "-o", "json"}).out)[1]["workflow_id"], "order-1");
  EXPECT_THAT(Run({"workflow", "list", "--limit", "1"}).out, HasSubstr("the newest 1; --limit N shows more"));
}

TEST_F(CliTest, ListPassesTheFilterOn) {
  EXPECT_EQ(Run({"workflow", "list", "--status", "failed,timed-out", "--status", "running", "--type", "t",
                 "--id-prefix", "o", "--since", "1h", "--task-queue", "q"})
                .out,
            "no workflows match\n");
  const v1::WorkflowFilter& filter = answers_.list_requests.at(0).filter();
  EXPECT_THAT(filter.statuses(),
              testing::ElementsAre(v1::RUN_STATUS_FAILED, v1::RUN_STATUS_TIMED_OUT, v1::RUN_STATUS_RUNNING));
  EXPECT_EQ(filter.workflow_type(), "t");
  EXPECT_EQ(filter.task_queue(), "q");
  EXPECT_EQ(filter.workflow_id_prefix(), "o");
  EXPECT_EQ(filter.started_from_unix_ms(), kNow - 3'600'000);
}

TEST_F(CliTest, CountShowsATotal) {
  answers_.count.set_count(12);
  (*answers_.count.mutable_by_status())["RUN_STATUS_RUNNING"] = 10;
  (*answers_.count.mutable_by_status())["RUN_STATUS_FAILED"] = 2;
  EXPECT_EQ(Run({"workflow", "count"}).out,
            "STATUS   WORKFLOWS\n"
            "failed           2\n"
            "running         10\n"
            "total           12\n");
  EXPECT_EQ(json::parse(Run({"workflow", "count", "-o", "json"}).out)["by_status"]["failed"], 2);
}

TEST_F(CliTest, ServerInfoShowsSessionsAndQueues) {
  v1::GetServerInfoResponse& info = answers_.info;
  info.set_version("0.1.0");
  info.set_state("ready");
  info.set_partitions(2);
  info.set_data_dir("/d");
  info.set_started_unix_ms(kNow - 1000);
  EXPECT_THAT(Run({"server", "info"}).out, HasSubstr("no worker is connected"));
  v1::SessionInfo& session = *info.add_sessions();
  session.set_identity("7@host");
  session.set_task_queue("orders");
  session.set_connected(true);
  session.set_max_tasks(8);
  v1::QueueInfo& queue = *info.add_queues();
  queue.set_task_queue("orders");
  queue.set_kind("task");
  queue.set_type("charge");
  queue.set_depth(3);
  queue.set_age_ms(1500);
  const std::string out = Run({"server", "info"}).out;
  EXPECT_THAT(out, StartsWith("perdured 0.1.0 at " + address_ + ", ready\n"));
  EXPECT_THAT(
      out,
      HasSubstr("  7@host  orders      connected          0/0    0/8  0 workflow types, 0 task types\n"));
  EXPECT_THAT(out, HasSubstr("  orders      task  charge        3        0   1.50s        0\n"));
}

TEST_F(CliTest, ErrorsOfTheServerAreTold) {
  answers_.error_code = 5;
  answers_.error_message = "no workflow 'x' in namespace 'default'";
  const Outcome outcome = Run({"workflow", "describe", "x"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err,
            "perdure: cannot describe workflow 'x': no workflow 'x' in namespace 'default'\n"
            "  perdure workflow list shows what there is\n");
  answers_.error_code = 3;
  EXPECT_EQ(Run({"workflow", "start", "--type", "t"}).exit_code, 2);
  answers_.error_code = 6;
  EXPECT_EQ(Run({"workflow", "start", "--type", "t"}).exit_code, 1);
  EXPECT_THAT(Run({"workflow", "start", "--type", "t"}).err, HasSubstr("--id-conflict"));
  answers_.error_code = 14;
  EXPECT_EQ(Run({"workflow", "list"}).exit_code, 4);
}

TEST_F(CliTest, AnAbsentServerIsNamedWithWhatToDo) {
  address_ = "127.0.0.1:1";
  const Outcome outcome = Run({"workflow", "result", "x"});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_EQ(
      outcome.err,
      "perdure: cannot reach perdured at 127.0.0.1:1: Connection refused\n"
      "  start it with: perdured --data-dir DIR, or pass --address HOST:PORT (or set PERDURE_ADDRESS)\n");
}

TEST_F(CliTest, HelpIsACommandToo) {
  EXPECT_EQ(Run({"help"}).out, Run({"--help"}).out);
  const Outcome help = Run({"help", "workflow", "start"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_EQ(help.out, Run({"workflow", "start", "--help"}).out);
}

TEST_F(CliTest, WrongArgumentsAreNamed) {
  const auto refusal = [this](std::vector<std::string> args) {
    const Outcome outcome = Run(std::move(args));
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  EXPECT_EQ(refusal({}), "perdure: what to do? perdure takes a command\n  see perdure --help\n");
  EXPECT_EQ(refusal({"workflow"}),
            "perdure: what to do? perdure workflow takes a command\n  see perdure workflow --help\n");
  EXPECT_EQ(refusal({"workflow", "strat"}),
            "perdure: perdure workflow has no command 'strat'\n  did you mean start?\n");
  EXPECT_EQ(refusal({"--server", "127.0.0.1:1", "workflow", "list"}),
            "perdure: perdure has no flag --server\n  see perdure --help\n");
  EXPECT_EQ(refusal({"workflow", "start", "--type", "t", "--id", ""}),
            "perdure: --id: must not be empty; leave it out to have one made up\n");
  EXPECT_EQ(refusal({"workflow", "start"}),
            "perdure: --type is required\n  see perdure workflow start --help\n");
  EXPECT_EQ(refusal({"workflow", "result"}),
            "perdure: WORKFLOW_ID is missing\n  see perdure workflow result --help\n");
  EXPECT_EQ(refusal({"workflow", "list", "--stauts", "failed"}),
            "perdure: perdure workflow list has no flag --stauts\n  did you mean --status?\n");
  EXPECT_THAT(refusal({"workflow", "list", "--status", "faild"}), HasSubstr("did you mean failed?"));
  EXPECT_THAT(refusal({"--address", "nowhere", "workflow", "list"}),
              HasSubstr("--address: 'nowhere' is not an address"));
  EXPECT_THAT(refusal({"workflow", "list", "-o", "yaml"}),
              HasSubstr("--output: 'yaml' is not one of text, json"));
  EXPECT_THAT(refusal({"workflow", "start", "--type", "t", "--input", "{"}), HasSubstr("line 1, column 2"));
  EXPECT_THAT(refusal({"workflow", "start", "--type", "t", "--run-timeout", "soon"}),
              HasSubstr("--run-timeout: 'soon' is not a duration"));
  EXPECT_THAT(refusal({"workflow", "start", "--type", "t", "--memo", "x"}),
              HasSubstr("--memo: 'x' is not KEY=VALUE"));
  EXPECT_EQ(refusal({"workflow", "start", "--type", "t", "--retry-max-attempts", "0"}),
            "perdure: --retry-max-attempts: '0' is not a whole number of at least 1\n"
            "  see perdure workflow start --help\n");
  EXPECT_THAT(refusal({"workflow", "start", "--type"}), HasSubstr("--type needs a value\n"));
  EXPECT_THAT(refusal({"workflow", "list", "--limit", "x"}),
              HasSubstr("--limit: 'x' is not a whole number of at least 0\n"));
  EXPECT_THAT(refusal({"workflow", "list", "--limit", "3000000000"}),
              HasSubstr("--limit: 3000000000 is more than the most, 2147483647\n"));
  EXPECT_THAT(refusal({"workflow", "history", "w", "--from", "0"}),
              HasSubstr("--from: '0' is not a whole number of at least 1\n"));
  EXPECT_THAT(refusal({"workflow", "signal-with-start", "--type", "t", "--signal", "s", "--input", "-",
                       "--signal-input", "-"}),
              HasSubstr("cannot both be standard input"));
}

TEST_F(CliTest, HelpAndVersionNeedNoServer) {
  address_ = "127.0.0.1:1";
  EXPECT_EQ(Run({"version"}).out, "perdure 0.1.0\n");
  const Outcome help = Run({"workflow", "start", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, HasSubstr("Usage: perdure workflow start [OPTIONS]"));
  EXPECT_THAT(help.out, HasSubstr("\n  --type VALUE (required)     workflow type"));
  EXPECT_THAT(help.out, HasSubstr("see perdure --help.\n"));
  EXPECT_THAT(Run({"workflow", "result", "--help"}).out,
              HasSubstr("\n  --id VALUE                  the same as WORKFLOW_ID\n"));
  EXPECT_THAT(Run({"--help"}).out, HasSubstr("Exit status: 0 success"));
}

}  // namespace
}  // namespace perdure::cli
