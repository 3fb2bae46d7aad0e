#include "worker-sdk/src/session/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace perdure::session {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::WorkToken Token(int n, std::int64_t seq = 1) {
  v1::WorkToken token;
  token.set_run(static_cast<std::uint64_t>(n));
  token.set_seq(seq);
  token.set_delivery(static_cast<std::uint64_t>(n) * 1000);
  return token;
}

v1::TaskAnswer TaskDone(int n, const std::string& data = "x") {
  v1::TaskAnswer answer;
  *answer.mutable_token() = Token(n);
  answer.mutable_result()->set_data(data);
  return answer;
}

v1::TaskAnswer TaskBroke(int n) {
  v1::TaskAnswer answer;
  *answer.mutable_token() = Token(n);
  answer.mutable_failure()->set_message("no");
  return answer;
}

v1::ActivationAnswer Advanced(int n) {
  v1::ActivationAnswer answer;
  *answer.mutable_token() = Token(n, 0);
  answer.mutable_advance()->set_consumed_through(1);
  return answer;
}

v1::TaskHeartbeat Beat(int n, const std::string& details) {
  v1::TaskHeartbeat beat;
  *beat.mutable_token() = Token(n);
  if (!details.empty()) beat.mutable_details()->set_data(details);
  return beat;
}

std::vector<std::uint64_t> AnswerIds(const v1::WorkerFrame& frame) {
  std::vector<std::uint64_t> ids;
  for (const auto& answer : frame.activation_answers()) ids.push_back(answer.answer_id());
  for (const auto& answer : frame.step_answers()) ids.push_back(answer.answer_id());
  for (const auto& answer : frame.task_answers()) ids.push_back(answer.answer_id());
  return ids;
}

v1::WorkerFrame Next(Outbox& outbox) {
  v1::WorkerFrame frame;
  outbox.NextFrame(&frame);
  return frame;
}

TEST(OutboxTest, PutsEverythingThatWaitsIntoOneFrame) {
  Outbox outbox;
  outbox.Add(Advanced(1));
  outbox.Add(TaskDone(2));
  outbox.Add(Beat(3, "half"));
  v1::StepAnswer step;
  *step.mutable_token() = Token(4, 0);
  outbox.Add(step);
  outbox.AddEvicted(Token(5, 0));
  v1::HistoryRequest request;
  request.set_from_event_id(1);
  outbox.Add(request);

  const v1::WorkerFrame frame = Next(outbox);
  EXPECT_EQ(frame.activation_answers_size(), 1);
  EXPECT_EQ(frame.task_answers_size(), 1);
  EXPECT_EQ(frame.step_answers_size(), 1);
  EXPECT_EQ(frame.heartbeats_size(), 1);
  EXPECT_EQ(frame.evicted_size(), 1);
  EXPECT_EQ(frame.history_requests_size(), 1);
  EXPECT_FALSE(outbox.HasWaiting());
  v1::WorkerFrame none;
  EXPECT_FALSE(outbox.NextFrame(&none));
}

TEST(OutboxTest, SplitsFramesByItems) {
  Outbox outbox;
  for (int i = 0; i < 600; ++i) outbox.Add(TaskDone(i));
  EXPECT_EQ(Next(outbox).task_answers_size(), 256);
  EXPECT_EQ(Next(outbox).task_answers_size(), 256);
  EXPECT_EQ(Next(outbox).task_answers_size(), 88);
  EXPECT_FALSE(outbox.HasWaiting());
}

TEST(OutboxTest, SplitsFramesByBytesButSendsWhatIsLargerAlone) {
  Outbox outbox;
  outbox.Add(TaskDone(1, std::string(700 << 10, 'a')));
  outbox.Add(TaskDone(2, std::string(700 << 10, 'b')));
  outbox.Add(TaskDone(3, std::string(3 << 20, 'c')));
  outbox.Add(TaskDone(4));
  EXPECT_THAT(AnswerIds(Next(outbox)), ElementsAre(1));
  EXPECT_THAT(AnswerIds(Next(outbox)), ElementsAre(2));
  EXPECT_THAT(AnswerIds(Next(outbox)), ElementsAre(3));
  EXPECT_THAT(AnswerIds(Next(outbox)), ElementsAre(4));
}

TEST(OutboxTest, RepeatsOnANewStreamWhatWasNotAcknowledged) {
  Outbox outbox;
  for (int i = 1; i <= 4; ++i) outbox.Add(TaskDone(i));
  Next(outbox);
  EXPECT_TRUE(outbox.Ack(2));
  EXPECT_FALSE(outbox.Ack(2));
  EXPECT_FALSE(outbox.Ack(99));
  EXPECT_FALSE(outbox.HasWaiting());

  outbox.OnNewStream(/*server_changed=*/false);
  EXPECT_THAT(AnswerIds(Next(outbox)), ElementsAre(1, 3, 4));
  for (const std::uint64_t id : {1, 3, 4}) outbox.Ack(id);
  EXPECT_EQ(outbox.unacked(), 0u);
  EXPECT_EQ(outbox.unacked_bytes(), 0u);
  outbox.OnNewStream(false);
  EXPECT_FALSE(outbox.HasWaiting());
}

