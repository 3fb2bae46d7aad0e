// Worker streams over the wire.
#include "tests/unit/api/server_fixture.h"

namespace perdure::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class WorkerStreamTest : public ServerTest {
 protected:
  const v1::Hello hello_ = WorkerHello("w").Workflows({"order"}).Tasks({"charge"});
};

TEST_F(WorkerStreamTest, BeginsWithAWelcome) {
  RawWorker worker(channel(), hello_);
  EXPECT_EQ(worker.welcome.server_version(), "test");
  EXPECT_GT(worker.welcome.payload_bytes_max(), 0);
  EXPECT_FALSE(worker.welcome.resumed());
}

TEST_F(WorkerStreamTest, EndsInGoodOrder) {
  RawWorker worker(channel(), hello_);
  const grpc::Status status = worker.Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(Eventually([&] { return server().Metrics()["perdure_api_worker_streams"] == 0; }));
}

TEST_F(WorkerStreamTest, AnswersAreAcknowledgedOnceTheyAreDurable) {
  Start("order-1");
  RawWorker worker(channel(), hello_);
  const uint64_t id = worker.Advance(worker.NextActivation(), {CompleteWith("done")});
  EXPECT_TRUE(worker.WaitForAck(id));
  EXPECT_EQ(Result("order-1", 0).status(), v1::RUN_STATUS_COMPLETED);
}

TEST_F(WorkerStreamTest, AStaleTokenIsAcknowledgedAndCounted) {
  RawWorker worker(channel(), hello_);
  v1::WorkToken token;
  token.set_run(12345);
  token.set_seq(1);
  token.set_delivery(99);
  EXPECT_TRUE(worker.WaitForAck(worker.AnswerTask(token, "late")));
  EXPECT_EQ(server().Metrics()["perdure_dispatch_stale_answers_total"], 1);
}

TEST_F(WorkerStreamTest, AnAnswerOfAnEarlierDeliveryChangesNothing) {
  options.dispatch.reconnect_grace_ms = 30;
  Start("order-1");
  v1::Activation lost;
  {
    RawWorker worker(channel(), hello_);
    lost = worker.NextActivation();
  }
  RawWorker worker(channel(), WorkerHello("other").Workflows({"order"}));
  const v1::Activation again = worker.NextActivation();
  EXPECT_NE(again.token().delivery(), lost.token().delivery());
  EXPECT_TRUE(worker.WaitForAck(worker.Advance(lost, {CompleteWith("wrong")})));
  EXPECT_EQ(Result("order-1", 0).status(), v1::RUN_STATUS_RUNNING);
  worker.Advance(again, {CompleteWith("right")});
  EXPECT_EQ(Result("order-1").result().data(), "right");
}

// What a worker of another namespace could guess.
TEST_F(WorkerStreamTest, AWorkerAnswersForItsOwnNamespaceOnly) {
  Start("order-1");
  RawWorker worker(channel(), hello_);
  const v1::Activation activation = worker.NextActivation();
  v1::Command step;
  step.mutable_run_step()->set_seq(1);
  step.mutable_run_step()->set_name("reserve");
  const uint64_t advanced = worker.Advance(activation, {step, ScheduleTaskOf(2, "charge")});
  const v1::TaskDelivery task = worker.NextTask();
  ASSERT_TRUE(worker.WaitForAck(advanced));

  v1::Hello stranger = WorkerHello("stranger").Workflows({"order"}).Tasks({"charge"});
  stranger.set_namespace_("other");
  v1::WorkToken made_up = task.token();
  made_up.set_delivery(task.token().delivery() + 1'000);
  stranger.add_tasks_in_hand();
  *stranger.mutable_tasks_in_hand(0)->mutable_token() = made_up;
  RawWorker other(channel(), stranger);
  v1::WorkerFrame frame;
  v1::StepAnswer& answer = *frame.add_step_answers();
  answer.set_answer_id(77);
  *answer.mutable_token() = activation.token();
  answer.mutable_step()->set_seq(1);
  answer.mutable_step()->mutable_result()->set_data("forged");
  ASSERT_TRUE(other.Write(frame));
  EXPECT_TRUE(other.WaitForAck(77));
  other.AnswerTask(made_up, "forged");

  worker.AnswerTask(task.token(), "paid");
  const v1::Activation next = worker.NextActivation();
  ASSERT_THAT(next.events(), SizeIs(1));
  EXPECT_EQ(next.events(0).task_completed().result().data(), "paid");

  // Nor is a session to be had by its id.
  v1::Hello thief = hello_;
  thief.set_namespace_("other");
  RawWorker third(channel());
  ASSERT_TRUE(third.WriteHello(thief));
  const grpc::Status refused = third.WaitForEnd();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.error_message(), HasSubstr("session_id 'w'"));
}

