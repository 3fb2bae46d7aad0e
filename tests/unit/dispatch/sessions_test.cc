// Sessions: coming, going, and coming back.
#include "tests/unit/dispatch/harness.h"

namespace perdure::dispatch {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class SessionsTest : public DispatchTest {
 protected:
  const v1::Hello hello_ = MakeHello("w").Tasks({"charge"}, 5).Workflows({"order"}, 5);
};

TEST_F(SessionsTest, TheWelcomeTellsTheLimits) {
  options.reconnect_grace_ms = 4'000;
  options.payload_bytes_max = 123;
  options.commands_per_advance_max = 45;
  const TestWorker worker = Connect(hello_);
  EXPECT_EQ(worker.welcome.server_epoch(), 77u);
  EXPECT_EQ(worker.welcome.server_version(), "test");
  EXPECT_EQ(worker.welcome.reconnect_grace_ms(), 4'000);
  EXPECT_EQ(worker.welcome.payload_bytes_max(), 123);
  EXPECT_EQ(worker.welcome.commands_per_advance_max(), 45);
  EXPECT_FALSE(worker.welcome.resumed());
}

TEST_F(SessionsTest, OpeningIsRecorded) {
  Connect(hello_);
  ASSERT_THAT(upstream.Of<SessionOpened>(), SizeIs(1));
  const SessionOpened opened = upstream.Of<SessionOpened>()[0];
  EXPECT_EQ(opened.session_id, "w");
  EXPECT_EQ(opened.ns, "default");
  EXPECT_EQ(opened.task_queue, "main");
}

TEST_F(SessionsTest, AStreamIsNotWokenBeforeItsWelcome) {
  Offer(Task("charge", 1));
  TestWorker worker = Connect(hello_);
  EXPECT_EQ(worker.sink->wakes, 0);
  EXPECT_THAT(worker.Receive().tasks, SizeIs(1)) << "it asks by itself after the welcome";
  Offer(Task("charge", 2));
  EXPECT_EQ(worker.sink->wakes, 1);
}

TEST_F(SessionsTest, ALostSessionKeepsItsWorkForTheGrace) {
  TestWorker worker = Connect(hello_);
  Offer(Task("charge", 1));
  worker.Receive();
  worker.Cut();
  Advance(options.reconnect_grace_ms - 1);
  dispatcher().Tick();
  EXPECT_THAT(upstream.Of<Returned>(), IsEmpty());
  EXPECT_FALSE(SessionNamed("w").connected());
  EXPECT_EQ(SessionNamed("w").tasks_out(), 1);
}

TEST_F(SessionsTest, ALostSessionGetsNothingNew) {
  TestWorker worker = Connect(hello_);
  worker.Cut();
  Offer(Task("charge", 1));
  EXPECT_EQ(QueueOf("charge").depth(), 1);
  worker.Reconnect(hello_);
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(1));
}

TEST_F(SessionsTest, ASessionThatIsGivenUpReturnsItsWorkAsBegun) {
  TestWorker worker = Connect(hello_);
  Offer(Task("charge", 1).Partition(1));
  Offer(Activation("order", 2));
  worker.Receive();
  worker.Cut();
  Advance(options.reconnect_grace_ms);
  dispatcher().Tick();
  EXPECT_THAT(upstream.Of<Returned>(), UnorderedElementsAre(ReturnedAs(1, true), ReturnedAs(2, true)));
  const std::vector<CoroutineGone> gone = upstream.Of<CoroutineGone>();
  ASSERT_THAT(gone, SizeIs(2)) << "every partition hears that its coroutines are gone";
  EXPECT_EQ(gone[0].token.run(), 0u);
  EXPECT_EQ(upstream.posted.back().second.peer->session, worker.session);
  ASSERT_THAT(upstream.Of<SessionClosed>(), SizeIs(1));
  EXPECT_EQ(upstream.Of<SessionClosed>()[0].session_id, "w");
  EXPECT_EQ(SessionNamed("w").session_id(), "");
}

// It cannot have begun, so it is no failed attempt; and others need not wait for the grace.
TEST_F(SessionsTest, WhatWasNotSentIsReturnedAtOnceAndNotAsBegun) {
  TestWorker worker = Connect(hello_);
  Offer(Task("charge", 1));
  worker.Receive();
  Offer(Task("charge", 2));
  worker.Cut();
  EXPECT_THAT(upstream.Of<Returned>(), ElementsAre(ReturnedAs(2, false)));
  EXPECT_EQ(SessionNamed("w").tasks_out(), 1);
}

TEST_F(SessionsTest, ResumingKeepsWhatTheWorkerHas) {
  TestWorker worker = Connect(hello_);
  Offer(Task("charge", 1));
  Offer(Activation("order", 2));
  const Inbox in = worker.Receive();
  worker.Cut();
  Advance(options.reconnect_grace_ms - 1);
  const SessionNumber before = worker.session;
  worker.Reconnect(MakeHello("w")
                       .Tasks({"charge"}, 5)
                       .Workflows({"order"}, 5)
                       .TaskInHand(in.tasks[0])
                       .ActivationInHand(in.activations[0]));
  EXPECT_EQ(worker.session, before);
  EXPECT_TRUE(worker.welcome.resumed());
  EXPECT_THAT(worker.welcome.stale_tokens(), IsEmpty());
  Advance(options.reconnect_grace_ms);
  dispatcher().Tick();
  EXPECT_THAT(upstream.Of<Returned>(), IsEmpty());
  EXPECT_THAT(upstream.Of<TakenOver>(), IsEmpty()) << "the partitions never noticed";
  ASSERT_TRUE(worker.AnswerAll({in.tasks[0], in.activations[0]}, 1).ok());
  EXPECT_THAT(upstream.Of<v1::TaskAnswer>(), SizeIs(1));
  EXPECT_THAT(upstream.Of<v1::ActivationAnswer>(), SizeIs(1));
}

TEST_F(SessionsTest, ResumingReturnsWhatDidNotArrive) {
  TestWorker worker = Connect(hello_);
  for (uint64_t n = 1; n <= 3; ++n) Offer(Task("charge", n));
  const Inbox in = worker.Receive();
  worker.Cut();
  worker.Reconnect(MakeHello("w").Tasks({"charge"}, 5).TaskInHand(in.tasks[1]));
  EXPECT_THAT(upstream.Of<Returned>(), UnorderedElementsAre(ReturnedAs(1, false), ReturnedAs(3, false)));
  EXPECT_EQ(SessionNamed("w").tasks_out(), 1);
}

TEST_F(SessionsTest, ResumingNamesWhatTheServerDoesNotWaitFor) {
  TestWorker worker = Connect(hello_);
  Offer(Task("charge", 1));
  const Inbox in = worker.Receive();
  worker.Cut();
  v1::WorkToken tampered = in.tasks[0];
  tampered.set_run(9);
  worker.Reconnect(MakeHello("w")
                       .Tasks({"charge"}, 5)
                       .TaskInHand(Task("charge", 55).Token())
                       .TaskInHand(tampered)
                       .ActivationInHand(Activation("order", 66).Token()));
  EXPECT_THAT(worker.welcome.stale_tokens(), ElementsAre(Delivery(55), Delivery(1), Delivery(66)));
  EXPECT_THAT(upstream.Of<Returned>(), ElementsAre(ReturnedAs(1, false)));
}

// The worker would throw its answer away, and with the server killed before the commit it would be lost.
TEST_F(SessionsTest, ResumingDoesNotCallAnAnswerStaleThatIsNotDurableYet) {
  TestWorker worker = Connect(hello_);
  Offer(Task("charge", 1));
  const Inbox in = worker.Receive();
  ASSERT_TRUE(worker.Answer(in.tasks[0], 1).ok());
  worker.Cut();
  worker.Reconnect(MakeHello("w").Tasks({"charge"}, 5).TaskInHand(in.tasks[0]));
  EXPECT_THAT(worker.welcome.stale_tokens(), IsEmpty());
  EXPECT_THAT(upstream.Of<Returned>(), IsEmpty());
  ASSERT_TRUE(worker.Answer(in.tasks[0], 1).ok());
  EXPECT_THAT(worker.Receive().acks, IsEmpty());
  EXPECT_THAT(upstream.Of<v1::TaskAnswer>(), SizeIs(1));
  Acknowledge(worker.session, {1});
  EXPECT_THAT(worker.Receive().acks, ElementsAre(1));
}

TEST_F(SessionsTest, AnAnswerDurableWhileTheStreamWasCutIsAcknowledgedWhenItIsRepeated) {
  TestWorker worker = Connect(hello_);
  Offer(Task("charge", 1));
  const Inbox in = worker.Receive();
  ASSERT_TRUE(worker.Answer(in.tasks[0], 1).ok());
  worker.Cut();
  Acknowledge(worker.session, {1});
  worker.Reconnect(MakeHello("w").Tasks({"charge"}, 5).TaskInHand(in.tasks[0]));
  EXPECT_THAT(worker.welcome.stale_tokens(), ElementsAre(Delivery(1)));
  ASSERT_TRUE(worker.Answer(in.tasks[0], 1).ok());
  EXPECT_THAT(worker.Receive().acks, ElementsAre(1));
}

TEST_F(SessionsTest, TheSameSessionIdTwiceAbortsTheOlderStream) {
  TestWorker worker = Connect(hello_);
  Offer(Task("charge", 1));
  const Inbox in = worker.Receive();
  const std::shared_ptr<FakeSink> older = worker.sink;
  worker.Reconnect(MakeHello("w").Tasks({"charge"}, 5).TaskInHand(in.tasks[0]));
  ASSERT_TRUE(older->aborted.has_value());
  EXPECT_EQ(older->aborted->code(), absl::StatusCode::kAborted);
  EXPECT_FALSE(worker.sink->aborted.has_value());
  EXPECT_TRUE(worker.welcome.resumed());
  dispatcher().StreamClosed(worker.session, older.get());
  EXPECT_TRUE(SessionNamed("w").connected()) << "the end of the older stream is not the session's";
  EXPECT_EQ(SessionNamed("w").tasks_out(), 1);
}

// Its abort may be on its way while gRPC asks for the next frame to write.
TEST_F(SessionsTest, AStreamThatWasTakenOverNeitherGetsNorSendsAnything) {
  TestWorker worker = Connect(hello_);
  const std::shared_ptr<FakeSink> older = worker.sink;
  worker.Reconnect(hello_);
  Offer(Task("charge", 1));
  v1::ServerFrame frame;
  EXPECT_FALSE(dispatcher().TakeFrame(worker.session, older.get(), frame));
  EXPECT_EQ(dispatcher().Receive(worker.session, older.get(), {}).code(), absl::StatusCode::kAborted);
  EXPECT_THAT(Numbers(worker.Receive().tasks), ElementsAre(1));
}

TEST_F(SessionsTest, DrainTakesNothingNewAndKeepsWhatItHas) {
  TestWorker worker = Connect(hello_);
  Offer(Task("charge", 1));
  const Inbox in = worker.Receive();
  ASSERT_TRUE(worker.Drain().ok());
  Offer(Task("charge", 2));
  EXPECT_THAT(worker.Receive().tasks, IsEmpty());
  EXPECT_TRUE(SessionNamed("w").draining());
  ASSERT_TRUE(worker.Answer(in.tasks[0], 1).ok());
  EXPECT_THAT(worker.Receive().tasks, IsEmpty());
  EXPECT_EQ(QueueOf("charge").depth(), 1);
}

TEST_F(SessionsTest, DrainedWithEmptyHandsLeavesAtOnce) {
  TestWorker worker = Connect(hello_);
  ASSERT_TRUE(worker.Drain().ok());
  worker.Cut();
  EXPECT_EQ(SessionNamed("w").session_id(), "");
  EXPECT_THAT(upstream.Of<SessionClosed>(), SizeIs(1));
  EXPECT_THAT(upstream.Of<CoroutineGone>(), SizeIs(2));
  EXPECT_THAT(upstream.Of<Returned>(), IsEmpty());
}

TEST_F(SessionsTest, DrainedWithWorkInHandStaysForTheGrace) {
  TestWorker worker = Connect(hello_);
  Offer(Task("charge", 1));
  worker.Receive();
  ASSERT_TRUE(worker.Drain().ok());
  worker.Cut();
  EXPECT_EQ(SessionNamed("w").session_id(), "w");
  EXPECT_THAT(upstream.Of<SessionClosed>(), IsEmpty());
}

TEST_F(SessionsTest, AreBounded) {
  options.sessions_max = 2;
  TestWorker a = Connect(MakeHello("a"));
  TestWorker b = Connect(MakeHello("b"));
  const absl::Status refused = dispatcher().Open(MakeHello("c"), std::make_shared<FakeSink>()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("sessions_max"));
  a.Cut();
  a.Reconnect(MakeHello("a"));
  EXPECT_TRUE(a.welcome.resumed()) << "one that is known is not one more";
  ASSERT_TRUE(b.Drain().ok());
  b.Cut();
  EXPECT_TRUE(dispatcher().Open(MakeHello("c"), std::make_shared<FakeSink>()).ok());
}

TEST_F(SessionsTest, AFrameIsRefusedWhileThePartitionsHaveNoRoom) {
  TestWorker worker = Connect(hello_);
  upstream.has_room = false;
  const absl::Status refused = worker.Send({});
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("mailbox_items_max"));
}

