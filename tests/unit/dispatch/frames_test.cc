// Frames: what goes into one, what is kept back, and what a worker's frame may hold.
#include "tests/unit/dispatch/harness.h"

namespace perdure::dispatch {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FramesTest : public DispatchTest {
 protected:
  v1::ServerFrame Next(const TestWorker& worker) {
    v1::ServerFrame frame;
    dispatcher().TakeFrame(worker.session, worker.sink.get(), frame);
    return frame;
  }
};

TEST_F(FramesTest, AreSplitByItems) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1'000));
  for (uint64_t n = 1; n <= 600; ++n) Offer(Task("charge", n));
  EXPECT_EQ(Next(worker).tasks_size(), 256);
  EXPECT_EQ(Next(worker).tasks_size(), 256);
  EXPECT_EQ(Next(worker).tasks_size(), 88);
  v1::ServerFrame frame;
  EXPECT_FALSE(dispatcher().TakeFrame(worker.session, worker.sink.get(), frame));
}

TEST_F(FramesTest, AreSplitByBytes) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1'000));
  for (uint64_t n = 1; n <= 5; ++n) Offer(Task("charge", n).Bytes(400'000));
  EXPECT_EQ(Next(worker).tasks_size(), 2);
  EXPECT_EQ(Next(worker).tasks_size(), 2);
  EXPECT_EQ(Next(worker).tasks_size(), 1);
}

TEST_F(FramesTest, TakeALargeItemAlone) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1'000));
  Offer(Task("charge", 1));
  Offer(Task("charge", 2).Bytes(4 << 20));
  Offer(Task("charge", 3));
  EXPECT_EQ(Next(worker).tasks_size(), 1);
  EXPECT_EQ(Next(worker).tasks_size(), 1);
  EXPECT_EQ(Next(worker).tasks(0).token().delivery(), 3u);
}

TEST_F(FramesTest, SplitManyAcknowledgements) {
  TestWorker worker = Connect(MakeHello("w"));
  std::vector<uint64_t> ids(25'000);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = i + 1;
  Acknowledge(worker.session, ids);
  EXPECT_EQ(Next(worker).acked_answer_ids_size(), 10'000);
  const Inbox rest = worker.Receive();
  EXPECT_THAT(rest.acks, SizeIs(15'000));
  EXPECT_EQ(rest.acks.back(), 25'000u);
}

TEST_F(FramesTest, WorkIsHeldBackWhileTooMuchWaitsToBeSent) {
  options.session_outgoing_bytes_max = 10'000;
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 100));
  for (uint64_t n = 1; n <= 8; ++n) Offer(Task("charge", n).Bytes(4'000));
  EXPECT_EQ(SessionNamed("w").tasks_out(), 3);
  EXPECT_EQ(QueueOf("charge").depth(), 5);
  Next(worker);
  EXPECT_EQ(SessionNamed("w").tasks_out(), 6) << "what was sent made room";
  EXPECT_THAT(worker.Receive().tasks, SizeIs(5));
  EXPECT_EQ(QueueOf("charge").depth(), 0);
}

// What is counted for an item must be taken off when it is sent: to the byte, or a session stops after a
// while.
TEST_F(FramesTest, ASessionNeverStopsTakingWork) {
  options.session_outgoing_bytes_max = 5'000;
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 2).Workflows({"order"}, 2));
  for (uint64_t n = 1; n <= 2'000; n += 2) {
    Offer(Task("charge", n).Bytes(n % 50));
    Offer(Activation("order", n + 1).Bytes(n % 30));
    const Inbox in = worker.Receive();
    ASSERT_THAT(in.tasks, SizeIs(1)) << "after " << n << " items";
    ASSERT_THAT(in.activations, SizeIs(1)) << "after " << n << " items";
    ASSERT_TRUE(worker.AnswerAll({in.tasks[0], in.activations[0]}, n).ok());
    Acknowledge(worker.session, {n, n + 1});
  }
}

TEST_F(FramesTest, AnswersAreAcknowledgedWhenTheyAreDurable) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  Offer(Task("charge", 1));
  ASSERT_TRUE(worker.Answer(worker.Receive().tasks[0], 7).ok());
  EXPECT_THAT(worker.Receive().acks, IsEmpty());
  const int wakes = worker.sink->wakes;
  Acknowledge(worker.session, {7});
  EXPECT_EQ(worker.sink->wakes, wakes + 1);
  EXPECT_THAT(worker.Receive().acks, ElementsAre(7));
}

TEST_F(FramesTest, StaleAnswersAreAcknowledgedAtOnce) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  const int wakes = worker.sink->wakes;
  ASSERT_TRUE(worker.Answer(Task("charge", 1).Token(), 7).ok());
  EXPECT_EQ(worker.sink->wakes, wakes + 1);
  EXPECT_THAT(worker.Receive().acks, ElementsAre(7));
}

// Acknowledged before it is durable, an answer would be lost with the server.
TEST_F(FramesTest, ARepeatedAnswerIsNotAcknowledgedBeforeTheFirstOneIsDurable) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  Offer(Task("charge", 1));
  const v1::WorkToken token = worker.Receive().tasks[0];
  ASSERT_TRUE(worker.Answer(token, 7).ok());
  ASSERT_TRUE(worker.Answer(token, 7).ok());
  EXPECT_THAT(worker.Receive().acks, IsEmpty());
  Acknowledge(worker.session, {7});
  EXPECT_THAT(worker.Receive().acks, ElementsAre(7));
  ASSERT_TRUE(worker.Answer(token, 7).ok());
  EXPECT_THAT(worker.Receive().acks, ElementsAre(7)) << "now it is stale";
}

