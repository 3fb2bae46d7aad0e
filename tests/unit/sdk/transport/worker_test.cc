// Worker from outside: what it says to a server, and what it does about what the server says.
#include "perdure/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "perdure/context.h"
#include "tests/unit/sdk/transport/fake_worker_server.h"

namespace perdure {
namespace {

using ::perdure::testing::FakeStream;
using ::perdure::testing::FakeWorkerServer;
using ::perdure::testing::kPatience;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

inline constexpr Task<std::string(std::string)> Greet{"greet"};
inline constexpr Task<int(int)> Twice{"twice"};
inline constexpr Workflow<std::string(std::string)> Welcomed{"welcomed"};

Co<std::string> RunWelcomed(Context& ctx, std::string name) {
  std::string text = co_await ctx.Run(Greet, name);
  co_return text + "!";
}

class ClassWorkflow {
 public:
  Co<std::string> Run(Context&, std::string name) { co_return "class " + name; }
};

class WorkerTest : public ::testing::Test {
 protected:
  Worker& Make(WorkerOptions options = WorkerOptions()) {
    options.Address(server_.address()).TaskQueue("orders").Log(nullptr);
    worker_ = std::make_unique<Worker>(options);
    return *worker_;
  }

  static v1::ServerFrame TaskFrame(std::uint64_t run, const std::string& json = "\"you\"") {
    v1::ServerFrame frame;
    v1::TaskDelivery& task = *frame.add_tasks();
    task.mutable_token()->set_run(run);
    task.mutable_token()->set_seq(1);
    task.mutable_token()->set_delivery(run);
    task.set_workflow_id("w");
    task.set_run_id("r");
    task.set_task_type("greet");
    task.mutable_input()->set_encoding("json");
    task.mutable_input()->set_data(json);
    task.set_attempt(1);
    task.set_seq(1);
    return frame;
  }

  static v1::ServerFrame FirstActivation(const std::string& input) {
    v1::ServerFrame frame;
    v1::Activation& activation = *frame.add_activations();
    activation.mutable_token()->set_run(5);
    activation.mutable_token()->set_delivery(50);
    activation.set_workflow_id("w");
    activation.set_run_id("r");
    activation.set_workflow_type("welcomed");
    activation.set_time_unix_ms(1'700'000'000'000);
    activation.set_activation_id(1);
    activation.set_deliver_through(1);
    activation.set_attempt(1);
    v1::Event& event = *activation.add_events();
    event.set_event_id(1);
    v1::RunStarted& started = *event.mutable_run_started();
    started.set_workflow_id("w");
    started.set_run_id("r");
    started.set_workflow_type("welcomed");
    started.set_task_queue("orders");
    started.mutable_input()->set_encoding("json");
    started.mutable_input()->set_data(input);
    return frame;
  }

  static v1::TaskAnswer NextTaskAnswer(FakeStream& stream) {
    return stream.ReadUntil([](const v1::WorkerFrame& frame) { return frame.task_answers_size() > 0; })
        .task_answers(0);
  }
  static v1::ActivationAnswer NextActivationAnswer(FakeStream& stream) {
    return stream.ReadUntil([](const v1::WorkerFrame& frame) { return frame.activation_answers_size() > 0; })
        .activation_answers(0);
  }

  // Acknowledges every answer until the worker has closed its side, then ends the stream.
  static std::thread Serve(std::shared_ptr<FakeStream> stream) {
    return std::thread([stream] {
      try {
        for (;;) {
          const v1::WorkerFrame frame = stream->Read();
          v1::ServerFrame acks;
          for (const auto& answer : frame.task_answers()) acks.add_acked_answer_ids(answer.answer_id());
          for (const auto& answer : frame.activation_answers()) acks.add_acked_answer_ids(answer.answer_id());
          if (acks.acked_answer_ids_size() > 0) stream->Write(acks);
        }
      } catch (const std::runtime_error&) {
        stream->End();
      }
    });
  }

