// Answer: what a caller of a partition has got so far.
#ifndef PERDURE_TESTS_UNIT_PARTITION_ANSWER_H_
#define PERDURE_TESTS_UNIT_PARTITION_ANSWER_H_

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "server/partition/messages.h"

namespace perdure::partition::testing {

// Copies share one answer. It stays open when the server crashes before it replies.
template <typename T>
class Answer {
 public:
  Answer() : got_(std::make_shared<std::optional<absl::StatusOr<T>>>()) {}

  // To be handed to the partition, once.
  Reply<T> reply() const {
    return [got = got_](absl::StatusOr<T> value) {
      EXPECT_FALSE(got->has_value()) << "replied twice";
      *got = std::move(value);
    };
  }

  bool done() const { return got_->has_value(); }
  bool ok() const { return done() && (*got_)->ok(); }
  absl::Status status() const {
    return done() ? (*got_)->status() : absl::UnknownError("there is no reply yet");
  }
  // Fails the test if there is none.
  const T& value() const {
    EXPECT_TRUE(ok()) << status();
    static const T none{};
    return ok() ? (*got_)->value() : none;
  }
  const T* operator->() const { return &value(); }

 private:
  std::shared_ptr<std::optional<absl::StatusOr<T>>> got_;
};

}  // namespace perdure::partition::testing

#endif  // PERDURE_TESTS_UNIT_PARTITION_ANSWER_H_
