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
  std::string bytes;
  outbox.NextFrame(&bytes);
  EXPECT_TRUE(frame.ParseFromString(bytes));
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
  std::string none;
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

TEST(OutboxTest, KeepsToWhatTheServerTakesInAFrame) {
  Outbox outbox;
  outbox.Add(TaskDone(1, std::string(2 << 20, 'x')));  // before the limit was known
  for (int i = 2; i <= 25; ++i) outbox.Add(TaskDone(i, std::string(10'000, 'y')));
  outbox.SetFrameLimits(/*bytes_max=*/100'000, /*items_max=*/5);
  outbox.Add(TaskDone(26, std::string(100'000, 'z')));
  std::vector<std::uint64_t> ids;
  while (outbox.HasWaiting()) {
    const v1::WorkerFrame frame = Next(outbox);
    EXPECT_LE(frame.ByteSizeLong(), 100'000u);
    EXPECT_LE(frame.task_answers_size(), 5);
    for (const v1::TaskAnswer& answer : frame.task_answers()) {
      ids.push_back(answer.answer_id());
      EXPECT_EQ(answer.has_failure(), answer.answer_id() == 1 || answer.answer_id() == 26);
      if (answer.has_failure()) EXPECT_THAT(answer.failure().message(), HasSubstr("at most 95904"));
    }
  }
  EXPECT_EQ(ids.size(), 26u);
}

constexpr char kNotUtf8[] = "INVALID_ARGUMENT: a text in them is not UTF-8";

// The stream broke because of its last frame; another one was welcomed.
std::optional<Outbox::Refused> Refuse(Outbox& outbox, bool too_large = false) {
  const auto refused = outbox.OnRefused(too_large, kNotUtf8);
  outbox.OnNewStream(/*server_changed=*/false);
  return refused;
}

TEST(OutboxTest, AfterARefusedFrameAnswersGoOneByOneUntilTheirReasonIsFound) {
  Outbox outbox;
  outbox.Add(TaskDone(1));
  outbox.Add(Advanced(2));  // the bad one
  outbox.Add(TaskDone(3));
  Next(outbox);
  outbox.Add(TaskDone(4));
  outbox.Add(Beat(5, "half"));
  EXPECT_FALSE(Refuse(outbox).has_value()) << "one of three";

  EXPECT_THAT(AnswerIds(Next(outbox)), ElementsAre(1));
  EXPECT_THAT(AnswerIds(Next(outbox)), IsEmpty()) << "not before the acknowledgement";
  outbox.Ack(1);
  EXPECT_THAT(AnswerIds(Next(outbox)), ElementsAre(2));
  const auto refused = Refuse(outbox);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->answer_id, 2u);
  EXPECT_FALSE(refused->dropped);

  const v1::WorkerFrame frame = Next(outbox);
  ASSERT_EQ(frame.activation_answers_size(), 1);
  EXPECT_EQ(frame.activation_answers(0).answer_id(), 2u);
  EXPECT_EQ(frame.activation_answers(0).token().run(), 2u);
  EXPECT_EQ(frame.activation_answers(0).failure().kind(), v1::Failure::KIND_WORKER_ERROR);
  EXPECT_THAT(frame.activation_answers(0).failure().message(), HasSubstr(kNotUtf8));
  outbox.Ack(2);
  EXPECT_THAT(AnswerIds(Next(outbox)), ElementsAre(3));
  outbox.Ack(3);
  const v1::WorkerFrame rest = Next(outbox);
  EXPECT_THAT(AnswerIds(rest), ElementsAre(4));
  EXPECT_EQ(rest.heartbeats_size(), 1) << "all at once again";
  outbox.Ack(4);
  EXPECT_EQ(outbox.unacked_bytes(), 0u);
}

TEST(OutboxTest, AnAnswerThatNoFrameCouldHoldIsNotEvenEncoded) {
  const v1::TaskAnswer answer = TaskDone(9, std::string(kAnswerBytesMax + 1, 'x'));
  const EncodedAnswer encoded = Encode(answer);
  EXPECT_LT(encoded.bytes.size(), 1000u);
  EXPECT_FALSE(encoded.failed) << "of the task itself";
  Outbox outbox;
  outbox.Add(encoded);
  const v1::WorkerFrame frame = Next(outbox);
  EXPECT_EQ(frame.task_answers(0).token().run(), 9u);
  EXPECT_EQ(frame.task_answers(0).failure().type(), "AnswerTooLarge");
}

TEST(OutboxTest, AFailureThatIsRefusedAsWellIsDropped) {
  Outbox outbox;
  v1::StepAnswer step;
  *step.mutable_token() = Token(4, 0);
  step.mutable_step()->set_seq(7);
  step.mutable_step()->set_attempt(3);
  step.mutable_step()->mutable_result()->set_data("x");
  outbox.Add(step);
  Next(outbox);
  EXPECT_FALSE(Refuse(outbox).has_value());
  Next(outbox);
  EXPECT_FALSE(Refuse(outbox)->dropped);
  const v1::StepAnswer failed = Next(outbox).step_answers(0);
  EXPECT_EQ(failed.token().run(), 4u);
  EXPECT_EQ(failed.step().seq(), 7);
  EXPECT_EQ(failed.step().attempt(), 3);
  EXPECT_EQ(failed.step().failure().kind(), v1::Failure::KIND_WORKER_ERROR);
  EXPECT_TRUE(Refuse(outbox)->dropped);
  EXPECT_EQ(outbox.unacked(), 0u);
  EXPECT_FALSE(outbox.HasWaiting());
}

TEST(OutboxTest, AStreamLostForAnotherReasonDoesNotBlameTheAnswerThatWasOut) {
  Outbox outbox;
  outbox.Add(TaskDone(1));
  outbox.Add(TaskDone(2));
  Next(outbox);
  Refuse(outbox);
  EXPECT_THAT(AnswerIds(Next(outbox)), ElementsAre(1));
  outbox.OnNewStream(false);
  const v1::WorkerFrame again = Next(outbox);
  ASSERT_EQ(again.task_answers_size(), 1);
  EXPECT_TRUE(again.task_answers(0).has_result());
}

TEST(OutboxTest, AnOverloadedServerBlamesNoCommonAnswer) {
  Outbox outbox;
  outbox.Add(TaskDone(1));
  outbox.Add(TaskDone(2));
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(AnswerIds(Next(outbox)), ElementsAre(1, 2));
    EXPECT_FALSE(Refuse(outbox, /*too_large=*/true).has_value());
  }
}

TEST(OutboxTest, ALargeAnswerThatIsRefusedAgainAndAgainIsTooLarge) {
  Outbox outbox;
  outbox.Add(TaskDone(1));
  outbox.Add(TaskDone(2, std::string(kFrameBytesTarget + 1, 'x')));
  Next(outbox);
  outbox.Ack(1);
  Next(outbox);
  EXPECT_FALSE(Refuse(outbox, true).has_value());
  for (int i = 1; i < kTooLargeTries; ++i) {
    EXPECT_TRUE(Next(outbox).task_answers(0).has_result());
    EXPECT_FALSE(Refuse(outbox, true).has_value());
  }
  EXPECT_TRUE(Next(outbox).task_answers(0).has_result());
  EXPECT_TRUE(Refuse(outbox, true).has_value());
  EXPECT_EQ(Next(outbox).task_answers(0).failure().type(), "AnswerRefused");
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
  while (outbox.HasWaiting()) {
    const v1::WorkerFrame frame = Next(outbox);
    if (sent == 0) first = frame.evicted(0).run();
    sent += static_cast<std::size_t>(frame.evicted_size());
  }
  EXPECT_EQ(sent, kEvictedMax);
  EXPECT_EQ(first, 10u);
}

}  // namespace
}  // namespace perdure::session