TEST_F(SessionsTest, ASecondHelloIsRefused) {
  TestWorker worker = Connect(hello_);
  v1::WorkerFrame frame;
  *frame.mutable_hello() = hello_;
  EXPECT_EQ(worker.Send(frame).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(SessionsTest, ShutdownEndsEveryStreamAndLetsNobodyIn) {
  TestWorker worker = Connect(hello_);
  dispatcher().Shutdown(absl::UnavailableError("the server stops"));
  ASSERT_TRUE(worker.sink->aborted.has_value());
  EXPECT_EQ(worker.sink->aborted->code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(dispatcher().Open(MakeHello("x"), std::make_shared<FakeSink>()).status().code(),
            absl::StatusCode::kUnavailable);
}

// For metrics, and for who stops the server.
TEST_F(SessionsTest, WhatIsInHandIsSummedUpAndWhatIsLostIsCounted) {
  Start({"from before"});
  TestWorker worker = Connect(MakeHello("w").Tasks({"charge"}, 2).Workflows({"order"}, 1));
  for (uint64_t n = 1; n <= 3; ++n) Offer(Task("charge", n));
  Offer(Activation("order", 4));
  worker.Receive();
  const Dispatcher::Totals sum = dispatcher().Sum();
  EXPECT_EQ(sum.sessions, 1);
  EXPECT_EQ(sum.tasks_out, 2);
  EXPECT_EQ(sum.activations_out, 1);
  EXPECT_EQ(sum.queued, 1);
  EXPECT_EQ(MetricOf("perdure_dispatch_sessions awaited"), 1);
  worker.Cut();
  Advance(options.reconnect_grace_ms);
  dispatcher().Tick();
  EXPECT_EQ(MetricOf("perdure_dispatch_lost_total task"), 2);
  EXPECT_EQ(MetricOf("perdure_dispatch_lost_total activation"), 1);
}

// The next server process expects it, and takes over what it has in hand.
TEST_F(SessionsTest, NoSessionIsGivenUpWhileTheServerStops) {
  TestWorker worker = Connect(hello_);
  Offer(Task("charge", 1));
  worker.Receive();
  dispatcher().Shutdown(absl::UnavailableError("the server stops"));
  worker.Cut();
  Advance(10 * options.reconnect_grace_ms);
  dispatcher().Tick();
  EXPECT_THAT(upstream.Of<SessionClosed>(), IsEmpty());
  EXPECT_THAT(upstream.Of<Returned>(), IsEmpty());
}

}  // namespace
}  // namespace perdure::dispatch
