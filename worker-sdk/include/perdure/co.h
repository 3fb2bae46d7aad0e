// Co<T>: the coroutine type of workflow functions and of their helpers.
//
//   perdure::Co<Receipt> Charge(perdure::Context& ctx, Payment payment) {
//     co_return co_await ctx.Run(ProcessPayment, payment);
//   }
//   perdure::Co<Fulfilment> Fulfil(perdure::Context& ctx, Order order) {
//     Receipt receipt = co_await Charge(ctx, order.payment);    // a nested call
//     ...
//   }
//
// A Co starts when it is awaited (or spawned) and is awaited once. Inside it only Pending<T> and Co<T> can be
// awaited: anything else would make the run depend on more than its history, and does not compile.
//
// Workflow code must be deterministic, since it is run again from history after a crash or an eviction. So
// inside of it: no wall clock (ctx.Now()), no random numbers (ctx.Random(), ctx.Uuid()), no threads, locks,
// sleeps (ctx.Sleep) or I/O (tasks and steps), no iteration over containers ordered by address or hash, no
// global state that changes. C++ cannot forbid these; a run that issues other commands than its history
// records is stopped and reported, and code that holds its thread too long is logged.
//
// One thing that looks harmless: C++ leaves it to the compiler which of two operands, or of two arguments of
// a function, comes first. All(ctx.Run(A), ctx.Run(B)) issues its commands in the same order for as long as
// the worker is built with the same compiler, but clang begins on the left and g++ often on the right, and
// runs that one began cannot be replayed by the other. Where that may matter, begin one thing a statement
//   auto a = ctx.Run(A);
//   auto b = ctx.Run(B);
//   co_await perdure::All(std::move(a), std::move(b));
// or hand over callables, which the combinators start from left to right:
//   co_await perdure::All([&] { return ctx.Run(A); }, [&] { return ctx.Run(B); });
//
// Lifetime, as with every C++ coroutine: a parameter taken by reference must outlive the coroutine. That
// holds for `co_await Helper(ctx, Make())`, but not for a spawned one: take parameters by value there. A
// lambda with captures must outlive its coroutine; Spawn, Shield, CancelScope::Run and the combinators keep a
// lambda alive if given the lambda itself (`ctx.Spawn([=]() -> perdure::Co<int> {...})`) rather than the
// coroutine it returns.
//
// When a suspended run is evicted from memory, or ends while other coroutines of it are suspended, their
// local variables are destroyed where they stand. Destructors must therefore not have effects that the run
// relies on; what they ask of a Context then is ignored.
//
// Thread-safety: belongs to its run's thread.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_CO_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_CO_H_

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#error \
    "perdure: g++ before 13 miscompiles coroutines, often silently. Build with clang-19 (Debian 12: apt-get install clang-19, then cmake -DCMAKE_CXX_COMPILER=clang++-19) or with g++ 13 or newer."
#endif

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "perdure/detail/strand.h"
#include "perdure/pending.h"

namespace perdure {

template <class T = void>
class Co;

namespace detail {

template <class T>
class PendingAwait final : public CellAwait {
 public:
  PendingAwait(Cell<T>* cell, Strand* strand, bool take)
      : CellAwait(cell, strand), cell_(cell), take_(take) {}
  bool await_ready() const { return Ready(); }
  void await_suspend(std::coroutine_handle<> coroutine) { Suspend(coroutine); }
  T await_resume() {
    ThrowIfInterrupted();
    if constexpr (std::is_void_v<T>) {
      cell_->Peek();
    } else {
      if constexpr (std::copy_constructible<T>) {
        if (!take_) return cell_->Peek();
      }
      return cell_->Take();
    }
  }

 private:
  Cell<T>* const cell_;
  const bool take_;
};

template <class T>
class CoAwait;

// What every coroutine's promise has.
class CoPromiseBase {
 public:
  static void* operator new(std::size_t bytes) { return AllocateFrame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { FreeFrame(frame, bytes); }

  struct FinalAwait {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> coroutine) const noexcept {
      CoPromiseBase& promise = coroutine.promise();
      if (promise.continuation_) {
        promise.strand_->Next(promise.continuation_);
      } else {
        promise.strand_->RootFinished();
      }
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwait final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error_ = std::current_exception(); }

  template <class T>
  PendingAwait<T> await_transform(Pending<T>& pending) const {
    return {pending.cell(), strand_, false};
  }
  template <class T>
  PendingAwait<T> await_transform(Pending<T>&& pending) const {
    return {pending.cell(), strand_, true};
  }
  template <class T>
  CoAwait<T> await_transform(Co<T>&& coroutine) const {
    return CoAwait<T>(std::move(coroutine), strand_);
  }
  template <class T>
  CoAwait<T> await_transform(Co<T>&) const {
    static_assert(sizeof(T*) == 0, "perdure: a Co is awaited once; write co_await std::move(co)");
  }
  template <class Other>
  std::suspend_never await_transform(Other&&) const {
    static_assert(
        sizeof(Other*) == 0,
        "perdure: workflow code can only co_await perdure::Pending<T> and perdure::Co<T>; anything else "
        "would not be deterministic. Do I/O in a task or a step");
    return {};
  }

  void Run(Strand* strand, std::coroutine_handle<> continuation) {
    strand_ = strand;
    continuation_ = continuation;
  }

 protected:
  void RethrowIfFailed() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  Strand* strand_ = nullptr;
  std::coroutine_handle<> continuation_;
  std::exception_ptr error_;
};

template <class T>
class CoPromise final : public CoPromiseBase {
 public:
  Co<T> get_return_object();
  template <class U>
    requires std::convertible_to<U&&, T>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  void return_value(T&& value)
    requires(!std::convertible_to < T &&, T >)
  {
    value_.emplace(std::move(value));
  }
  T Take() {
    RethrowIfFailed();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class CoPromise<void> final : public CoPromiseBase {
 public:
  Co<void> get_return_object();
  void return_void() const noexcept {}
  void Take() const { RethrowIfFailed(); }
};

}  // namespace detail

template <class T>
class [[nodiscard("perdure: a Co does nothing until it is awaited or spawned")]] Co {
  static_assert(!std::is_reference_v<T>, "perdure: Co<T> takes a value type or void");

 public:
  using promise_type = detail::CoPromise<T>;
  using Value = T;

  Co(Co&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Co& operator=(Co&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~Co() {
    if (coroutine_) coroutine_.destroy();
  }

  // For the SDK.
  explicit Co(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  std::coroutine_handle<promise_type> coroutine() const { return coroutine_; }

 private:
  std::coroutine_handle<promise_type> coroutine_;
};

namespace detail {

template <class T>
Co<T> CoPromise<T>::get_return_object() {
  return Co<T>(std::coroutine_handle<CoPromise<T>>::from_promise(*this));
}
inline Co<void> CoPromise<void>::get_return_object() {
  return Co<void>(std::coroutine_handle<CoPromise<void>>::from_promise(*this));
}

// A nested call: the child goes on with the caller when it is done.
template <class T>
class CoAwait {
 public:
  CoAwait(Co<T> child, Strand* strand) : child_(std::move(child)), strand_(strand) {
    if (!child_.coroutine()) ThrowUsageError("this Co was already awaited or moved from");
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    child_.coroutine().promise().Run(strand_, caller);
    strand_->Next(child_.coroutine());
  }
  T await_resume() { return child_.coroutine().promise().Take(); }

 private:
  Co<T> child_;
  Strand* const strand_;
};

}  // namespace detail
}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_CO_H_
