// Credits: never more in a worker's hands than it offered to take, and each credit comes back exactly once.
#include "tests/unit/dispatch/harness.h"

namespace perdure::dispatch {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CreditsTest : public DispatchTest {};

TEST_F(CreditsTest, AreNeverExceeded) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 2));
  for (uint64_t n = 1; n <= 5; ++n) Offer(Task("charge", n));
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(1, 2));
  EXPECT_EQ(SessionNamed("w").tasks_out(), 2);
}

TEST_F(CreditsTest, ComeBackWithTheAnswer) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 2));
  for (uint64_t n = 1; n <= 5; ++n) Offer(Task("charge", n));
  const Inbox first = worker.Receive();
  ASSERT_TRUE(worker.Answer(first.tasks[1], 1).ok());
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(3));
  EXPECT_THAT(upstream.Of<v1::TaskAnswer>(), SizeIs(1));
}

TEST_F(CreditsTest, OfActivationsAndTasksAreApart) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1).Workflows({"order"}, 2));
  for (uint64_t n = 1; n <= 3; ++n) Offer(Task("charge", n));
  for (uint64_t n = 11; n <= 13; ++n) Offer(Activation("order", n));
  const Inbox in = worker.Receive();
  EXPECT_THAT(Numbers(in.tasks), ElementsAre(1));
  EXPECT_THAT(Numbers(in.activations), ElementsAre(11, 12));
}

TEST_F(CreditsTest, OfZeroTakeNothing) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 0));
  Offer(Task("charge", 1));
  EXPECT_THAT(worker.Receive().tasks, IsEmpty());
  EXPECT_EQ(QueueOf("charge").depth(), 1);
}

TEST_F(CreditsTest, ComeBackOnceForAnAnswerSentTwice) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  for (uint64_t n = 1; n <= 3; ++n) Offer(Task("charge", n));
  const v1::WorkToken token = worker.Receive().tasks[0];
  ASSERT_TRUE(worker.Answer(token, 1).ok());
  ASSERT_TRUE(worker.Answer(token, 1).ok());
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(2));
  EXPECT_EQ(SessionNamed("w").tasks_out(), 1);
  EXPECT_THAT(upstream.Of<v1::TaskAnswer>(), SizeIs(1));
}

TEST_F(CreditsTest, ComeBackOnceForAnAnswerTwiceInOneFrame) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  for (uint64_t n = 1; n <= 3; ++n) Offer(Task("charge", n));
  const v1::WorkToken token = worker.Receive().tasks[0];
  ASSERT_TRUE(worker.AnswerAll({token, token}, 1).ok());
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(2));
  EXPECT_EQ(SessionNamed("w").tasks_out(), 1);
}

TEST_F(CreditsTest, DoNotComeFromTokensThatNobodyGaveOut) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  Offer(Task("charge", 1));
  Offer(Task("charge", 2));
  ASSERT_THAT(worker.Receive().tasks, SizeIs(1));
  ASSERT_TRUE(worker.Answer(Task("charge", 2).Token(), 1).ok());
  ASSERT_TRUE(worker.Answer(Task("charge", 99).Token(), 2).ok());
  ASSERT_TRUE(worker.Answer(Task("charge", 1).Partition(7).Token(), 3).ok());
  EXPECT_EQ(SessionNamed("w").tasks_out(), 1);
  EXPECT_THAT(worker.Receive().acks, ElementsAre(1, 2, 3));
  EXPECT_THAT(upstream.Of<v1::TaskAnswer>(), IsEmpty());
}

