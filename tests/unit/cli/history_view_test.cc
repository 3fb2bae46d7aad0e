// Histories, line by line.
#include "cmd/perdure/history_view.h"

#include <gtest/gtest.h>

namespace perdure::cli {
namespace {

v1::Payload Json(const std::string& data) {
  v1::Payload payload;
  payload.set_encoding("json");
  payload.set_data(data);
  return payload;
}

// Builds the events of a history, 10 ms apart.
class HistoryViewTest : public ::testing::Test {
 protected:
  v1::Event& Next() {
    event_.Clear();
    event_.set_event_id(++last_id_);
    event_.set_time_unix_ms(1'000'000 + 10 * last_id_);
    return event_;
  }
  void Show() { shown_ += view_.Format(event_); }

  v1::Event event_;
  int64_t last_id_ = 0;
  HistoryView view_{Style(false), 70, false};
  std::string shown_;
};

TEST_F(HistoryViewTest, UnfoldsAdvancesAndNamesAnswers) {
  auto& started = *Next().mutable_run_started();
  started.set_workflow_type("fulfil");
  started.set_task_queue("orders");
  *started.mutable_input() = Json("{\"id\": \"order-1\"}");
  Show();
  auto& advanced = *Next().mutable_advanced();
  advanced.set_consumed_through(1);
  advanced.set_identity("77@host");
  auto& task = *advanced.add_commands()->mutable_schedule_task();
  task.set_seq(1);
  task.set_task_type("charge");
  *task.mutable_input() = Json("{\"note\":\"" + std::string(100, 'x') + "\"}");
  auto& timer = *advanced.add_commands()->mutable_start_timer();
  timer.set_seq(2);
  timer.set_delay_ms(3'600'000);
  Show();
  auto& done = *Next().mutable_task_completed();
  done.set_seq(1);
  done.set_attempt(2);
  done.set_started_unix_ms(event_.time_unix_ms() - 8);
  *done.mutable_result() = Json("true");
  Show();
  auto& end = *Next().mutable_advanced();
  end.set_consumed_through(3);
  end.add_commands()->mutable_cancel_timer()->set_seq(2);
  *end.add_commands()->mutable_complete_run()->mutable_result() = Json("{\"ok\":true}");
  Show();
  EXPECT_EQ(shown_,
            "    1       0ms  run started      fulfil on orders {\"id\":\"order-1\"}\n"
            "    2      10ms  advanced         up to event 1, by 77@host\n"
            "                   schedule task  #1 charge {\"note\":\"xxxxxxxxxxxxxxxx\xE2\x80\xA6\n"
            "                   start timer    #2, 1h\n"
            "    3      20ms  task completed   #1 charge, attempt 2, 8ms true\n"
            "    4      30ms  advanced         up to event 3\n"
            "                   cancel timer   #2\n"
            "                   complete run   {\"ok\":true}\n");
}

TEST_F(HistoryViewTest, ShowsFailuresWithTheirRoot) {
  auto& failed = *Next().mutable_task_failed();
  failed.set_seq(4);
  failed.set_attempt(3);
  failed.mutable_failure()->set_kind(v1::Failure::KIND_TASK);
  failed.mutable_failure()->mutable_cause()->set_type("CardDeclined");
  failed.mutable_failure()->mutable_cause()->set_message("no\nfunds");
  HistoryView view(Style(false), 70, true);
  EXPECT_EQ(view.Format(event_),
            "    1       0ms  task failed      #4, attempt 3: failed; caused by: CardDeclined: no\n");
}

TEST_F(HistoryViewTest, HasWordsForEveryEventAndCommand) {
  const auto* event = v1::Event::descriptor()->FindOneofByName("body");
  for (int i = 0; i < event->field_count(); ++i) {
    Next().GetReflection()->MutableMessage(&event_, event->field(i));
    EXPECT_EQ(view_.Format(event_).find("unknown"), std::string::npos) << event->field(i)->name();
  }
  const auto* command = v1::Command::descriptor()->FindOneofByName("body");
  for (int i = 0; i < command->field_count(); ++i) {
    v1::Command& added = *Next().mutable_advanced()->add_commands();
    added.GetReflection()->MutableMessage(&added, command->field(i));
    EXPECT_EQ(view_.Format(event_).find("unknown"), std::string::npos) << command->field(i)->name();
  }
  Next().clear_body();
  EXPECT_NE(view_.Format(event_).find("unknown"), std::string::npos);
}

TEST_F(HistoryViewTest, NothingInAnEventDrivesTheTerminal) {
  Next().mutable_signal_received()->set_name("go\x1b[2J\n9");
  EXPECT_EQ(view_.Format(event_), "    1       0ms  signal received  go\\x1b[2J\\n9\n");
}

}  // namespace
}  // namespace perdure::cli