TEST_F(FramesTest, AnAnswerWithoutAnIdCountsButIsNotAcknowledged) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  Offer(Task("charge", 1));
  Offer(Task("charge", 2));
  const v1::WorkToken token = worker.Receive().tasks[0];
  ASSERT_TRUE(worker.Answer(token, 0).ok());
  ASSERT_TRUE(worker.Answer(token, 0).ok());
  EXPECT_THAT(upstream.Of<v1::TaskAnswer>(), SizeIs(1));
  const Inbox in = worker.Receive();
  EXPECT_THAT(Numbers(in.tasks), ElementsAre(2));
  EXPECT_THAT(in.acks, IsEmpty());
}

TEST_F(FramesTest, TwoAnswersUnderOneIdBothCount) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 2));
  Offer(Task("charge", 1));
  Offer(Task("charge", 2));
  const Inbox in = worker.Receive();
  ASSERT_TRUE(worker.Answer(in.tasks[0], 7).ok());
  ASSERT_TRUE(worker.Answer(in.tasks[1], 7).ok());
  EXPECT_THAT(upstream.Of<v1::TaskAnswer>(), SizeIs(2));
  EXPECT_EQ(SessionNamed("w").tasks_out(), 0);
  Acknowledge(worker.session, {7, 7});
  EXPECT_THAT(worker.Receive().acks, ElementsAre(7, 7));
}

TEST_F(FramesTest, StepAnswersAreForTheirPartitionToJudge) {
  TestWorker worker = Connect(MakeHello("w").Workflows({"order"}, 1));
  v1::WorkerFrame frame;
  frame.add_step_answers()->set_answer_id(1);
  *frame.mutable_step_answers(0)->mutable_token() = Activation("order", 99).Partition(1).Token();
  frame.add_step_answers()->set_answer_id(2);
  *frame.mutable_step_answers(1)->mutable_token() = Activation("order", 99).Partition(50).Token();
  ASSERT_TRUE(worker.Send(std::move(frame)).ok());
  EXPECT_THAT(upstream.Of<v1::StepAnswer>(), SizeIs(1));
  EXPECT_EQ(upstream.posted.back().first, 1u);
  EXPECT_THAT(worker.Receive().acks, ElementsAre(2)) << "there is no such partition";
}