TEST_F(WorkerStreamTest, ASecondStreamTakesOverTheSession) {
  Start("order-1");
  RawWorker first(channel(), hello_);
  const v1::Activation activation = first.NextActivation();
  v1::Hello again = hello_;
  *again.add_activations_in_hand() = activation.token();
  RawWorker second(channel(), again);
  EXPECT_TRUE(second.welcome.resumed());
  EXPECT_THAT(second.welcome.stale_tokens(), IsEmpty());
  const grpc::Status status = first.WaitForEnd();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_THAT(status.error_message(), HasSubstr("another stream"));
  second.Advance(activation, {CompleteWith("done")});
  EXPECT_EQ(Result("order-1").result().data(), "done");
}

TEST_F(WorkerStreamTest, SessionsThatAreTakenOverAgainAndAgainLoseNothing) {
  for (int i = 0; i < 50; ++i) Start("order-" + std::to_string(i));
  std::vector<std::unique_ptr<RawWorker>> streams;
  for (int i = 0; i < 20; ++i) streams.push_back(std::make_unique<RawWorker>(channel(), hello_));
  for (int done = 0; done < 50; ++done) {
    streams.back()->Advance(streams.back()->NextActivation(), {CompleteWith("done")});
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Result("order-" + std::to_string(i)).result().data(), "done");
  for (size_t i = 0; i + 1 < streams.size(); ++i) {
    EXPECT_EQ(streams[i]->WaitForEnd().error_code(), grpc::StatusCode::ABORTED);
  }
}

TEST_F(WorkerStreamTest, AResumedSessionGoesOnWithItsTask) {
  Start("order-1");
  v1::WorkToken token;
  {
    RawWorker worker(channel(), hello_);
    worker.WaitForAck(worker.Advance(worker.NextActivation(), {ScheduleTaskOf(1, "charge")}));
    token = worker.NextTask().token();
  }
  v1::Hello again = hello_;
  *again.add_tasks_in_hand()->mutable_token() = token;
  RawWorker worker(channel(), again);
  EXPECT_TRUE(worker.welcome.resumed());
  worker.AnswerTask(token, "paid");
  worker.Advance(worker.NextActivation(), {CompleteWith("done")});
  EXPECT_EQ(Result("order-1").result().data(), "done");
}

TEST_F(WorkerStreamTest, HistoryIsSentToAWorkerThatReplays) {
  options.dispatch.reconnect_grace_ms = 30;
  Start("order-1");
  {
    RawWorker first(channel(), WorkerHello("first").Workflows({"order"}));
    first.WaitForAck(first.Advance(first.NextActivation(), {StartTimerOf(1, 3'600'000)}));
  }
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Signal("order-1", "s").ok());
  RawWorker second(channel(), WorkerHello("second").Workflows({"order"}));
  const v1::Activation activation = second.NextActivation();
  EXPECT_GT(activation.history_through(), 0);
  v1::WorkerFrame request;
  *request.add_history_requests()->mutable_token() = activation.token();
  request.mutable_history_requests(0)->set_from_event_id(1);
  ASSERT_TRUE(second.Write(request));
  std::vector<int64_t> ids;
  v1::ServerFrame frame;
  for (bool last = false; !last && second.Read(&frame);) {
    for (const v1::HistoryChunk& chunk : frame.history_chunks()) {
      EXPECT_EQ(chunk.error(), "");
      for (const v1::Event& event : chunk.events()) ids.push_back(event.event_id());
      last = chunk.last();
    }
  }
  ASSERT_THAT(ids, SizeIs(static_cast<size_t>(activation.history_through())));
  EXPECT_EQ(ids.front(), 1);
  EXPECT_EQ(ids.back(), activation.history_through());
}