  FakeWorkerServer server_;
  std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerTest, SaysWhatItHosts) {
  Worker& worker = Make(WorkerOptions()
                            .Namespace("shop")
                            .Identity("me")
                            .BuildId("b7")
                            .MaxConcurrentTasks(7)
                            .MaxConcurrentActivations(9));
  worker.Host(Greet, [](std::string name) { return name; });
  worker.Host(Twice, [](TaskContext&, int n) { return 2 * n; });
  worker.Host(Welcomed, RunWelcomed);
  worker.Start();
  v1::Hello hello;
  server_.Welcome(&hello);
  EXPECT_TRUE(worker.WaitReady());
  EXPECT_TRUE(worker.Ready());
  EXPECT_FALSE(hello.session_id().empty());
  EXPECT_EQ(hello.identity(), "me");
  EXPECT_EQ(hello.namespace_(), "shop");
  EXPECT_EQ(hello.task_queue(), "orders");
  EXPECT_EQ(hello.build_id(), "b7");
  EXPECT_THAT(hello.task_types(), ElementsAre("greet", "twice"));
  EXPECT_THAT(hello.workflow_types(), ElementsAre("welcomed"));
  EXPECT_EQ(hello.max_tasks(), 7);
  EXPECT_EQ(hello.max_activations(), 9);
  EXPECT_THAT(hello.sdk(), HasSubstr("perdure-cpp/"));
}

TEST_F(WorkerTest, OffersNoCreditsForWhatItDoesNotHost) {
  Worker& worker = Make();
  worker.Host(Greet, [](std::string name) { return name; });
  worker.Start();
  v1::Hello hello;
  server_.Welcome(&hello);
  EXPECT_EQ(hello.max_activations(), 0);
  EXPECT_EQ(hello.max_tasks(), 64);
}

TEST_F(WorkerTest, RunsTasksAndWorkflows) {
  Worker& worker = Make();
  worker.Host(Greet, [](std::string name) { return "hello " + name; });
  worker.Host(Welcomed, RunWelcomed);
  worker.Start();
  auto stream = server_.Welcome();
  stream->Write(TaskFrame(1));
  EXPECT_EQ(NextTaskAnswer(*stream).result().data(), "\"hello you\"");

  stream->Write(FirstActivation("\"you\""));
  const v1::ActivationAnswer answer = NextActivationAnswer(*stream);
  EXPECT_EQ(answer.token().run(), 5u);
  ASSERT_EQ(answer.advance().commands_size(), 1) << answer.DebugString();
  EXPECT_EQ(answer.advance().commands(0).schedule_task().task_type(), "greet");
}

TEST_F(WorkerTest, HostsClasses) {
  Worker& worker = Make();
  worker.Host<ClassWorkflow>(Welcomed);
  worker.Start();
  auto stream = server_.Welcome();
  stream->Write(FirstActivation("\"A\""));
  const v1::ActivationAnswer answer = NextActivationAnswer(*stream);
  ASSERT_EQ(answer.advance().commands_size(), 1) << answer.DebugString();
  EXPECT_EQ(answer.advance().commands(0).complete_run().result().data(), "\"class A\"");
}

TEST_F(WorkerTest, ARunningTaskSurvivesTheServer) {
  std::promise<void> running;
  std::promise<void> go;
  Worker& worker = Make();
  worker.Host(Greet, [&](std::string name) {
    running.set_value();
    go.get_future().wait();
    return name;
  });
  worker.Start();
  auto stream = server_.Welcome(nullptr, /*epoch=*/1);
  stream->Write(TaskFrame(9));
  running.get_future().wait();
  const int port = server_.port();
  server_.Kill();

  FakeWorkerServer again(port);
  v1::Hello hello;
  stream = again.Welcome(&hello, /*epoch=*/2);
  ASSERT_EQ(hello.tasks_in_hand_size(), 1);
  EXPECT_EQ(hello.tasks_in_hand(0).token().run(), 9u);
  EXPECT_GE(hello.tasks_in_hand(0).running_ms(), 0);
  go.set_value();
  EXPECT_EQ(NextTaskAnswer(*stream).token().run(), 9u);
  worker_.reset();
}

TEST_F(WorkerTest, ATaskCalledStaleAfterAReconnectIsStopped) {
  std::promise<void> running;
  std::promise<bool> stopped;
  Worker& worker = Make();
  worker.Host(Greet, [&](TaskContext& ctx, std::string name) {
    running.set_value();
    stopped.set_value(ctx.WaitCancelled(kPatience));
    return name;
  });
  worker.Start();
  auto stream = server_.Welcome();
  stream->Write(TaskFrame(9));
  running.get_future().wait();
  stream->End(grpc::Status(grpc::UNAVAILABLE, ""));
  stream = server_.Welcome(
      nullptr, 1, [](v1::Welcome& welcome) { *welcome.add_stale_tokens() = TaskFrame(9).tasks(0).token(); });
  EXPECT_TRUE(stopped.get_future().get());
}

TEST_F(WorkerTest, CancelsTasks) {
  std::promise<void> running;
  Worker& worker = Make();
  worker.Host(Greet, [&](TaskContext& ctx, std::string name) {
    running.set_value();
    ctx.WaitCancelled(kPatience);
    ctx.ThrowIfCancelled();
    return name;
  });
  worker.Start();
  auto stream = server_.Welcome();
  stream->Write(TaskFrame(1));
  running.get_future().wait();
  v1::ServerFrame cancel;
  *cancel.add_task_cancels()->mutable_token() = TaskFrame(1).tasks(0).token();
  stream->Write(cancel);
  EXPECT_TRUE(NextTaskAnswer(*stream).has_cancelled());
}

TEST_F(WorkerTest, DrainsWhatItHasInHand) {
  std::promise<void> running;
  std::promise<void> go;
  Worker& worker = Make();
  worker.Host(Greet, [&](std::string name) {
    running.set_value();
    go.get_future().wait();
    return name;
  });
  worker.Start();
  auto stream = server_.Welcome();
  stream->Write(TaskFrame(1));
  running.get_future().wait();
  auto drained = std::async(std::launch::async, [&] { return worker.Drain(kPatience); });
  EXPECT_TRUE(stream->ReadUntil([](const v1::WorkerFrame& frame) { return frame.has_drain(); }).has_drain());
  go.set_value();
  const v1::TaskAnswer answer = NextTaskAnswer(*stream);
  // Not closed before the answer is acknowledged.
  v1::ServerFrame ack;
  ack.add_acked_answer_ids(answer.answer_id());
  stream->Write(ack);
  stream->ReadHalfClose();
  stream->End();
  EXPECT_TRUE(drained.get());
  EXPECT_TRUE(worker.Drain(kPatience)) << "again: the same answer";
}

TEST_F(WorkerTest, ADrainThatTakesTooLongStopsTheTasks) {
  std::promise<void> running;
  Worker& worker = Make();
  worker.Host(Greet, [&](TaskContext& ctx, std::string name) {
    running.set_value();
    ctx.WaitCancelled(kPatience);
    ctx.ThrowIfCancelled();
    return name;
  });
  worker.Start();
  auto stream = server_.Welcome();
  stream->Write(TaskFrame(1));
  running.get_future().wait();
  std::thread server = Serve(stream);
  EXPECT_FALSE(worker.Drain(milliseconds(1)));
  server.join();
}

TEST_F(WorkerTest, RunEndsWithASignal) {
  Worker& worker = Make();
  worker.Host(Greet, [](std::string name) { return name; });
  auto status = std::async(std::launch::async, [&] { return worker.Run(); });
  auto stream = server_.Welcome();
  while (!worker.WaitReady(milliseconds(100))) {
  }
  std::thread server = Serve(stream);
  kill(getpid(), SIGTERM);
  EXPECT_EQ(status.get(), kWorkerDrained);
  server.join();
}

using WorkerDeathTest = WorkerTest;

TEST_F(WorkerDeathTest, ASignalEndsAWorkerWhoseStepIsStuck) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        Worker worker(WorkerOptions().Address(server_.address()).DrainTimeout(milliseconds(1)));
        worker.Host(Welcomed, [](Context& ctx, std::string name) -> Co<std::string> {
          co_await ctx.Step("hang", [] {
            kill(getpid(), SIGTERM);
            std::promise<void>().get_future().wait();
          });
          co_return name;
        });
        auto status = std::async(std::launch::async, [&] { return worker.Run(); });
        auto stream = server_.Welcome();
        stream->Write(FirstActivation("\"A\""));
        std::thread server = Serve(stream);
        status.wait();
      },
      ::testing::ExitedWithCode(kWorkerCutShort), "step hang .seq 1. of w for.*still running, cut off");
}