TEST(OutboxTest, AnswersToActivationsDoNotOutliveTheServer) {
  Outbox outbox;
  outbox.Add(Advanced(1));
  outbox.Add(TaskDone(2));
  outbox.OnNewStream(/*server_changed=*/true);
  const v1::WorkerFrame frame = Next(outbox);
  EXPECT_EQ(frame.activation_answers_size(), 0);
  EXPECT_EQ(frame.task_answers_size(), 1);
  EXPECT_FALSE(outbox.Answered(Token(1, 0)));
}

TEST(OutboxTest, KnowsWhatWasAnsweredUntilItIsAcknowledged) {
  Outbox outbox;
  const std::uint64_t id = outbox.Add(TaskDone(7));
  EXPECT_TRUE(outbox.Answered(Token(7)));
  EXPECT_EQ(outbox.UnackedTasks().size(), 1u);
  outbox.Ack(id);
  EXPECT_FALSE(outbox.Answered(Token(7)));
  EXPECT_THAT(outbox.UnackedTasks(), IsEmpty());
}

TEST(OutboxTest, DropsWhatTheServerHasNoUseFor) {
  Outbox outbox;
  outbox.Add(TaskDone(1));
  outbox.Add(Advanced(2));
  outbox.DropStale(Token(1));
  outbox.DropStale(Token(2, 0));
  outbox.DropStale(Token(3));
  EXPECT_EQ(outbox.unacked(), 0u);
  EXPECT_THAT(AnswerIds(Next(outbox)), IsEmpty());
}

TEST(OutboxTest, TheLatestHeartbeatOfATaskCounts) {
  Outbox outbox;
  outbox.Add(Beat(1, "ten"));
  outbox.Add(Beat(2, "other"));
  outbox.Add(Beat(1, "twenty"));
  outbox.Add(Beat(1, ""));  // A mere sign of life.
  const v1::WorkerFrame frame = Next(outbox);
  ASSERT_EQ(frame.heartbeats_size(), 2);
  EXPECT_EQ(frame.heartbeats(0).details().data(), "twenty");
}

TEST(OutboxTest, AFailureComesAfterTheDetailsThatTheNextAttemptReads) {
  Outbox outbox;
  outbox.Add(Beat(1, "row 500"));
  outbox.Add(TaskBroke(1));
  const v1::WorkerFrame first = Next(outbox);
  ASSERT_EQ(first.heartbeats_size(), 1);
  EXPECT_EQ(first.heartbeats(0).details().data(), "row 500");
  EXPECT_EQ(first.task_answers_size(), 0);
  EXPECT_EQ(Next(outbox).task_answers_size(), 1);
}

TEST(OutboxTest, AResultMakesItsHeartbeatNeedless) {
  Outbox outbox;
  outbox.Add(Beat(1, "row 500"));
  outbox.Add(TaskDone(1));
  const v1::WorkerFrame frame = Next(outbox);
  EXPECT_EQ(frame.heartbeats_size(), 0);
  EXPECT_EQ(frame.task_answers_size(), 1);
}

TEST(OutboxTest, AnAnswerTooLargeForAFrameBecomesAFailureThatSaysSo) {
  Outbox outbox;
  outbox.Add(TaskDone(1, std::string(kAnswerBytesMax + 1, 'x')));
  v1::ActivationAnswer activation = Advanced(2);
  activation.mutable_advance()->add_commands()->mutable_complete_run()->mutable_result()->set_data(
      std::string(kAnswerBytesMax + 1, 'y'));
  outbox.Add(std::move(activation));
  const v1::WorkerFrame frame = Next(outbox);
  ASSERT_EQ(frame.task_answers_size(), 1);
  EXPECT_EQ(frame.task_answers(0).failure().kind(), v1::Failure::KIND_LIMIT);
  EXPECT_TRUE(frame.task_answers(0).failure().non_retryable());
  ASSERT_EQ(frame.activation_answers_size(), 1);
  EXPECT_THAT(frame.activation_answers(0).failure().message(), HasSubstr(std::to_string(kAnswerBytesMax)));
}

TEST(OutboxTest, SaysDrainOnceOnEachStream) {
  Outbox outbox;
  outbox.AddDrain();
  outbox.AddDrain();
  EXPECT_TRUE(Next(outbox).has_drain());
  EXPECT_FALSE(outbox.HasWaiting());
  outbox.OnNewStream(false);
  EXPECT_TRUE(Next(outbox).has_drain());
  EXPECT_FALSE(outbox.HasWaiting());
}

TEST(OutboxTest, ForgetsTheOldestEvictionsBeyondTheLimit) {
  Outbox outbox;
  for (std::size_t i = 0; i < kEvictedMax + 10; ++i) outbox.AddEvicted(Token(static_cast<int>(i), 0));
  std::size_t sent = 0;
  std::uint64_t first = 0;
  for (v1::WorkerFrame frame; outbox.NextFrame(&frame);) {
    if (sent == 0) first = frame.evicted(0).run();
    sent += static_cast<std::size_t>(frame.evicted_size());
  }
  EXPECT_EQ(sent, kEvictedMax);
  EXPECT_EQ(first, 10u);
}

}  // namespace
}  // namespace perdure::session
