// Result<T>: a value, or the failure that took its place. What Try(...) yields.
//
//   perdure::Result<Receipt> paid = co_await perdure::Try(ctx.Run(ProcessPayment, payment));
//   if (!paid) {
//     ctx.Log().Warn("payment failed", "why", paid.error().Describe());
//     co_await ctx.Run(Release, stock);       // allowed here, while a catch block cannot co_await
//     co_return Rejected(paid.error().Root().message);
//   }
//   Use(*paid);
//
// Thread-safety: a plain value.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_RESULT_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_RESULT_H_

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

#include "perdure/errors.h"

namespace perdure {

template <class T = void>
class Result {
 public:
  using Value = T;
  using Kept = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  // NOLINTNEXTLINE(google-explicit-constructor): a value is a result.
  Result(Kept value) : outcome_(std::in_place_index<0>, std::move(value)) {}
  Result()
    requires std::is_void_v<T>
      : outcome_(std::in_place_index<0>) {}
  // A failure, from the exception that was thrown.
  static Result Failed(std::exception_ptr exception) { return Result(FailedTag(), std::move(exception)); }

  bool has_value() const { return outcome_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // The value; without one, throws what was thrown in the first place.
  decltype(auto) value() & { return Get<Kept&>(*this); }
  decltype(auto) value() const& { return Get<const Kept&>(*this); }
  decltype(auto) value() && { return Get<Kept&&>(*this); }

  decltype(auto) operator*() & { return value(); }
  decltype(auto) operator*() const& { return value(); }
  decltype(auto) operator*() && { return std::move(*this).value(); }
  auto* operator->()
    requires(!std::is_void_v<T>)
  {
    return &value();
  }
  const auto* operator->() const
    requires(!std::is_void_v<T>)
  {
    return &value();
  }

  template <class U>
    requires(!std::is_void_v<T>)
  Kept value_or(U&& other) const {
    return has_value() ? std::get<0>(outcome_) : static_cast<Kept>(std::forward<U>(other));
  }

  // Only without a value.
  const Failure& error() const { return *Failed().failure; }
  const std::exception_ptr& exception() const { return Failed().exception; }
  [[noreturn]] void Rethrow() const { std::rethrow_exception(Failed().exception); }
  // Whether it failed with an error of this type, or with one behind it ("CardDeclined").
  bool HasType(std::string_view type) const { return !has_value() && error().HasType(type); }

 private:
  struct FailedTag {};
  struct Outcome {
    std::exception_ptr exception;
    std::shared_ptr<const Failure> failure;
  };

  Result(FailedTag, std::exception_ptr exception)
      : outcome_(std::in_place_index<1>,
                 Outcome{exception, std::make_shared<const Failure>(FailureFrom(exception))}) {}

  template <class Wanted, class Self>
  static auto Get(Self& self) -> std::conditional_t<std::is_void_v<T>, void, Wanted> {
    if (!self.has_value()) self.Rethrow();
    if constexpr (!std::is_void_v<T>) return static_cast<Wanted>(std::get<0>(self.outcome_));
  }

  const Outcome& Failed() const {
    if (has_value()) throw UsageError("error() of a Result that has a value");
    return std::get<1>(outcome_);
  }

  std::variant<Kept, Outcome> outcome_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_RESULT_H_
