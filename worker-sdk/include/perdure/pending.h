// Pending<T>: something asked for whose outcome is still to come: a task, a timer, a signal, a spawned
// coroutine, or a combination of them.
//
//   perdure::Pending<Receipt> receipt = ctx.Run(ProcessPayment, payment);   // begun here
//   co_await ctx.Sleep(std::chrono::seconds(1));
//   Receipt r = co_await std::move(receipt);                                // awaited here
//
// Awaiting one yields its value or throws what it failed with; Try(...) turns it into one that yields a
// Result instead. `co_await pending` on a variable copies the value (so that it may be awaited again), or
// moves it if the type cannot be copied; `co_await std::move(pending)` moves.
//
// Dropping a Pending does not stop what it stands for: a task runs on, and nobody learns of its result. Only
// a wait for a signal or a condition ends with its handle, and so does what a combination would have done
// about its parts (WithTimeout no longer cancels). Detach() lets a combination go on. Cancel() stops it.
//
// An await counts as a handle. Whoever awaits a Pending goes on waiting for what it stood for when the await
// began, also if another coroutine assigns a new one to the variable meanwhile. To make it look again,
// Cancel() the old one first, or let it wait for ctx.WaitUntil([&] { return timer.Ready(); }) instead.
//
// Ownership: a movable handle. Thread-safety: belongs to its run's thread; never hand one to another thread.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_PENDING_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_PENDING_H_

#include <string>
#include <type_traits>
#include <utility>

#include "perdure/detail/cell.h"

namespace perdure {

template <class T = void>
class [[nodiscard("perdure: await it, keep it, or call Detach() to let it run on its own")]] Pending {
 public:
  using Value = T;

  Pending(Pending&& other) noexcept = default;
  Pending& operator=(Pending&& other) noexcept = default;

  // False after it was moved from or detached.
  bool Valid() const { return static_cast<bool>(cell_); }
  // Whether awaiting it would not wait.
  bool Ready() const { return cell_ && cell_->settled(); }
  // Asks for an early end: the await throws Cancelled (for tasks, see OnCancel). Without effect once it is
  // ready.
  void Cancel(const std::string& reason = "") {
    if (cell_ && !cell_->settled()) cell_->Cancel(reason);
  }
  // Lets it run on its own.
  void Detach() {
    if (cell_ && !cell_->settled()) cell_->HandleDetached();
    cell_ = {};
  }

  // For the SDK.
  explicit Pending(detail::Ref<detail::Cell<T>> cell) : cell_(std::move(cell)) {}
  detail::Cell<T>* cell() const { return cell_.get(); }

 private:
  detail::Handle<detail::Cell<T>> cell_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_PENDING_H_