TEST_F(FramesTest, StepAnswersThatCannotBeRightAreStale) {
  TestWorker worker = Connect(MakeHello("w").Workflows({"order"}, 1));
  TestWorker other = Connect(MakeHello("other").Workflows({"refund"}, 1));
  TestWorker tasks = Connect(MakeHello("tasks").Tasks({"charge"}, 1));
  Offer(Activation("order", 5).Run(7));
  const v1::WorkToken current = worker.Receive().activations.at(0);
  v1::WorkToken tampered = current;
  tampered.set_run(8);
  const auto send = [](TestWorker& from, const v1::WorkToken& token, uint64_t id) {
    v1::WorkerFrame frame;
    frame.add_step_answers()->set_answer_id(id);
    *frame.mutable_step_answers(0)->mutable_token() = token;
    ASSERT_TRUE(from.Send(std::move(frame)).ok());
  };
  send(worker, {}, 1);
  send(worker, Task("charge", 99).Token(), 2);
  send(worker, tampered, 3);
  send(other, current, 4);
  send(tasks, Activation("order", 99).Token(), 5);
  EXPECT_THAT(upstream.Of<v1::StepAnswer>(), IsEmpty());
  EXPECT_THAT(worker.Receive().acks, ElementsAre(1, 2, 3)) << "of no run; of a task; of another run";
  EXPECT_THAT(other.Receive().acks, ElementsAre(4)) << "the activation is in other hands";
  EXPECT_THAT(tasks.Receive().acks, ElementsAre(5)) << "it hosts no workflows";
  send(worker, current, 6);
  EXPECT_THAT(upstream.Of<v1::StepAnswer>(), SizeIs(1));
}

TEST_F(FramesTest, WelcomeTellsHowLargeAFrameMayBe) {
  options.frame_bytes_max = 123'456;
  options.frame_items_max = 789;
  const TestWorker worker = Connect(MakeHello("w"));
  EXPECT_EQ(worker.welcome.frame_bytes_max(), 123'456);
  EXPECT_EQ(worker.welcome.frame_items_max(), 789);
}

TEST_F(FramesTest, AWorkerThatAnswersAndDoesNotReadIsCutOff) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  const auto stale = [&] {
    v1::WorkerFrame frame;
    for (int i = 0; i < 100'000; ++i) frame.add_task_answers()->set_answer_id(1);
    return worker.Send(std::move(frame));
  };
  int frames = 0;
  absl::Status status;
  for (; status.ok(); ++frames) {
    ASSERT_LT(frames, 30) << "acknowledgements pile up without end";
    status = stale();
  }
  EXPECT_GT(frames, 5);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  worker.Receive();
  EXPECT_TRUE(stale().ok()) << "it reads again";
}

TEST_F(FramesTest, HeartbeatsCountForTasksInHandOnly) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  Offer(Task("charge", 1));
  const v1::WorkToken token = worker.Receive().tasks[0];
  v1::WorkToken tampered = token;
  tampered.set_run(4);
  for (const v1::WorkToken& t : {token, tampered, Task("charge", 2).Token()}) {
    v1::WorkerFrame frame;
    *frame.add_heartbeats()->mutable_token() = t;
    ASSERT_TRUE(worker.Send(std::move(frame)).ok());
  }
  ASSERT_THAT(upstream.Of<v1::TaskHeartbeat>(), SizeIs(1));
  EXPECT_EQ(upstream.Of<v1::TaskHeartbeat>()[0].token().run(), token.run());
}

TEST_F(FramesTest, EvictedCoroutinesAreReported) {
  TestWorker worker = Connect(MakeHello("w").Workflows({"order"}, 1));
  v1::WorkerFrame frame;
  *frame.add_evicted() = Activation("order", 1).Partition(1).Run(7).Token();
  *frame.add_evicted() = Activation("order", 1).Partition(9).Run(7).Token();
  *frame.add_evicted() = Activation("order", 1).Run(0).Token();
  ASSERT_TRUE(worker.Send(std::move(frame)).ok());
  const std::vector<CoroutineGone> gone = upstream.Of<CoroutineGone>();
  ASSERT_THAT(gone, SizeIs(1)) << "run 0 would mean all runs";
  EXPECT_EQ(gone[0].token.run(), 7u);
}

TEST_F(FramesTest, AnEmptyFrameIsFine) {
  TestWorker worker = Connect(MakeHello("w"));
  EXPECT_TRUE(worker.Send({}).ok());
  EXPECT_EQ(worker.Receive().frames, 0);
}

}  // namespace
}  // namespace perdure::dispatch
