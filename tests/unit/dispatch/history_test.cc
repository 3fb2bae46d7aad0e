// Histories for workers that replay: chunk by chunk, no faster than the stream takes them.
#include "tests/unit/dispatch/harness.h"

namespace perdure::dispatch {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class HistoryTest : public DispatchTest {
 protected:
  v1::WorkToken Activate(TestWorker& worker, uint64_t delivery) {
    Offer(Activation("order", delivery).HistoryThrough(50));
    return worker.Receive().activations.at(0);
  }
  static absl::Status Request(TestWorker& worker, const v1::WorkToken& token, int64_t from = 1) {
    v1::WorkerFrame frame;
    *frame.add_history_requests()->mutable_token() = token;
    frame.mutable_history_requests(0)->set_from_event_id(from);
    return worker.Send(std::move(frame));
  }
  void Send(const HistoryRead& read, int64_t next, size_t bytes = 10) {
    std::vector<v1::Event> events(1);
    events[0].set_event_id(read.from);
    events[0].mutable_signal_received()->mutable_input()->set_data(std::string(bytes, 'h'));
    dispatcher().SendHistory(read, std::move(events), next, absl::OkStatus());
  }

  const v1::Hello hello_ = MakeHello("w").Workflows({"order"}, 100).Tasks({"charge"}, 10);
};

TEST_F(HistoryTest, IsReadUpToWhatTheActivationSays) {
  TestWorker worker = Connect(hello_);
  const v1::WorkToken token = Activate(worker, 1);
  ASSERT_TRUE(Request(worker, token, -5).ok());
  ASSERT_THAT(upstream.reads, SizeIs(1));
  EXPECT_EQ(upstream.reads[0].from, 1);
  EXPECT_EQ(upstream.reads[0].through, 50);
  EXPECT_TRUE(SameToken(upstream.reads[0].token, token));
}

TEST_F(HistoryTest, GoesOnChunkByChunk) {
  TestWorker worker = Connect(hello_);
  ASSERT_TRUE(Request(worker, Activate(worker, 1)).ok());
  Send(upstream.reads[0], 20);
  ASSERT_THAT(upstream.reads, SizeIs(2));
  EXPECT_EQ(upstream.reads[1].from, 20);
  Send(upstream.reads[1], 0);
  EXPECT_THAT(upstream.reads, SizeIs(2));
  const Inbox in = worker.Receive();
  ASSERT_THAT(in.chunks, SizeIs(2));
  EXPECT_FALSE(in.chunks[0].last());
  EXPECT_TRUE(in.chunks[1].last());
}

TEST_F(HistoryTest, WaitsForASlowStream) {
  TestWorker worker = Connect(hello_);
  ASSERT_TRUE(Request(worker, Activate(worker, 1)).ok());
  int64_t next = 2;
  while (static_cast<int64_t>(upstream.reads.size()) == next - 1) {
    ASSERT_LT(next, 50) << "a worker that takes nothing gets the whole history into memory";
    Send(upstream.reads.back(), next, 1 << 20);
    ++next;
  }
  EXPECT_GE(next, 16);
  v1::ServerFrame frame;
  ASSERT_TRUE(dispatcher().TakeFrame(worker.session, worker.sink.get(), frame));
  EXPECT_EQ(static_cast<int64_t>(upstream.reads.size()), next - 1) << "there is room again";
}

TEST_F(HistoryTest, OfManyRunsIsReadAFewAtATime) {
  TestWorker worker = Connect(hello_);
  for (uint64_t n = 1; n <= 20; ++n) ASSERT_TRUE(Request(worker, Activate(worker, n)).ok());
  EXPECT_THAT(upstream.reads, SizeIs(4));
  for (size_t i = 0; i < 20; ++i) {
    ASSERT_LT(i, upstream.reads.size());
    Send(upstream.reads[i], 0);
  }
  EXPECT_THAT(worker.Receive().chunks, SizeIs(20));
}

TEST_F(HistoryTest, IsTriedAgainWhenNoReaderIsFree) {
  TestWorker worker = Connect(hello_);
  const v1::WorkToken token = Activate(worker, 1);
  upstream.takes_reads = false;
  ASSERT_TRUE(Request(worker, token).ok());
  EXPECT_THAT(upstream.reads, IsEmpty());
  upstream.takes_reads = true;
  dispatcher().Tick();
  EXPECT_THAT(upstream.reads, SizeIs(1));
}

TEST_F(HistoryTest, IsForActivationsInHandOnly) {
  TestWorker worker = Connect(hello_);
  TestWorker other = Connect(MakeHello("other").Workflows({"order"}, 1));
  const v1::WorkToken token = Activate(worker, 1);
  v1::WorkToken other_run = token;
  other_run.set_run(999);
  ASSERT_TRUE(Request(worker, other_run).ok());
  ASSERT_TRUE(Request(worker, Activation("order", 77).Token()).ok());
  Offer(Task("charge", 2));
  ASSERT_TRUE(Request(worker, worker.Receive().tasks.at(0)).ok());
  ASSERT_TRUE(Request(other, token).ok());
  EXPECT_THAT(upstream.reads, IsEmpty());
  const Inbox in = other.Receive();
  ASSERT_THAT(in.chunks, SizeIs(1));
  EXPECT_TRUE(in.chunks[0].last());
  EXPECT_THAT(in.chunks[0].error(), HasSubstr("not current"));
}

// Each refusal is a message that is kept until the worker reads it.
TEST_F(HistoryTest, IsNotForAnActivationThatWasAnswered) {
  TestWorker worker = Connect(hello_);
  const v1::WorkToken token = Activate(worker, 1);
  ASSERT_TRUE(worker.Answer(token, 1).ok());
  ASSERT_TRUE(Request(worker, token).ok());
  // Read, it might fail an activation that is over, and forget that its answer is not durable yet.
  EXPECT_THAT(upstream.reads, IsEmpty());
  ASSERT_TRUE(worker.Answer(token, 1).ok());
  const Inbox in = worker.Receive();
  ASSERT_THAT(in.chunks, SizeIs(1));
  EXPECT_THAT(in.chunks[0].error(), HasSubstr("not current"));
  EXPECT_THAT(in.acks, IsEmpty());
}

TEST_F(HistoryTest, AWorkerThatAsksForNonsenseAndDoesNotReadIsCutOff) {
  TestWorker worker = Connect(hello_);
  const auto ask = [&] {
    v1::WorkerFrame frame;
    for (int i = 0; i < 5'000; ++i)
      *frame.add_history_requests()->mutable_token() = Activation("order", 77).Token();
    return worker.Send(std::move(frame));
  };
  int frames = 0;
  absl::Status status;
  for (; status.ok(); ++frames) {
    ASSERT_LT(frames, 20) << "refusals pile up without end";
    status = ask();
  }
  EXPECT_GE(frames, 3);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(worker.Receive().chunks.empty());
  EXPECT_TRUE(ask().ok()) << "it reads again";
}

TEST_F(HistoryTest, AskedForAgainBeginsAgain) {
  TestWorker worker = Connect(hello_);
  const v1::WorkToken token = Activate(worker, 1);
  ASSERT_TRUE(Request(worker, token).ok());
  ASSERT_TRUE(Request(worker, token).ok());
  ASSERT_THAT(upstream.reads, SizeIs(2));
  Send(upstream.reads[0], 0);
  EXPECT_THAT(worker.Receive().chunks, IsEmpty()) << "of the first read";
  Send(upstream.reads[1], 0);
  EXPECT_THAT(worker.Receive().chunks, SizeIs(1));
}

// The worker asks again on its new stream; chunks of both reads would be two histories in one.
TEST_F(HistoryTest, EndsWithTheStream) {
  TestWorker worker = Connect(hello_);
  const v1::WorkToken token = Activate(worker, 1);
  ASSERT_TRUE(Request(worker, token).ok());
  worker.Cut();
  worker.Reconnect(MakeHello("w").Workflows({"order"}, 100).ActivationInHand(token));
  Send(upstream.reads[0], 0);
  EXPECT_THAT(worker.Receive().chunks, IsEmpty());
  ASSERT_TRUE(Request(worker, token).ok());
  Send(upstream.reads[1], 0);
  EXPECT_THAT(worker.Receive().chunks, SizeIs(1));
}

TEST_F(HistoryTest, EndsWithTheActivation) {
  TestWorker worker = Connect(hello_);
  std::vector<v1::WorkToken> tokens;
  for (uint64_t n = 1; n <= 6; ++n) {
    tokens.push_back(Activate(worker, n));
    ASSERT_TRUE(Request(worker, tokens.back()).ok());
  }
  ASSERT_THAT(upstream.reads, SizeIs(4));
  ASSERT_TRUE(worker.Answer(tokens[0], 1).ok());
  EXPECT_THAT(upstream.reads, SizeIs(5)) << "its place is free";
  Send(upstream.reads[0], 0);
  EXPECT_THAT(worker.Receive().chunks, IsEmpty());
}

// The worker only drops the activation: without a report its run would wait for an answer for ever.
TEST_F(HistoryTest, ThatCannotBeReadFailsTheActivation) {
  TestWorker worker = Connect(hello_);
  const v1::WorkToken token = Activate(worker, 1);
  ASSERT_TRUE(Request(worker, token).ok());
  dispatcher().SendHistory(upstream.reads[0], {}, 0, absl::DataLossError("a record does not parse"));
  const Inbox in = worker.Receive();
  ASSERT_THAT(in.chunks, SizeIs(1));
  EXPECT_THAT(in.chunks[0].error(), HasSubstr("a record does not parse"));
  const std::vector<v1::ActivationAnswer> answers = upstream.Of<v1::ActivationAnswer>();
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0].failure().message(), HasSubstr("a record does not parse"));
  EXPECT_EQ(answers[0].answer_id(), 0u);
  EXPECT_EQ(SessionNamed("w").activations_out(), 0);
}

}  // namespace
}  // namespace perdure::dispatch