TEST_F(WorkerTest, RunEndsWithStop) {
  Worker& worker = Make();
  worker.Host(Greet, [](std::string name) { return name; });
  auto status = std::async(std::launch::async, [&] { return worker.Run(); });
  std::thread server = Serve(server_.Welcome());
  while (!worker.WaitReady(milliseconds(100))) {
  }
  EXPECT_TRUE(worker.Stop());
  EXPECT_EQ(status.get(), kWorkerDrained);
  server.join();
}

TEST_F(WorkerTest, RunEndsWhenTheServerRefusesTheHello) {
  Worker& worker = Make();
  worker.Host(Greet, [](std::string name) { return name; });
  auto status = std::async(std::launch::async, [&] { return worker.Run(); });
  auto stream = server_.Accept();
  stream->Read();
  stream->End(grpc::Status(grpc::INVALID_ARGUMENT, "hello.namespace is no good"));
  EXPECT_EQ(status.get(), kWorkerRefused);
  EXPECT_THAT(worker.Refusal(), HasSubstr("hello.namespace is no good"));
  EXPECT_FALSE(worker.WaitReady());
}

TEST_F(WorkerTest, RefusesToHostTwiceOrTooLate) {
  Worker& worker = Make();
  EXPECT_THROW(worker.Start(), std::logic_error) << "hosts nothing";
  worker.Host(Greet, [](std::string name) { return name; });
  worker.Host(Welcomed, RunWelcomed);
  EXPECT_THROW(worker.Host(Greet, [](std::string name) { return name; }), std::logic_error);
  EXPECT_THROW(worker.Host(Welcomed, RunWelcomed), std::logic_error);
  worker.Start();
  EXPECT_THROW(worker.Start(), std::logic_error);
  EXPECT_THROW(worker.Host(Twice, [](int n) { return n; }), std::logic_error);
}