TEST_F(WorkerStreamTest, ALargeHistoryReachesASlowWorkerWhole) {
  options.dispatch.reconnect_grace_ms = 30;
  Start("order-1");
  constexpr int kSignals = 60;
  for (int i = 0; i < kSignals; ++i) {
    grpc::ClientContext context;
    v1::SignalWorkflowRequest request;
    request.mutable_execution()->set_workflow_id("order-1");
    request.set_signal_name("large");
    request.mutable_input()->set_data(std::string(1 << 20, 'x'));
    v1::SignalWorkflowResponse response;
    ASSERT_TRUE(client().SignalWorkflow(&context, request, &response).ok());
  }
  {
    RawWorker first(channel(), WorkerHello("first").Workflows({"order"}));
    while (Describe("order-1").has_pending_activation() &&
           Describe("order-1").pending_activation().state() != 0) {
      first.WaitForAck(first.Advance(first.NextActivation(), {}));
    }
  }
  ASSERT_TRUE(Signal("order-1", "small").ok());
  RawWorker second(channel(), WorkerHello("second").Workflows({"order"}));
  const v1::Activation activation = second.NextActivation();
  v1::WorkerFrame request;
  *request.add_history_requests()->mutable_token() = activation.token();
  ASSERT_TRUE(second.Write(request));
  // While it takes nothing, others can still read.
  for (int i = 0; i < 10; ++i) {
    grpc::ClientContext context;
    v1::CountWorkflowsResponse count;
    ASSERT_TRUE(client().CountWorkflows(&context, {}, &count).ok());
  }
  int signals = 0;
  v1::ServerFrame frame;
  for (bool last = false; !last && second.Read(&frame);) {
    for (const v1::HistoryChunk& chunk : frame.history_chunks()) {
      for (const v1::Event& event : chunk.events()) signals += event.has_signal_received() ? 1 : 0;
      last = chunk.last();
    }
  }
  EXPECT_EQ(signals, kSignals);
}

TEST_F(WorkerStreamTest, ADrainingWorkerGetsNothingNew) {
  RawWorker worker(channel(), hello_);
  v1::WorkerFrame drain;
  drain.mutable_drain();
  ASSERT_TRUE(worker.Write(drain));
  EXPECT_TRUE(Eventually(
      [&] { return !server().dispatcher().Hosted("default", "main", WorkKind::kActivation, "order"); }));
  Start("order-1");
  RawWorker other(channel(), WorkerHello("other").Workflows({"order"}));
  other.Advance(other.NextActivation(), {CompleteWith("done")});
  EXPECT_EQ(Result("order-1").result().data(), "done");
  EXPECT_TRUE(worker.Finish().ok());
  EXPECT_TRUE(Eventually([&] { return server().Metrics()["perdure_dispatch_sessions"] == 1; }));
}

TEST_F(WorkerStreamTest, TooManySessionsAreRefused) {
  options.dispatch.sessions_max = 1;
  RawWorker first(channel(), hello_);
  RawWorker second(channel());
  second.WriteHello(WorkerHello("second"));
  const grpc::Status status = second.WaitForEnd();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("sessions_max"));
}

TEST_F(WorkerStreamTest, ManyRunsGoThroughOneStream) {
  constexpr int kRuns = 300;
  for (int i = 0; i < kRuns; ++i) Start("order-" + std::to_string(i));
  RawWorker worker(channel(), WorkerHello("w").Workflows({"order"}, 50).Tasks({"charge"}, 50));
  int done = 0;
  std::thread tasks;
  while (done < kRuns) {
    const v1::Activation activation = worker.NextActivation();
    if (activation.history_through() == 0) {
      worker.Advance(activation, {ScheduleTaskOf(1, "charge")});
      worker.AnswerTask(worker.NextTask().token(), "paid");
    } else {
      worker.Advance(activation, {CompleteWith("done")});
      ++done;
    }
  }
  for (int i = 0; i < kRuns; i += 50) EXPECT_EQ(Result("order-" + std::to_string(i)).result().data(), "done");
}

}  // namespace
}  // namespace perdure::api
