// The reader: histories and lists, page by page, of what is durable.
#include <set>

#include "tests/unit/partition/fixture.h"

namespace perdure::partition::testing {
namespace {

constexpr int64_t kAll = 1'000'000;

class ReaderTest : public PartitionTest {
 protected:
  explicit ReaderTest(uint32_t partitions = 1) : PartitionTest(TestOptions(), partitions) {}

  std::vector<int64_t> Ids(const Reader::Events& page) {
    std::vector<int64_t> ids;
    for (const v1::Event& event : page.events) ids.push_back(event.event_id());
    return ids;
  }
  Reader::Events Read(uint64_t run, int64_t from, int64_t through = kAll, int64_t events_max = kAll,
                      int64_t bytes_max = kAll) {
    absl::StatusOr<Reader::Events> page =
        server.reader().ReadEvents(0, run, from, through, events_max, bytes_max);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? *std::move(page) : Reader::Events();
  }
  // Every row that the pages of this size hold, in order; `between` runs after each page.
  std::vector<v1::WorkflowSummary> ListAll(v1::ListWorkflowsRequest request,
                                           std::function<void()> between = {}) {
    std::vector<v1::WorkflowSummary> rows;
    for (int page = 0; page < 1'000; ++page) {
      absl::StatusOr<v1::ListWorkflowsResponse> got = server.reader().List(request);
      EXPECT_TRUE(got.ok()) << got.status();
      if (!got.ok()) return rows;
      EXPECT_LE(got->workflows_size(), request.page_size());
      for (const v1::WorkflowSummary& row : got->workflows()) rows.push_back(row);
      if (got->next_page_token().empty()) return rows;
      request.set_page_token(got->next_page_token());
      if (between) between();
    }
    ADD_FAILURE() << "the pages do not end";
    return rows;
  }
  static v1::ListWorkflowsRequest Pages(int32_t size) {
    v1::ListWorkflowsRequest request;
    request.set_page_size(size);
    return request;
  }
  static std::vector<std::string> WorkflowIds(const std::vector<v1::WorkflowSummary>& rows) {
    std::vector<std::string> ids;
    for (const v1::WorkflowSummary& row : rows) ids.push_back(row.workflow_id());
    return ids;
  }
};

TEST_F(ReaderTest, SeesOnlyWhatIsDurable) {
  server.Start(StartOf("order-1"));
  server.Drain();
  EXPECT_TRUE(absl::IsNotFound(server.reader().Locate("", Execution("order-1")).status()));
  server.Commit();
  EXPECT_TRUE(server.reader().Locate("", Execution("order-1")).ok());
  EXPECT_TRUE(server.reader().Locate("default", Execution("order-1")).ok());
  server.Signal("order-1", "paid");
  server.Drain();
  EXPECT_THAT(Ids(Read(1, 1)), ElementsAre(1));
  server.Commit();
  EXPECT_THAT(Ids(Read(1, 1)), ElementsAre(1, 2));
}

TEST_F(ReaderTest, PagesGoThroughTheMiddleOfRecords) {
  // Event 1; then fifty signals in one record; then one that begins with an advance.
  server.Start(StartOf("order-1"));
  server.Settle();
  for (int i = 0; i < 50; ++i) server.Signal("order-1", "paid");
  server.Settle();
  worker.Play("order-1", {});
  ASSERT_EQ(disk().Count(KeyKind::kLog), 3u);
  for (const int64_t size : {1, 2, 3, 7, 50, 51, 52, 53}) {
    std::vector<int64_t> ids;
    for (int64_t from = 1; from != 0;) {
      const Reader::Events page = Read(1, from, kAll, size);
      EXPECT_LE(static_cast<int64_t>(page.events.size()), size);
      EXPECT_FALSE(page.events.empty());
      for (const int64_t id : Ids(page)) ids.push_back(id);
      from = page.next_event_id;
    }
    ASSERT_EQ(ids.size(), 52u) << size;
    for (int64_t i = 0; i < 52; ++i) EXPECT_EQ(ids[static_cast<size_t>(i)], i + 1);
  }
}

TEST_F(ReaderTest, ReadsFromTheMiddleOfARecordThroughTheMiddleOfAnother) {
  server.Start(StartOf("order-1"));
  server.Settle();
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 10; ++i) server.Signal("order-1", "paid");
    server.Settle();
  }
  EXPECT_THAT(Ids(Read(1, 10, 13)), ElementsAre(10, 11, 12, 13));
  EXPECT_EQ(Read(1, 10, 13).next_event_id, 0);
  EXPECT_THAT(Ids(Read(1, 20)), ElementsAre(20, 21));
  EXPECT_THAT(Ids(Read(1, 22)), IsEmpty());
  EXPECT_THAT(Ids(Read(1, 1'000)), IsEmpty());
  EXPECT_THAT(Ids(Read(4'711, 1)), IsEmpty());
}

TEST_F(ReaderTest, APageEndsAtItsBytesButHoldsAtLeastOneEvent) {
  server.Start(StartOf("order-1").Input(std::string(10'000, 'x')));
  server.Settle();
  for (int i = 0; i < 5; ++i) server.Signal("order-1", "paid");
  server.Settle();
  const Reader::Events first = Read(1, 1, kAll, kAll, 100);
  EXPECT_THAT(Ids(first), ElementsAre(1));
  EXPECT_EQ(first.next_event_id, 2);
  EXPECT_THAT(Ids(Read(1, 2, kAll, kAll, 1)), ElementsAre(2));
}

TEST_F(ReaderTest, LocatesRunsByWorkflowAndByRun) {
  auto first = server.Start(StartOf("order-1"));
  server.Settle();
  auto second = server.Start(StartOf("order-1").Conflict(v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING));
  server.Settle();
  const Reader reader = server.reader();
  EXPECT_EQ(reader.Locate("", Execution("order-1"))->run_id, second->run_id());
  EXPECT_EQ(reader.Locate("", Execution("order-1", first->run_id()))->status, v1::RUN_STATUS_TERMINATED);
  for (const v1::WorkflowExecution& wrong :
       {Execution("order-2"), Execution("order-2", first->run_id()), Execution("order-1", MakeRunId(1, 5, 5)),
        Execution("order-1", "garbage"), Execution("order-1", "")}) {
    const std::string ns = wrong.workflow_id() == "order-1" && wrong.run_id().empty() ? "other" : "";
    EXPECT_TRUE(absl::IsNotFound(reader.Locate(ns, wrong).status())) << wrong.ShortDebugString();
  }
}

// ---- lists, over several partitions ----

class ListTest : public ReaderTest {
 protected:
  ListTest() : ReaderTest(3) {
    for (int i = 0; i < 30; ++i) {
      const std::string id = "order-" + std::to_string(i);
      server.Start(StartOf(id).Type(i % 2 == 0 ? "even" : "odd").Queue(i < 10 ? "small" : "large"));
      server.Settle();
      if (i % 3 == 0) server.Terminate(id);
      server.Advance(1);
      newest_first.insert(newest_first.begin(), id);
    }
  }
  std::vector<std::string> newest_first;
};

TEST_F(ListTest, NewestFirstOverAllPartitionsWhateverThePageSize) {
  for (const int32_t size : {1, 2, 7, 29, 30, 31, 1'000}) {
    EXPECT_EQ(WorkflowIds(ListAll(Pages(size))), newest_first) << size;
  }
}

TEST_F(ListTest, ReadsItsOwnWrites) {
  server.Terminate("order-1");
  server.Settle();
  v1::ListWorkflowsRequest request = Pages(10);
  request.mutable_filter()->set_workflow_id("order-1");
  const auto rows = ListAll(request);
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].status(), v1::RUN_STATUS_TERMINATED);
  EXPECT_EQ(rows[0].close_time_unix_ms(), FakeClock::NowMs());
  EXPECT_EQ(rows[0].history_events(), 2);
}

TEST_F(ListTest, AllThatIsSetInTheFilterMustHold) {
  const auto count = [&](auto set) {
    v1::ListWorkflowsRequest request = Pages(4);
    set(*request.mutable_filter());
    v1::CountWorkflowsRequest to_count;
    *to_count.mutable_filter() = request.filter();
    const size_t listed = ListAll(request).size();
    EXPECT_EQ(server.reader().Count(to_count)->count(), static_cast<int64_t>(listed));
    return listed;
  };
  EXPECT_EQ(count([](auto& f) { f.add_statuses(v1::RUN_STATUS_TERMINATED); }), 10u);
  EXPECT_EQ(count([](auto& f) {
              f.add_statuses(v1::RUN_STATUS_TERMINATED);
              f.add_statuses(v1::RUN_STATUS_RUNNING);
            }),
            30u);
  EXPECT_EQ(count([](auto& f) { f.set_workflow_type("even"); }), 15u);
  EXPECT_EQ(count([](auto& f) { f.set_task_queue("small"); }), 10u);
  EXPECT_EQ(count([](auto& f) {
              f.set_workflow_type("odd");
              f.set_task_queue("small");
            }),
            5u);
  EXPECT_EQ(count([](auto& f) { f.set_workflow_id_prefix("order-2"); }), 11u);
  EXPECT_EQ(count([](auto& f) { f.set_workflow_id("order-2"); }), 1u);
  EXPECT_EQ(count([](auto& f) { f.set_started_from_unix_ms(kStartMs + 20); }), 10u);
  EXPECT_EQ(count([](auto& f) { f.set_started_before_unix_ms(kStartMs + 20); }), 20u);
  EXPECT_EQ(count([](auto& f) { f.set_workflow_id("nobody"); }), 0u);
}

TEST_F(ListTest, CountsByStatus) {
  const auto counted = server.reader().Count(v1::CountWorkflowsRequest());
  EXPECT_EQ(counted->count(), 30);
  EXPECT_EQ(counted->by_status().at("RUN_STATUS_RUNNING"), 20);
  EXPECT_EQ(counted->by_status().at("RUN_STATUS_TERMINATED"), 10);
}

TEST_F(ListTest, ACallLooksAtABoundedNumberOfRows) {
  server.reader_limits.list_rows_scanned_max = 4;
  v1::ListWorkflowsRequest request = Pages(10);
  request.mutable_filter()->set_workflow_id("order-0");
  int pages = 0;
  const auto rows = ListAll(request, [&] { ++pages; });
  EXPECT_EQ(WorkflowIds(rows), std::vector<std::string>{"order-0"});
  EXPECT_GE(pages, 7);
  server.reader_limits.list_rows_scanned_max = 2;
  EXPECT_TRUE(absl::IsResourceExhausted(server.reader().Count(v1::CountWorkflowsRequest()).status()));
}

TEST_F(ListTest, RunsStartedBetweenPagesDoNotDisturbThem) {
  int started = 0;
  const auto rows = ListAll(Pages(2), [&] {
    for (int i = 0; i < 6; ++i) server.Start(StartOf("new-" + std::to_string(started++)));
    server.Settle();
  });
  EXPECT_GT(started, 10);
  EXPECT_EQ(WorkflowIds(rows), newest_first);
}

TEST_F(ListTest, RunsDeletedBetweenPagesDoNotDisturbThem) {
  v1::ListWorkflowsRequest request = Pages(5);
  bool deleted = false;
  const auto rows = ListAll(request, [&] {
    if (std::exchange(deleted, true)) return;
    server.Checkpoint();
    server.Advance(8LL * 24 * 3600 * 1000);
  });
  std::set<std::string> ids;
  for (const auto& row : rows) EXPECT_TRUE(ids.insert(row.workflow_id()).second) << row.workflow_id();
  for (int i = 0; i < 30; ++i) {
    if (i % 3 != 0) EXPECT_TRUE(ids.contains("order-" + std::to_string(i)));
  }
}

TEST_F(ListTest, BadPageTokensAreRefused) {
  for (const char* token :
       {"x", "1", "1.2", "1.2.3.4", "1.2.x", "1..3", "-1.2.3", ".", "1.2.99999999999999999999"}) {
    v1::ListWorkflowsRequest request = Pages(10);
    request.set_page_token(token);
    const auto got = server.reader().List(request);
    EXPECT_TRUE(absl::IsInvalidArgument(got.status())) << token << ": " << got.status();
  }
}

TEST_F(ListTest, AnyOtherTokenIsHarmless) {
  for (const char* token :
       {"0.0.0", "1.1.1", "18446744073709551615.18446744073709551615.18446744073709551615"}) {
    v1::ListWorkflowsRequest request = Pages(10);
    request.set_page_token(token);
    EXPECT_TRUE(server.reader().List(request).ok()) << token;
  }
}

TEST_F(ListTest, NamespacesAreApart) {
  server.Start(StartOf("order-1").Namespace("other"));
  server.Settle();
  v1::ListWorkflowsRequest request = Pages(10);
  request.set_namespace_("other");
  EXPECT_THAT(ListAll(request), SizeIs(1));
  EXPECT_EQ(WorkflowIds(ListAll(Pages(10))), newest_first);
}

}  // namespace
}  // namespace perdure::partition::testing