// Such an answer would take the delivery out of the worker's hands, while its run waits for it for ever.
TEST_F(CreditsTest, DoNotComeFromATokenThatWasTamperedWith) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1).Workflows({"order"}, 1));
  Offer(Task("charge", 1));
  Offer(Activation("order", 2));
  const Inbox in = worker.Receive();
  v1::WorkToken other_run = in.tasks[0];
  other_run.set_run(5);
  v1::WorkToken other_attempt = in.tasks[0];
  other_attempt.set_attempt(2);
  v1::WorkToken other_seq = in.activations[0];
  other_seq.set_seq(3);
  ASSERT_TRUE(worker.AnswerAll({other_run, other_attempt, other_seq}, 1).ok());
  EXPECT_EQ(SessionNamed("w").tasks_out(), 1);
  EXPECT_EQ(SessionNamed("w").activations_out(), 1);
  EXPECT_THAT(upstream.Of<v1::TaskAnswer>(), IsEmpty());
  EXPECT_THAT(upstream.Of<v1::ActivationAnswer>(), IsEmpty());

  ASSERT_TRUE(worker.AnswerAll({in.tasks[0], in.activations[0]}, 4).ok());
  EXPECT_THAT(upstream.Of<v1::TaskAnswer>(), SizeIs(1));
  EXPECT_THAT(upstream.Of<v1::ActivationAnswer>(), SizeIs(1));
}

TEST_F(CreditsTest, DoNotComeFromATaskAnswerToAnActivation) {
  TestWorker worker = Connect(MakeHello("w").Workflows({"order"}, 1));
  Offer(Activation("order", 1));
  const v1::WorkToken token = worker.Receive().activations[0];
  v1::WorkerFrame frame;
  frame.add_task_answers()->set_answer_id(1);
  *frame.mutable_task_answers(0)->mutable_token() = token;
  ASSERT_TRUE(worker.Send(std::move(frame)).ok());
  EXPECT_EQ(SessionNamed("w").activations_out(), 1);
  EXPECT_THAT(upstream.Of<v1::TaskAnswer>(), IsEmpty());
}

TEST_F(CreditsTest, AreNotTakenFromAnotherSession) {
  TestWorker one = Connect(MakeHello("one").Tasks({"charge"}, 1));
  TestWorker two = Connect(MakeHello("two").Tasks({"ship"}, 1));
  Offer(Task("charge", 1));
  const v1::WorkToken token = one.Receive().tasks[0];
  ASSERT_TRUE(two.Answer(token, 1).ok());
  EXPECT_EQ(SessionNamed("one").tasks_out(), 1);
  EXPECT_THAT(upstream.Of<v1::TaskAnswer>(), IsEmpty());
  EXPECT_THAT(two.Receive().acks, ElementsAre(1));
}

TEST_F(CreditsTest, DoNotComeFromAnAnswerAfterTheSessionWasGivenUp) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  Offer(Task("charge", 1));
  const v1::WorkToken token = worker.Receive().tasks[0];
  worker.Cut();
  Advance(options.reconnect_grace_ms);
  dispatcher().Tick();
  upstream.Forget();

  worker.Reconnect(MakeHello("w").Tasks({"charge"}, 1));
  ASSERT_TRUE(worker.Answer(token, 1).ok());
  EXPECT_EQ(SessionNamed("w").tasks_out(), 0);
  EXPECT_THAT(worker.Receive().acks, ElementsAre(1));
  EXPECT_THAT(upstream.Of<v1::TaskAnswer>(), IsEmpty());
}

TEST_F(CreditsTest, AreReportedAsTakenBeforeTheAnswer) {
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 1));
  Offer(Task("charge", 1).Partition(1));
  ASSERT_THAT(upstream.posted, SizeIs(2)) << "opened and taken";
  EXPECT_EQ(upstream.posted[1].first, 1u);
  EXPECT_THAT(upstream.Of<Taken>(), ElementsAre(About(1)));
  EXPECT_EQ(upstream.posted[1].second.peer->session, worker.session);
  EXPECT_EQ(upstream.posted[1].second.peer->identity, "identity of w");
  EXPECT_EQ(upstream.posted[1].second.peer->build_id, "build-1");
}

}  // namespace
}  // namespace perdure::dispatch
