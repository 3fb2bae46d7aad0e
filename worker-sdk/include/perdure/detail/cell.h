// A cell: the place where one outcome arrives, and those that wait for it. Every Pending<T> is a handle on
// one.
//
// A cell belongs to the run in which it was made and is used on that run's thread only.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_CELL_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_CELL_H_

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "perdure/detail/ref.h"
#include "perdure/payload.h"

namespace perdure::detail {

class CellBase;
class RunCore;

// The run whose code this thread is running; null outside of workflow code.
RunCore* CurrentRun() noexcept;
[[noreturn]] void ThrowUsageError(const std::string& message);

// Told once, when the cell it is attached to settles. Detaches itself when destroyed.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  virtual void OnSettled() = 0;
  void Detach();

 protected:
  virtual ~Waiter() { Detach(); }

 private:
  friend class CellBase;
  CellBase* cell_ = nullptr;
  Waiter* previous_ = nullptr;
  Waiter* next_ = nullptr;
};

class CellBase : public RefCounted {
 public:
  bool settled() const { return state_ != State::kOpen; }
  bool failed() const { return state_ == State::kFailed; }
  const std::exception_ptr& error() const { return error_; }
  RunCore* run() const { return run_; }

  // Calls OnSettled at once if the cell is settled.
  void Attach(Waiter& waiter);
  // Without effect if the cell is settled.
  void SettleError(std::exception_ptr error);

  // Settles the cell with what a payload holds. Throws DecodeError.
  virtual void Deliver(const Payload& payload);
  // Asks for an early end.
  virtual void Cancel(const std::string& reason) = 0;
  // Whether the cell was told of a cancellation and settles in its own time: its waiters are not interrupted.
  virtual bool HoldsOff() const { return false; }
  // The last handle is gone: nobody can wait for this cell any more.
  virtual void HandleDropped() {}
  // A handle is let go on purpose: what the cell does, it goes on doing by itself.
  virtual void HandleDetached() {}

  // For Handle.
  void AddHandle() { ++handles_; }
  void DropHandle() {
    if (--handles_ == 0 && !settled()) HandleDropped();
  }

 protected:
  CellBase() : run_(CurrentRun()) {}
  ~CellBase() override;
  void NoteSettled();

 private:
  friend class Waiter;
  enum class State : std::uint8_t { kOpen, kValue, kFailed };

  RunCore* const run_;
  State state_ = State::kOpen;
  int handles_ = 0;
  std::exception_ptr error_;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

// What a Pending holds, and an await for as long as it lasts: the cell stays, and is known to be waited for,
// whatever becomes of the variable that was awaited.
template <class C>
class Handle {
 public:
  Handle() = default;
  explicit Handle(Ref<C> cell) : cell_(std::move(cell)) {
    if (cell_) cell_->AddHandle();
  }
  Handle(const Handle& other) : Handle(other.cell_) {}
  Handle(Handle&& other) noexcept = default;
  Handle& operator=(Handle other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~Handle() {
    if (cell_) cell_->DropHandle();
  }

  C* get() const { return cell_.get(); }
  C* operator->() const { return cell_.get(); }
  explicit operator bool() const { return static_cast<bool>(cell_); }

 private:
  Ref<C> cell_;
};

// How a T that may be void is kept.
template <class T>
using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
class Cell : public CellBase {
 public:
  // Without effect if the cell is settled.
  void Settle(Stored<T> value) {
    if (settled()) return;
    value_.emplace(std::move(value));
    NoteSettled();
  }
  void Deliver(const Payload& payload) override {
    if constexpr (std::is_void_v<T>) {
      Settle({});
    } else if constexpr (PayloadType<T>) {
      Settle(FromPayload<T>(payload));
    } else {
      CellBase::Deliver(payload);
    }
  }
  // Of a settled cell: the value, or what it failed with is thrown.
  Stored<T> Take() {
    Check();
    Stored<T> value = std::move(*value_);
    value_.reset();
    return value;
  }
  const Stored<T>& Peek() const {
    Check();
    return *value_;
  }

 private:
  void Check() const {
    if (failed()) std::rethrow_exception(error());
    if (!value_.has_value()) {
      ThrowUsageError("the value of this Pending was already taken: it can be awaited once as an rvalue");
    }
  }

  std::optional<Stored<T>> value_;
};

}  // namespace perdure::detail

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_CELL_H_
