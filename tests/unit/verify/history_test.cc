// Histories that are not as they were written.
#include "tests/unit/verify/fixture.h"

namespace perdure::verify {
namespace {

using storage::LogKey;
constexpr char kGarbage[] = "\xff\xff not a record";

class HistoryTest : public VerifyTest {
 protected:
  // Events 1 to 4 of run 1: started, advanced, signal, advanced.
  void SetUp() override {
    worker.StartAndPlay(StartOf("order-1"), {Timer(3'600'000)});
    server.Signal("order-1", "paid");
    worker.Play("order-1", {Timer(7'200'000)});
    server.Checkpoint();
    server.Checkpoint();
    ASSERT_THAT(Problems(), IsEmpty());
  }
};

TEST_F(HistoryTest, AMissingEventIsNamed) {
  Delete(LogKey(0, 1, 3));
  const std::vector<Problem> problems = Problems();
  ASSERT_THAT(problems,
              ElementsAre(Found("its history is not contiguous", "0/log/1/4", "event 3", "event 4")));
  EXPECT_EQ(problems[0].run.workflow_id, "order-1");
  EXPECT_EQ(problems[0].run.run_id.substr(0, 13), "00000000-0001");
  EXPECT_EQ(problems[0].run.run, 1u);
  EXPECT_EQ(summary.runs_unreadable, 1);
}

TEST_F(HistoryTest, AMissingBeginIsNamed) {
  Delete(LogKey(0, 1, 1));
  EXPECT_THAT(Problems(),
              ElementsAre(Found("its history is not contiguous", "0/log/1/2", "event 1", "event 2")));
}

TEST_F(HistoryTest, AMissingEndMakesTheHeadTellOfMore) {
  Delete(LogKey(0, 1, 4));
  EXPECT_THAT(Problems(),
              Contains(Found("its head is ahead of its history", "0/head/1", "up to 4", "up to 3")));
}

TEST_F(HistoryTest, AnEventThatIsThereTwiceIsNamed) {
  Put(LogKey(0, 1, 5), *server.store().Get(LogKey(0, 1, 3)));
  EXPECT_THAT(Problems(), ElementsAre(Found("not contiguous", "0/log/1/5", "event 5", "event 3")));
}

TEST_F(HistoryTest, AnEventAfterTheEndIsNamed) {
  worker.StartAndPlay(StartOf("order-2"), {Complete()});
  records::LogRecord extra;
  v1::Event& event = *extra.add_events();
  event.set_event_id(3);
  event.mutable_signal_received()->set_name("late");
  Put(LogKey(0, 2, 3), extra.SerializeAsString());
  EXPECT_THAT(Problems(), ElementsAre(Found("its history cannot be folded", "0/log/2/3", "may follow",
                                            "event 3 comes after the run closed")));
}

TEST_F(HistoryTest, ARecordThatCannotBeReadIsNamed) {
  Put(LogKey(0, 1, 2), kGarbage);
  EXPECT_THAT(Problems(), ElementsAre(Found("a record of its history cannot be read", "0/log/1/2",
                                            "a log record", "15 bytes that does not parse: ffff20")));
}

TEST_F(HistoryTest, AnEmptyRecordIsNamed) {
  Put(LogKey(0, 1, 5), "");
  EXPECT_THAT(Problems(), ElementsAre(Found("a record of its history is empty", "0/log/1/5", "", "none")));
}

TEST_F(HistoryTest, ARecordUnderAWrongKeyIsNamed) {
  const std::string record = *server.store().Get(LogKey(0, 1, 4));
  Delete(LogKey(0, 1, 4));
  Put(LogKey(0, 1, 9), record);
  EXPECT_THAT(Problems(), ElementsAre(Found("under a wrong key", "0/log/1/9", "first event 4",
                                            "first event 9 in the key")));
}

TEST_F(HistoryTest, AnAnswerToWhatIsNotPendingIsNamed) {
  records::LogRecord extra;
  v1::Event& event = *extra.add_events();
  event.set_event_id(5);
  event.mutable_task_completed()->set_seq(7);
  Put(LogKey(0, 1, 5), extra.SerializeAsString());
  EXPECT_THAT(Problems(), Contains(Found("what the engine never writes", "0/log/1/5", "",
                                         "event 5: it answers task 7, which is not pending")));
}

TEST_F(HistoryTest, CommandsThatAreNotNumberedOnAreNamed) {
  Change<records::LogRecord>(LogKey(0, 1, 4), [](records::LogRecord& r) {
    r.mutable_events(0)->mutable_advanced()->mutable_commands(0)->mutable_start_timer()->set_seq(4);
  });
  EXPECT_THAT(Problems(), Contains(Found("its history cannot be folded", "0/log/1/4", "may follow",
                                         "its command 1 has seq 4 instead of 2")));
}

TEST_F(HistoryTest, AnAdvanceThatConsumesWhatIsNotThereIsNamed) {
  Change<records::LogRecord>(LogKey(0, 1, 4), [](records::LogRecord& r) {
    r.mutable_events(0)->mutable_advanced()->set_consumed_through(4);
  });
  EXPECT_THAT(Problems(), Contains(Found("its history cannot be folded", "0/log/1/4", "may follow",
                                         "it consumed events through 4 of 3")));
}

TEST_F(HistoryTest, AnAdvanceOfAnEarlierActivationIsNamed) {
  Change<records::LogRecord>(LogKey(0, 1, 4), [](records::LogRecord& r) {
    r.mutable_events(0)->mutable_advanced()->set_activation_id(1);
  });
  EXPECT_THAT(Problems(), Contains(Found("never writes", "0/log/1/4", "", "answers activation 1, but")));
}

TEST_F(HistoryTest, AHistoryOfAnotherRunIsNamed) {
  Change<records::LogRecord>(LogKey(0, 1, 1), [](records::LogRecord& r) {
    r.mutable_events(0)->mutable_run_started()->set_run_id("00000000-0009-8000-8000-000000000000");
  });
  EXPECT_THAT(Problems(), Contains(Found("it is not where its name belongs", "0/log/1/1", "run number 1",
                                         "run id 00000000-0009-8000-8000-000000000000")));
}

TEST_F(HistoryTest, AWorkflowInAnotherPartitionsRowsIsNamed) {
  while (partition::PartitionOf(kNamespace, "order-1", format.partitions) == 0) ++format.partitions;
  const std::string home = std::to_string(partition::PartitionOf(kNamespace, "order-1", format.partitions));
  Put(storage::FormatKey(), storage::EncodeFormat(format));
  EXPECT_THAT(Problems(), UnorderedElementsAre(Found("not where its name belongs", "0/log/1/1", "partition 0",
                                                     "partition " + home),
                                               Found("a partition where nobody looks", "0/id/default/order-1",
                                                     "partition " + home, "partition 0")));
}

}  // namespace
}  // namespace perdure::verify
