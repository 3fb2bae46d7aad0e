// Commands that wait: result, start --wait, watch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/cli/fake_service.h"

namespace perdure::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class WaitTest : public CliTest {
 protected:
  v1::GetResultResponse& AddResult(v1::RunStatus status) {
    v1::GetResultResponse& result = answers_.results.emplace_back();
    result.set_status(status);
    result.set_run_id("run-1");
    return result;
  }
};

TEST_F(WaitTest, ResultPrintsTheValueAlone) {
  AddResult(v1::RUN_STATUS_RUNNING);
  *AddResult(v1::RUN_STATUS_COMPLETED).mutable_result() = JsonPayload("{\"total\":12.50}");
  const Outcome outcome = Run({"workflow", "result", "w"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "{\"total\": 12.50}\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(answers_.result_requests.size(), 2u);
  EXPECT_EQ(answers_.result_requests[0].wait_ms(), 2'000);
  EXPECT_EQ(answers_.result_requests[1].wait_ms(), 20'000);
}

TEST_F(WaitTest, ARunThatGetsNowhereSaysWhyOnce) {
  for (int i = 0; i < 3; ++i) AddResult(v1::RUN_STATUS_RUNNING);
  AddResult(v1::RUN_STATUS_COMPLETED);
  answers_.start.set_run_id("run-1");
  answers_.start.set_started(true);
  answers_.description.add_notes("no connected worker hosts workflow type 't' on task queue 'default'");
  const Outcome outcome = Run({"workflow", "start", "--type", "t", "--id", "w", "--wait"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "started w  run run-1\ncompleted\n");
  EXPECT_EQ(outcome.err,
            "perdure: still waiting: no connected worker hosts workflow type 't' on task queue 'default'\n");
  EXPECT_EQ(answers_.describe_request.execution().run_id(), "run-1");
}

TEST_F(WaitTest, StaysWithTheRunThatWasTheLatestAtFirst) {
  AddResult(v1::RUN_STATUS_RUNNING);
  AddResult(v1::RUN_STATUS_COMPLETED);
  EXPECT_EQ(Run({"workflow", "result", "w"}).exit_code, 0);
  EXPECT_EQ(answers_.result_requests[0].execution().run_id(), "");
  EXPECT_EQ(answers_.result_requests[1].execution().run_id(), "run-1");
}

TEST_F(WaitTest, AFailedWorkflowExitsWithOne) {
  v1::Failure& failure = *AddResult(v1::RUN_STATUS_FAILED).mutable_failure();
  failure.set_type("CardDeclined");
  failure.set_message("no funds");
  failure.mutable_cause()->set_message("code 51");
  const Outcome text = Run({"workflow", "result", "w"});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_EQ(text.out, "");
  EXPECT_EQ(text.err, "workflow 'w' failed: CardDeclined: no funds\n  caused by: code 51\n");
  const Outcome outcome = Run({"workflow", "result", "w", "-o", "json"});
  EXPECT_EQ(outcome.exit_code, 1);
  const json document = json::parse(outcome.out);
  EXPECT_EQ(document["workflow_id"], "w");
  EXPECT_EQ(document["status"], "failed");
  EXPECT_EQ(document["failure"]["cause"]["message"], "code 51");
}

TEST_F(WaitTest, AStatusIsSaidOnce) {
  v1::Failure& failure = *AddResult(v1::RUN_STATUS_TERMINATED).mutable_failure();
  failure.set_kind(v1::Failure::KIND_TERMINATED);
  failure.set_message("enough");
  EXPECT_EQ(Run({"workflow", "result", "w"}).err, "workflow 'w' terminated: enough\n");
  failure.clear_message();
  EXPECT_EQ(Run({"workflow", "result", "w"}).err, "workflow 'w' terminated\n");
}

TEST_F(WaitTest, NoWaitTellsThatItRuns) {
  AddResult(v1::RUN_STATUS_RUNNING);
  const Outcome once = Run({"workflow", "result", "w", "--no-wait"});
  EXPECT_EQ(once.exit_code, 1);
  EXPECT_EQ(once.err, "workflow 'w' is running\n");
  EXPECT_EQ(answers_.result_requests.back().wait_ms(), 0);
}

TEST_F(WaitTest, WaitsThroughARestartOfTheServer) {
  AddResult(v1::RUN_STATUS_RUNNING);
  AddResult(v1::RUN_STATUS_UNSPECIFIED);
  AddResult(v1::RUN_STATUS_UNSPECIFIED);
  AddResult(v1::RUN_STATUS_COMPLETED);
  const Outcome outcome = Run({"workflow", "result", "w"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "perdure: lost perdured at " + address_ +
                             "; waiting for it to come back\nperdure: perdured is back\n");
  EXPECT_EQ(paused_ms_, 300);
}

TEST_F(WaitTest, GivesUpOnALostServerWhenTimeIsUp) {
  AddResult(v1::RUN_STATUS_RUNNING);
  AddResult(v1::RUN_STATUS_UNSPECIFIED);
  const Outcome outcome = Run({"workflow", "result", "w", "--timeout", "5s"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("perdure: workflow 'w' is still running after "));
  EXPECT_GE(paused_ms_, 5000);
}

TEST_F(WaitTest, AServerThatWasNeverThereIsNotWaitedFor) {
  AddResult(v1::RUN_STATUS_UNSPECIFIED);
  EXPECT_EQ(Run({"workflow", "result", "w"}).exit_code, 4);
  EXPECT_EQ(paused_ms_, 0);
}

TEST_F(WaitTest, StartWaitShowsBothParts) {
  answers_.start.set_run_id("run-1");
  answers_.start.set_started(true);
  *AddResult(v1::RUN_STATUS_COMPLETED).mutable_result() = JsonPayload("[1,2]");
  EXPECT_EQ(Run({"workflow", "start", "--type", "t", "--id", "w", "--wait"}).out,
            "started w  run run-1\ncompleted\n[1, 2]\n");
  EXPECT_EQ(answers_.result_requests.back().execution().run_id(), "run-1");
  const json document =
      json::parse(Run({"workflow", "start", "--type", "t", "--id", "w", "--wait", "-o", "json"}).out);
  EXPECT_EQ(document["result"], (json{1, 2}));
  answers_.results.clear();
  AddResult(v1::RUN_STATUS_TERMINATED);
  EXPECT_EQ(Run({"workflow", "start", "--type", "t", "--id", "w", "--wait"}).exit_code, 1);
}

TEST_F(WaitTest, WatchGoesOnWhereItWasCutOff) {
  for (int part = 0; part < 2; ++part) {
    v1::WatchWorkflowResponse& watch = answers_.watches.emplace_back();
    watch.set_run_id("run-1");
    v1::Event& event = *watch.add_events();
    event.set_event_id(part + 1);
    event.set_time_unix_ms(kNow);
    part == 0 ? event.mutable_signal_received()->set_name("go")
              : event.mutable_run_terminated()->set_reason("enough");
  }
  const Outcome outcome = Run({"workflow", "watch", "w"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "w  run run-1\n"
            "    1       0ms  signal received  go\n"
            "    2       0ms  run terminated   enough\n");
  ASSERT_EQ(answers_.watch_requests.size(), 2u);
  EXPECT_EQ(answers_.watch_requests[0].from_event_id(), 1);
  EXPECT_EQ(answers_.watch_requests[1].from_event_id(), 2);
  EXPECT_EQ(answers_.watch_requests[1].execution().run_id(), "run-1");
}

TEST_F(WaitTest, WatchWritesJsonLines) {
  v1::WatchWorkflowResponse& watch = answers_.watches.emplace_back();
  for (int id = 1; id <= 2; ++id) watch.add_events()->set_event_id(id);
  const std::string out = Run({"workflow", "watch", "w", "-o", "json"}).out;
  const size_t newline = out.find('\n');
  EXPECT_EQ(json::parse(out.substr(0, newline))["event_id"], 1);
  EXPECT_EQ(json::parse(out.substr(newline))["event_id"], 2);
}

TEST_F(WaitTest, ColoursAppearOnlyOnATerminal) {
  AddResult(v1::RUN_STATUS_COMPLETED);
  answers_.start.set_started(true);
  EXPECT_THAT(Run({"workflow", "start", "--type", "t", "--wait"}).out, testing::Not(HasSubstr("\x1b")));
  terminal_ = true;
  EXPECT_THAT(Run({"workflow", "start", "--type", "t", "--wait"}).out, HasSubstr("\x1b[32mcompleted\x1b[0m"));
}

}  // namespace
}  // namespace perdure::cli
