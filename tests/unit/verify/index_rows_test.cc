// Rows that lead to runs, and rows that lead runs to their end.
#include "tests/unit/verify/fixture.h"

namespace perdure::verify {
namespace {

using storage::DirtyKey;
using storage::ExpiryKey;
using storage::IdKey;
using storage::ListKey;

class IndexRowsTest : public VerifyTest {
 protected:
  void SetUp() override {
    Sleeper("open");
    Closed("closed");
    Closed("again");
    Closed("again");
    server.Checkpoint();
    ASSERT_THAT(Problems(), IsEmpty());
    // The last of its three closes.
    expiry_ = OnlyKey(KeyKind::kExpiry);
  }

  std::string expiry_;
};

// ---- list rows ----

TEST_F(IndexRowsTest, AMissingListRowIsNamed) {
  Delete(ListKey(0, kNamespace, 2));
  EXPECT_THAT(Problems(),
              UnorderedElementsAre(Found("it has no list row", "0/list/default/2", "", "none"),
                                   Found("leads to a run that is not there", "0/id/default/closed",
                                         "list row of run number 2", "none")));
}

TEST_F(IndexRowsTest, AListRowThatSaysSomethingElseIsNamed) {
  Change<records::ListRecord>(ListKey(0, kNamespace, 1),
                              [](records::ListRecord& r) { r.set_status(v1::RUN_STATUS_FAILED); });
  Change<records::ListRecord>(ListKey(0, kNamespace, 2),
                              [](records::ListRecord& r) { r.set_history_events(9); });
  EXPECT_THAT(Problems(), ElementsAre(Found("its list row says something else", "0/list/default/1",
                                            "status RUN_STATUS_RUNNING", "status RUN_STATUS_FAILED"),
                                      Found("its list row says something else", "0/list/default/2",
                                            "history_events 2", "history_events 9")));
}

TEST_F(IndexRowsTest, OrphanListRowsAreNamed) {
  Put(ListKey(0, kNamespace, 44), *server.store().Get(ListKey(0, kNamespace, 1)));
  Put(ListKey(0, "elsewhere", 1), *server.store().Get(ListKey(0, kNamespace, 1)));
  Put(ListKey(0, "third", 1), "\xff");
  EXPECT_THAT(
      Problems(),
      UnorderedElementsAre(Found("a list row of a run that has no history", "0/list/default/44", "", "none"),
                           Found("a list row in a namespace that its run is not in", "0/list/elsewhere/1",
                                 "namespace default", "namespace elsewhere"),
                           Found("a record of kind list cannot be read", "0/list/third/1", "", "1 bytes")));
}

// ---- id rows ----

TEST_F(IndexRowsTest, AMissingIdRowIsNamed) {
  Delete(IdKey(0, kNamespace, "open"));
  Delete(IdKey(0, kNamespace, "closed"));
  EXPECT_THAT(
      Problems(),
      UnorderedElementsAre(Found("its workflow has no id row", "0/id/default/open", "run number 1", "none"),
                           Found("no later run was deleted", "0/id/default/closed", "run number 2", "none")));
}

TEST_F(IndexRowsTest, AnIdRowMayBeGoneWithALaterRunThatWasDeletedFirst) {
  worker.StartAndPlay(StartOf("twice").Retention(9'000'000), {Complete()});
  worker.StartAndPlay(StartOf("twice").Retention(60'000), {Complete()});
  server.Checkpoint();
  server.Advance(300'000);
  ASSERT_TRUE(absl::IsNotFound(server.store().Get(IdKey(0, kNamespace, "twice")).status()));
  EXPECT_THAT(Problems(), IsEmpty());
  EXPECT_EQ(summary.runs_closed, 4);
}

TEST_F(IndexRowsTest, AnIdRowThatLeadsToAnEarlierRunIsNamed) {
  Change<records::IdRecord>(IdKey(0, kNamespace, "again"), [&](records::IdRecord& r) {
    r.set_run(3);
    r.set_run_id(Disk(server.store()).ListRow(3)->run_id());
    r.clear_earlier();
  });
  EXPECT_THAT(Problems(), ElementsAre(Found("id row does not lead to it", "0/id/default/again",
                                            "run number 4 or a later one", "run number 3")));
}

TEST_F(IndexRowsTest, AnIdRowThatLeadsElsewhereIsNamed) {
  Put(IdKey(0, kNamespace, "ghost"), *server.store().Get(IdKey(0, kNamespace, "closed")));
  EXPECT_THAT(Problems(), ElementsAre(Found("leads to another workflow's run", "0/id/default/ghost",
                                            "workflow 'ghost'", "workflow 'closed'")));
}

TEST_F(IndexRowsTest, AnEarlierStartOfAnotherRequestIsNamed) {
  Change<records::IdRecord>(IdKey(0, kNamespace, "again"), [](records::IdRecord& r) {
    ASSERT_EQ(r.earlier_size(), 1);
    r.mutable_earlier(0)->set_request_id("mine");
  });
  EXPECT_THAT(Problems(),
              ElementsAre(Found("an earlier start that another request made", "0/id/default/again",
                                "request id 'start-2'", "request id 'mine'")));
  Change<records::IdRecord>(IdKey(0, kNamespace, "again"),
                            [](records::IdRecord& r) { r.mutable_earlier(0)->set_run_id("nonsense"); });
  EXPECT_THAT(Problems(), ElementsAre(Found("an earlier start that is none", "0/id/default/again",
                                            "before run number 4", "run nonsense")));
}

TEST_F(IndexRowsTest, AnIdRowThatCannotBeReadIsNamedOnce) {
  Put(IdKey(0, kNamespace, "again"), "\xff");
  EXPECT_THAT(Problems(),
              ElementsAre(Found("a record of kind id cannot be read", "0/id/default/again", "", "1 bytes")));
}

// ---- retention ----

TEST_F(IndexRowsTest, AClosedRunThatNothingWouldDeleteIsNamed) {
  Change<records::ExpiryRecord>(expiry_, [](records::ExpiryRecord& r) {
    ASSERT_EQ(r.runs_size(), 3);
    r.mutable_runs()->DeleteSubrange(0, 1);
  });
  EXPECT_THAT(Problems(), ElementsAre(Found("it is closed and nothing would delete it", "0/list/default/2",
                                            "in an expiry row", "none")));
}

TEST_F(IndexRowsTest, AnOpenRunThatWouldBeDeletedIsNamed) {
  Change<records::ExpiryRecord>(expiry_, [](records::ExpiryRecord& r) { r.mutable_runs(0)->set_run(1); });
  EXPECT_THAT(Problems(), ElementsAre(Found("it is open and would be deleted", KeyText(expiry_),
                                            "no expiry row", "one, for"),
                                      Found("nothing would delete it", "0/list/default/2", "", "none")));
}

TEST_F(IndexRowsTest, AnExpiryThatSaysSomethingElseIsNamed) {
  Change<records::ExpiryRecord>(expiry_, [](records::ExpiryRecord& r) {
    r.mutable_runs(0)->set_expires_unix_ms(r.runs(0).expires_unix_ms() - 7);
    r.mutable_runs(1)->set_namespace_("elsewhere");
    r.mutable_runs(2)->set_run(66);
  });
  EXPECT_THAT(
      Problems(),
      ElementsAre(Found("deleted at another time than its list row says", KeyText(expiry_), "at ", "at "),
                  Found("its list row would stay", KeyText(expiry_), "namespace default", "another"),
                  Found("nothing would delete it", "0/list/default/4", "", "none"),
                  Found("a run that has no history is to be deleted", KeyText(expiry_), "", "none")));
}

TEST_F(IndexRowsTest, AnExpiryRowThatIsTooEarlyOrUnreadableIsNamed) {
  const std::string record = *server.store().Get(expiry_);
  Delete(expiry_);
  Put(ExpiryKey(0, 5, 2), record);
  Put(ExpiryKey(0, 6, 2), "\xff");
  EXPECT_THAT(
      Problems(),
      Contains(Found("it would be deleted too early", "0/expiry/5/2", "or later", "one at 5")).Times(3));
  EXPECT_THAT(Problems(),
              Contains(Found("a record of kind expiry cannot be read", "0/expiry/6/2", "", "1 bytes")));
}

// ---- the journal ----

TEST_F(IndexRowsTest, AJournalWithoutTheNextRunNumberIsNamed) {
  const std::string key = OnlyKey(KeyKind::kDirty);
  Change<records::DirtyRecord>(key, [](records::DirtyRecord& r) { r.set_next_run(4); });
  EXPECT_THAT(Problems(), ElementsAre(Found("its number would be given out again", KeyText(key),
                                            "next_run of at least 5", "4")));
  Delete(key);
  EXPECT_THAT(Problems(),
              Contains(Found("its number would be given out again", "0/dirty/0", "", "no journal")));
}

TEST_F(IndexRowsTest, AJournalThatNamesWhatIsNotThereIsNamed) {
  Change<records::DirtyRecord>(OnlyKey(KeyKind::kDirty), [](records::DirtyRecord& r) { r.add_runs(50); });
  Put(DirtyKey(0, 900), "\xff");
  EXPECT_THAT(
      Problems(),
      ElementsAre(Found("a record of kind dirty cannot be read", "0/dirty/900", "", "1 bytes"),
                  Found("the dirty journal names a run that has no history", "unknown/", "", "none")));
}

TEST_F(IndexRowsTest, ACloseThatOnlyTheJournalTellsOfIsEnough) {
  Closed("late");
  ASSERT_THAT(Disk(server.store()).Keys(KeyKind::kExpiry), SizeIs(1));
  EXPECT_THAT(Problems(), IsEmpty());
}

// ---- windows ----

TEST_F(IndexRowsTest, WhatDoesNotFitInMemoryIsReadInWindows) {
  for (int i = 0; i < 5; ++i) Spilled("spilled-" + std::to_string(i));
  for (int i = 0; i < 5; ++i) Closed("more-" + std::to_string(i));
  server.Checkpoint();
  options.mentions_max = 1;
  EXPECT_THAT(Problems(), IsEmpty());
  const int64_t rows = summary.Total().rows;
  Change<records::ExpiryRecord>(expiry_,
                                [](records::ExpiryRecord& r) { r.mutable_runs()->DeleteSubrange(2, 1); });
  Delete(Disk(server.store()).Keys(KeyKind::kReady)[3]);
  EXPECT_THAT(Problems(), ElementsAre(Found("nothing would delete it", "0/list/default/4", "", "none"),
                                      Found("hand out its task 1", "0/head/8", "", "none")));
  EXPECT_EQ(summary.Total().rows, rows - 1);
}

}  // namespace
}  // namespace perdure::verify