TEST_F(WorkerTest, EachWorkerIsASessionOfItsOwn) {
  Worker& worker = Make();
  worker.Host(Greet, [](std::string name) { return name; });
  Worker other(WorkerOptions().Address(server_.address()).Log(nullptr));
  other.Host(Greet, [](std::string name) { return name; });
  worker.Start();
  other.Start();
  v1::Hello one;
  v1::Hello two;
  server_.Welcome(&one);
  server_.Welcome(&two);
  EXPECT_NE(one.session_id(), two.session_id());
}

// Turns every payload around.
class Mirror final : public PayloadConverter {
 public:
  Payload Encode(Payload payload) const override {
    return {"mirror", std::string(payload.data.rbegin(), payload.data.rend()), payload.encoding};
  }
  Payload Decode(Payload payload) const override {
    if (payload.encoding != "mirror") return payload;
    return {payload.type, std::string(payload.data.rbegin(), payload.data.rend()), ""};
  }
};

TEST_F(WorkerTest, ConvertsPayloadsOfTasks) {
  Worker& worker = Make(WorkerOptions().Converter(std::make_shared<Mirror>()));
  worker.Host(Greet, [](std::string name) { return "hello " + name; });
  worker.Start();
  auto stream = server_.Welcome();
  v1::ServerFrame frame = TaskFrame(1, "\"uoy\"");
  frame.mutable_tasks(0)->mutable_input()->set_encoding("mirror");
  frame.mutable_tasks(0)->mutable_input()->set_type("json");
  stream->Write(frame);
  const v1::TaskAnswer answer = NextTaskAnswer(*stream);
  EXPECT_EQ(answer.result().encoding(), "mirror");
  EXPECT_EQ(answer.result().data(), "\"uoy olleh\"");
}

}  // namespace
}  // namespace perdure
