// Streams that carry what no worker would send. Nothing on the wire may bring the server down.
#include <limits>

#include "tests/unit/api/raw_call.h"
#include "tests/unit/api/server_fixture.h"

namespace perdure::api {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kConnect = "/perdure.v1.WorkerService/Connect";

MATCHER_P2(Says, code, words, "") {
  *result_listener << arg.error_code() << ": " << arg.error_message();
  return arg.error_code() == code && arg.error_message().find(words) != std::string::npos;
}

class GarbageTest : public ServerTest {
 protected:
  ~GarbageTest() override { ExpectWorks(); }

  const v1::Hello hello_ = WorkerHello("w").Workflows({"order"}).Tasks({"charge"});
};

TEST_F(GarbageTest, NoHello) {
  RawWorker worker(channel());
  v1::WorkerFrame frame;
  frame.mutable_drain();
  worker.Write(frame);
  EXPECT_THAT(worker.WaitForEnd(), Says(grpc::StatusCode::INVALID_ARGUMENT, "hello is missing"));
}

TEST_F(GarbageTest, NothingAtAll) {
  RawWorker worker(channel());
  EXPECT_TRUE(worker.Finish().ok());
}

TEST_F(GarbageTest, AnEmptyFrameFirst) {
  RawWorker worker(channel());
  worker.Write({});
  EXPECT_THAT(worker.WaitForEnd(), Says(grpc::StatusCode::INVALID_ARGUMENT, "hello is missing"));
}

TEST_F(GarbageTest, AHelloThatBringsMore) {
  RawWorker worker(channel());
  v1::WorkerFrame frame;
  *frame.mutable_hello() = hello_;
  frame.add_task_answers()->set_answer_id(1);
  worker.Write(frame);
  EXPECT_THAT(worker.WaitForEnd(), Says(grpc::StatusCode::INVALID_ARGUMENT, "hello is not all"));
}

TEST_F(GarbageTest, ASecondHello) {
  RawWorker worker(channel(), hello_);
  worker.WriteHello(hello_);
  EXPECT_THAT(worker.WaitForEnd(), Says(grpc::StatusCode::INVALID_ARGUMENT, "one hello"));
}

TEST_F(GarbageTest, ABadHelloNamesItsField) {
  v1::Hello bad = hello_;
  bad.set_max_tasks(-1);
  RawWorker worker(channel());
  worker.WriteHello(bad);
  EXPECT_THAT(worker.WaitForEnd(), Says(grpc::StatusCode::INVALID_ARGUMENT, "hello.max_tasks is -1"));
}

TEST_F(GarbageTest, BytesThatAreNoFrame) {
  for (const std::string& bytes :
       {std::string("\xff\xff\xff\xff\xff"), std::string("\x0a\x7f"), std::string("hello")}) {
    RawStream stream(channel(), kConnect);
    stream.Write(bytes);
    EXPECT_THAT(stream.Finish(), Says(grpc::StatusCode::INVALID_ARGUMENT, "WorkerFrame"));
  }
}

TEST_F(GarbageTest, BytesThatAreNoFrameAfterTheHello) {
  RawStream stream(channel(), kConnect);
  v1::WorkerFrame frame;
  *frame.mutable_hello() = hello_;
  ASSERT_TRUE(stream.Write(frame.SerializeAsString()));
  std::string welcome;
  ASSERT_TRUE(stream.Read(&welcome));
  stream.Write(std::string("\x22\x7f"));
  EXPECT_THAT(stream.Finish(),
              Says(grpc::StatusCode::INVALID_ARGUMENT, "2 bytes are not a perdure.v1.WorkerFrame"));
}

TEST_F(GarbageTest, TextThatIsNotUtf8) {
  v1::WorkerFrame frame;
  *frame.mutable_hello() = hello_;
  frame.mutable_hello()->set_build_id("XXXX");
  std::string bytes = frame.SerializeAsString();
  bytes.replace(bytes.find("XXXX"), 4, "\xff\xfe\xfd\xfc");
  RawStream stream(channel(), kConnect);
  stream.Write(bytes);
  EXPECT_THAT(stream.Finish(), Says(grpc::StatusCode::INVALID_ARGUMENT, "UTF-8"));
}

TEST_F(GarbageTest, AFramePastTheLimit) {
  options.frame_bytes_max = 1 << 20;
  RawWorker worker(channel(), hello_);
  v1::WorkerFrame frame;
  frame.add_task_answers()->mutable_result()->set_data(std::string(2 << 20, 'x'));
  worker.Write(frame);
  EXPECT_THAT(worker.WaitForEnd(), Says(grpc::StatusCode::RESOURCE_EXHAUSTED, ""));
}

TEST_F(GarbageTest, TokensFromNowhere) {
  Start("order-1");
  RawWorker worker(channel(), hello_);
  const v1::Activation activation = worker.NextActivation();
  v1::WorkerFrame frame;
  const auto add = [&](uint32_t partition, uint64_t run, int64_t seq, int32_t attempt, uint64_t delivery) {
    v1::WorkToken token;
    token.set_partition(partition);
    token.set_run(run);
    token.set_seq(seq);
    token.set_attempt(attempt);
    token.set_delivery(delivery);
    const auto fill = [&](auto* answer) {
      answer->set_answer_id(static_cast<uint64_t>(1'000 + frame.ByteSizeLong()));
      *answer->mutable_token() = token;
    };
    fill(frame.add_activation_answers());
    fill(frame.add_step_answers());
    fill(frame.add_task_answers());
    *frame.add_heartbeats()->mutable_token() = token;
    *frame.add_history_requests()->mutable_token() = token;
    *frame.add_evicted() = token;
  };
  constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();
  const v1::WorkToken& real = activation.token();
  add(4'000'000'000u, 1, 1, 1, 1);
  add(2, 1, 1, 1, 1);
  add(0, kHuge, std::numeric_limits<int64_t>::min(), -1, kHuge);
  add(1, 0, -1, 0, 0);
  add(real.partition(), real.run(), -7, 1, real.delivery());
  add(real.partition(), real.run() + 1, 0, 1, real.delivery());
  ASSERT_TRUE(worker.Write(frame));
  v1::WorkerFrame history;
  *history.add_history_requests()->mutable_token() = real;
  history.mutable_history_requests(0)->set_from_event_id(std::numeric_limits<int64_t>::max());
  *history.add_history_requests()->mutable_token() = real;
  history.mutable_history_requests(1)->set_from_event_id(std::numeric_limits<int64_t>::min());
  ASSERT_TRUE(worker.Write(history));
  worker.Advance(activation, {CompleteWith("done")});
  EXPECT_EQ(Result("order-1").result().data(), "done");
}

TEST_F(GarbageTest, CommandsThatMakeNoSense) {
  Start("order-1");
  RawWorker worker(channel(), hello_);
  const v1::Activation activation = worker.NextActivation();
  worker.WaitForAck(worker.Advance(
      activation,
      {ScheduleTaskOf(-5, "charge"), StartTimerOf(std::numeric_limits<int64_t>::max(), -1), v1::Command()}));
  EXPECT_TRUE(Eventually([&] { return Describe("order-1").pending_activation().attempt() > 1; }));
  EXPECT_NE(Describe("order-1").pending_activation().last_failure().message(), "");
}

TEST_F(GarbageTest, MoreItemsThanAFrameMayHold) {
  options.frame_items_max = 2'000;
  Start("order-1");
  {
    RawWorker worker(channel(), hello_);
    v1::WorkerFrame frame;
    for (int i = 0; i < 500'000; ++i) frame.add_step_answers();
    worker.Write(frame);
    EXPECT_THAT(worker.WaitForEnd(), Says(grpc::StatusCode::INVALID_ARGUMENT, "frame_items_max, 2000"));
  }
  ExpectWorks();
}

TEST_F(GarbageTest, VeryManyItemsInOneFrame) {
  options.frame_items_max = 200'000;
  RawWorker worker(channel(), hello_);
  v1::WorkerFrame frame;
  for (int i = 0; i < 100'000; ++i) {
    v1::WorkToken token;
    token.set_run(static_cast<uint64_t>(i) + 1'000'000);
    token.set_delivery(static_cast<uint64_t>(i));
    token.set_seq(1);
    frame.add_task_answers()->set_answer_id(static_cast<uint64_t>(i) + 1);
    *frame.mutable_task_answers(i)->mutable_token() = token;
    *frame.add_history_requests()->mutable_token() = token;
  }
  ASSERT_TRUE(worker.Write(frame));
  EXPECT_TRUE(worker.WaitForAck(100'000));
}

TEST_F(GarbageTest, AFailureOfManyCauses) {
  Start("order-1");
  RawWorker worker(channel(), hello_);
  worker.WaitForAck(worker.Advance(worker.NextActivation(), {ScheduleTaskOf(1, "charge")}));
  v1::WorkerFrame frame;
  v1::TaskAnswer& answer = *frame.add_task_answers();
  answer.set_answer_id(77);
  *answer.mutable_token() = worker.NextTask().token();
  answer.mutable_failure()->set_non_retryable(true);
  v1::Failure* failure = answer.mutable_failure();
  for (int i = 0; i < 400; ++i) failure = failure->mutable_cause();
  ASSERT_TRUE(worker.Write(frame));
  const v1::Activation second = worker.NextActivation();
  ASSERT_EQ(second.events_size(), 1);
  EXPECT_TRUE(second.events(0).has_task_failed());
  worker.Advance(second, {CompleteWith("done")});
  EXPECT_EQ(Result("order-1").result().data(), "done");
}

}  // namespace
}  // namespace perdure::api
