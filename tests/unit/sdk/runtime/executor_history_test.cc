// The executor and its server: reconnects, restarts, stale tokens, histories that are asked for.
#include <thread>

#include "tests/unit/sdk/runtime/executor_scenario.h"
#include "worker-sdk/src/runtime/executor.h"

namespace perdure::testing {
namespace {

using ::testing::HasSubstr;

Co<int> SumOfTwo(Context& ctx, int) {
  const int a = co_await ctx.WaitSignal(kNumber);
  co_return a + co_await ctx.WaitSignal(kNumber);
}

// The server's second activation makes the executor replay, and it has asked for the history.
void AskForHistory(FakeServer& server) {
  server.Start(kWorkflow, 0);
  server.Settle();
  server.executor().Evict(server.token());
  server.set_answer_history(false);
  server.Send(kNumber, 1);
  server.SendActivation();
  while (server.history_requests() < 1) std::this_thread::yield();
}

TEST(ExecutorTest, ARestartedServerMakesACoroutineThatIsAheadReplay) {
  const Registry registry = Hosting(SumOfTwo);
  FakeServer server(registry);
  server.Start(kWorkflow, 0);
  server.Settle();
  server.Send(kNumber, 1);
  server.SendActivation();
  server.ForgetActivation();  // its answer will count for nothing
  server.SendActivation();    // delivered anew, on top of the same history
  server.AwaitAnswers(3);
  server.Settle();
  server.Send(kNumber, 2);
  server.Settle();
  EXPECT_EQ(server.ResultOf(kWorkflow), 3);
  EXPECT_GE(server.history_requests(), 1);
}

TEST(ExecutorTest, AfterAReconnectHistoryIsAskedForAgain) {
  const Registry registry = Hosting(SumOfTwo);
  FakeServer server(registry);
  AskForHistory(server);
  EXPECT_EQ(server.executor().InHand().size(), 1u);
  EXPECT_EQ(server.executor().Stats().in_hand, 1);
  // Half of it came before the stream broke.
  v1::HistoryRequest request;
  *request.mutable_token() = server.token();
  v1::HistoryChunk half;
  *half.mutable_token() = server.token();
  *half.add_events() = server.history()[0];
  server.executor().History(half);
  server.set_answer_history(true);
  server.executor().Reconnected(/*same_epoch=*/true);
  server.AwaitAnswers(2);
  EXPECT_EQ(server.history_requests(), 2);
  server.Send(kNumber, 2);
  server.Settle();
  EXPECT_EQ(server.ResultOf(kWorkflow), 3);
}

TEST(ExecutorTest, AnotherEpochDropsWhatIsInHand) {
  const Registry registry = Hosting(SumOfTwo);
  FakeServer server(registry);
  AskForHistory(server);
  server.executor().Reconnected(/*same_epoch=*/false);
  EXPECT_TRUE(server.executor().WaitIdle(std::chrono::seconds(60)));
  EXPECT_TRUE(server.executor().InHand().empty());
  server.ForgetActivation();
  server.set_answer_history(true);
  server.Settle();
  server.Send(kNumber, 2);
  server.Settle();
  EXPECT_EQ(server.ResultOf(kWorkflow), 3);
}

// The answer to an activation may have been taken and its acknowledgement lost, with the run's next
// activation here.
TEST(ExecutorTest, AStaleTokenDropsTheActivationItNamesAndNoLaterOne) {
  const Registry registry = Hosting(SumOfTwo);
  FakeServer server(registry);
  server.Start(kWorkflow, 0);
  server.Settle();
  const v1::WorkToken answered = server.token();
  server.executor().Evict(answered);
  server.set_answer_history(false);
  server.Send(kNumber, 1);
  server.SendActivation();
  while (server.history_requests() < 1) std::this_thread::yield();
  ASSERT_NE(server.token().delivery(), answered.delivery());
  server.executor().Drop(answered);
  // Behind the drop in the run's mailbox: it is asked for once more, if it is still there.
  server.executor().Reconnected(/*same_epoch=*/true);
  while (server.history_requests() < 2 && !server.executor().InHand().empty()) std::this_thread::yield();
  ASSERT_EQ(server.executor().InHand().size(), 1u);
  EXPECT_EQ(server.executor().InHand()[0].delivery(), server.token().delivery());
  server.executor().Drop(server.token());
  EXPECT_TRUE(server.executor().WaitIdle(std::chrono::seconds(60)));
  EXPECT_TRUE(server.executor().InHand().empty());
}

TEST(ExecutorTest, HistoryThatCannotBeHadDropsTheActivation) {
  const Registry registry = Hosting(SumOfTwo);
  FakeServer server(registry);
  AskForHistory(server);
  v1::HistoryChunk chunk;
  *chunk.mutable_token() = server.token();
  chunk.set_error("stale token");
  server.executor().History(chunk);
  EXPECT_TRUE(server.executor().WaitIdle(std::chrono::seconds(60)));
}

TEST(ExecutorTest, AnIncompleteHistoryFailsTheActivation) {
  const Registry registry = Hosting(SumOfTwo);
  FakeServer server(registry);
  AskForHistory(server);
  v1::HistoryChunk chunk;
  *chunk.mutable_token() = server.token();
  *chunk.add_events() = server.history()[0];
  chunk.set_last(true);
  server.executor().History(chunk);
  server.AwaitAnswers(2);
  ASSERT_EQ(server.activation_failures().size(), 1u);
  EXPECT_THAT(server.activation_failures()[0].message, HasSubstr("lacks event 2 of 2"));
}

TEST(ExecutorTest, AHistoryThatGoesBackFailsTheActivation) {
  const Registry registry = Hosting(SumOfTwo);
  FakeServer server(registry);
  AskForHistory(server);
  v1::HistoryChunk chunk;
  *chunk.mutable_token() = server.token();
  *chunk.add_events() = server.history()[0];
  *chunk.add_events() = server.history()[1];
  v1::Event& back = *chunk.add_events();
  back.set_event_id(3);
  back.mutable_advanced()->set_consumed_through(0);
  chunk.set_last(true);
  server.executor().History(chunk);
  server.AwaitAnswers(2);
  ASSERT_EQ(server.activation_failures().size(), 1u);
  EXPECT_THAT(
      server.activation_failures()[0].message,
      HasSubstr(
          "event 3 of the history says that the code had seen events up to 0, after one that says up to 1"));
}

}  // namespace
}  // namespace perdure::testing
