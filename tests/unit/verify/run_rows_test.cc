// Rows of open runs that are missing, left over, or say something else than the history.
#include "tests/unit/verify/fixture.h"

namespace perdure::verify {
namespace {

using storage::HeadKey;
using storage::NoteKey;

class RunRowsTest : public VerifyTest {
 protected:
  void TimerAt(uint64_t due_ms, uint64_t run) { Put(storage::TimerKey(0, due_ms, run), ""); }
};

TEST_F(RunRowsTest, WhatWorkedHasNone) {
  Sleeper("sleeper");
  Retrier("retrier");
  Spilled("spilled");
  Closed("closed");
  EXPECT_THAT(Problems(), IsEmpty());
  EXPECT_EQ(summary.runs_open, 3);
  EXPECT_EQ(summary.runs_closed, 1);
  EXPECT_EQ(summary.runs_unreadable, 0);
  EXPECT_EQ(summary.events, 8);
  EXPECT_EQ(summary.kinds[static_cast<size_t>(KeyKind::kLog)].rows, 8);
  EXPECT_EQ(summary.kinds[static_cast<size_t>(KeyKind::kReady)].rows, 1);
  size_t rows = 0;
  for (auto it = server.store().Scan(std::string_view("\0", 1), "\xff\xff\xff"); it->Valid(); it->Next())
    ++rows;
  EXPECT_EQ(summary.Total().rows, static_cast<int64_t>(rows));
}

// ---- heads ----

TEST_F(RunRowsTest, AHeadThatSaysSomethingElseIsNamed) {
  Sleeper("order-1");
  Change<records::HeadRecord>(HeadKey(0, 1), [](records::HeadRecord& r) { r.set_last_seq(5); });
  EXPECT_THAT(Problems(), ElementsAre(Found("its head is not what its history says at event 2", "0/head/1",
                                            "last_seq: 1", "last_seq: 5")));
}

TEST_F(RunRowsTest, AHeadWithAnotherTimerIsNamed) {
  Sleeper("order-1");
  Change<records::HeadRecord>(HeadKey(0, 1),
                              [](records::HeadRecord& r) { r.mutable_timers(0)->set_name("x"); });
  EXPECT_THAT(Problems(), ElementsAre(Found("its head is not", "0/head/1", "timer 1: name", "name: x")));
}

TEST_F(RunRowsTest, AHeadThatForgotARequestIdIsNamedIfTheLimitIsKnown) {
  Sleeper("order-1");
  for (const char* id : {"r-1", "r-2"}) {
    server.Signal("order-1", "paid", id);
    worker.Play("order-1", {});
  }
  server.Checkpoint();
  server.Checkpoint();
  Change<records::HeadRecord>(HeadKey(0, 1), [](records::HeadRecord& r) {
    ASSERT_EQ(r.request_ids_size(), 2);
    r.mutable_request_ids()->DeleteSubrange(0, 1);
  });
  // A server may have been told to remember one only.
  EXPECT_THAT(Problems(), IsEmpty());
  options.request_ids_per_run_max = 1'000;
  EXPECT_THAT(Problems(), ElementsAre(Found("its head is not", "0/head/1", "how many request ids: 2", "1")));
  Change<records::HeadRecord>(HeadKey(0, 1), [](records::HeadRecord& r) { r.set_request_ids(0, "r-1"); });
  options.request_ids_per_run_max = 0;
  EXPECT_THAT(Problems(), ElementsAre(Found("its head is not", "0/head/1", "request ids", "request ids")));
}

TEST_F(RunRowsTest, AHeadThatCannotBeReadIsNamed) {
  Sleeper("order-1");
  Put(HeadKey(0, 1), "\xff");
  EXPECT_THAT(Problems(), Contains(Found("its head cannot be read", "0/head/1", "", "1 bytes")));
}

TEST_F(RunRowsTest, AHeadThatNoServerWroteIsNamed) {
  Sleeper("order-1");
  Change<records::HeadRecord>(HeadKey(0, 1), [](records::HeadRecord& r) { *r.add_timers() = r.timers(0); });
  EXPECT_THAT(Problems(), Contains(Found("its head cannot be read", "0/head/1", "what a server writes",
                                         "is not numbered as it was begun")));
}

TEST_F(RunRowsTest, AHeadOfAClosedRunIsNamed) {
  Sleeper("order-1");
  Closed("order-2");
  Put(HeadKey(0, 2), *server.store().Get(HeadKey(0, 1)));
  EXPECT_THAT(Problems(), ElementsAre(Found("it has a head, but it is closed", "0/head/2", "", "one")));
}

TEST_F(RunRowsTest, AHeadWithoutAHistoryIsNamed) {
  Sleeper("order-1");
  Put(HeadKey(0, 9), *server.store().Get(HeadKey(0, 1)));
  EXPECT_THAT(Problems(), ElementsAre(Found("a head of a run that has no history", "0/head/9", "", "none")));
}

TEST_F(RunRowsTest, AnOpenRunThatNothingLeadsBackToIsNamed) {
  Sleeper("order-1");
  Delete(HeadKey(0, 1));
  EXPECT_THAT(Problems(),
              UnorderedElementsAre(Found("nothing on disk leads back to it", "0/head/1", "a head", "none"),
                                   Found("a timer row of a run that has no head",
                                         KeyText(OnlyKey(KeyKind::kTimer)), "a head", "none")));
}

// ---- timer rows ----

TEST_F(RunRowsTest, AMissingTimerRowIsNamed) {
  Sleeper("order-1");
  const std::string key = OnlyKey(KeyKind::kTimer);
  Delete(key);
  EXPECT_THAT(Problems(), ElementsAre(Found("its head tells of a timer row that is not there", KeyText(key),
                                            "a timer row at", "none")));
}

TEST_F(RunRowsTest, ATimerRowThatIsTooLateIsNamed) {
  Sleeper("order-1");
  const std::string key = OnlyKey(KeyKind::kTimer);
  const uint64_t due = storage::ParseTimerKey(key)->due_ms;
  Delete(key);
  TimerAt(due + 1, 1);
  Change<records::HeadRecord>(
      HeadKey(0, 1), [](records::HeadRecord& r) { r.set_timer_row_unix_ms(r.timer_row_unix_ms() + 1); });
  EXPECT_THAT(Problems(), ElementsAre(Found("no timer row wakes it", "0/head/1", std::to_string(due),
                                            std::to_string(due + 1))));
}

TEST_F(RunRowsTest, AnOrphanTimerRowIsNamed) {
  Sleeper("order-1");
  TimerAt(5, 1);
  TimerAt(6, 77);
  EXPECT_THAT(
      Problems(),
      ElementsAre(Found("a timer row that its run's head does not tell of", "0/timer/5/1", "", "one at 5"),
                  Found("a timer row of a run that has no head", "0/timer/6/77", "", "none")));
}

// ---- ready rows ----

TEST_F(RunRowsTest, AMissingReadyRowIsNamed) {
  Spilled("order-1");
  Delete(OnlyKey(KeyKind::kReady));
  EXPECT_THAT(Problems(), ElementsAre(Found("nothing on disk would hand out its task 1", "0/head/1",
                                            "seq 1 in queue default,orders,t,charge", "none")));
}

TEST_F(RunRowsTest, AReadyRowInAnotherQueueIsNamed) {
  Spilled("order-1");
  const std::string key = OnlyKey(KeyKind::kReady);
  Delete(key);
  Put(storage::ReadyKey(0, "elsewhere", 1, 1, 1), "");
  EXPECT_THAT(Problems(), ElementsAre(Found("nothing on disk would hand out its task 1", "0/head/1",
                                            "queue default,orders,t,charge", "another queue")));
}

TEST_F(RunRowsTest, AnOrphanReadyRowIsNamed) {
  Sleeper("order-1");
  Put(storage::ReadyKey(0, QueueKey(kNamespace, kTaskQueue, WorkKind::kTask, "charge"), 4, 77, 1), "");
  EXPECT_THAT(Problems(), ElementsAre(Found("a ready row of a run that has no history",
                                            "0/ready/default,orders,t,charge/4/77/1", "", "no such run")));
}

TEST_F(RunRowsTest, AReadyRowOfARunThatWasDeletedIsLeftOver) {
  Spilled("order-1");
  Sleeper("order-2");
  server.Terminate("order-1");
  server.Settle();
  server.Checkpoint();
  server.Advance(8LL * 24 * 3600 * 1000);
  const std::vector<Problem> problems = Problems();
  ASSERT_THAT(problems, ElementsAre(Found("a ready row of a run that has no history",
                                          KeyText(OnlyKey(KeyKind::kReady)), "", "may have been deleted")));
  EXPECT_EQ(problems[0].severity, Severity::kLeftover);
  EXPECT_EQ(summary.problems, 0);
  EXPECT_EQ(summary.leftovers, 1);
}

// ---- notes ----

TEST_F(RunRowsTest, ANoteOnWhatIsNotPendingIsNamed) {
  Retrier("order-1");
  Put(NoteKey(0, 1, 4), [] {
    records::NoteRecord note;
    note.set_seq(4);
    return note.SerializeAsString();
  }());
  EXPECT_THAT(Problems(),
              ElementsAre(Found("it has a note on what is not pending", "0/note/1/4", "", "seq 4")));
}

TEST_F(RunRowsTest, NotesInTheWrongPlaceAreNamed) {
  Retrier("order-1");
  Closed("order-2");
  const std::string note = *server.store().Get(NoteKey(0, 1, 1));
  Put(NoteKey(0, 1, 0), note);
  Put(NoteKey(0, 2, 1), note);
  Put(NoteKey(0, 8, 1), note);
  EXPECT_THAT(Problems(),
              ElementsAre(Found("a note of it is under a wrong key", "0/note/1/0", "seq 1", "seq 0"),
                          Found("it has a note, but it is closed", "0/note/2/1", "no note", "seq 1"),
                          Found("a note of a run that has no history", "0/note/8/1", "", "none")));
}

TEST_F(RunRowsTest, ANoteThatCannotBeReadIsNamed) {
  Retrier("order-1");
  Put(NoteKey(0, 1, 1), "\xff");
  EXPECT_THAT(Problems(), Contains(Found("a note of it cannot be read", "0/note/1/1", "", "1 bytes")));
}

TEST_F(RunRowsTest, ATaskWithoutItsNoteWouldBeHandedOutByNobody) {
  Retrier("order-1");
  server.Checkpoint();
  server.Checkpoint();
  Delete(NoteKey(0, 1, 1));
  EXPECT_THAT(Problems(),
              Contains(Found("nothing on disk would hand out its task 1", "0/head/1", "", "none")));
}

}  // namespace
}  // namespace perdure::verify
