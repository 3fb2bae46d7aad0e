// All, AllSettled, Any, Try, WithTimeout: several things at once, and outcomes as values.
//
//   auto [stock, receipt] = co_await perdure::All(ctx.Run(CheckInventory, items), ctx.Run(ProcessPayment,
//   pay));
//
//   std::vector<perdure::Pending<Row>> rows;
//   for (const Batch& batch : batches) rows.push_back(ctx.Run(Transform, batch));
//   std::vector<Row> done = co_await perdure::All(std::move(rows));
//
//   auto answer = co_await perdure::Try(perdure::WithTimeout(ctx.WaitSignal(Approve),
//   std::chrono::hours(24))); if (!answer) ...            // timed out, or cancelled
//
// Each takes Pendings, coroutines (Co), and callables that return either; a coroutine is spawned. Each
// returns a Pending itself, so they nest. Coroutines and callables start from left to right; for the order in
// which All(ctx.Run(...), ctx.Run(...)) issues its two commands see <perdure/co.h>. A part without a value
// (void) counts as std::monostate in tuples and variants; All over a vector of Pending<void> is a
// Pending<void>.
//
// What becomes of the rest: when All fails with the first failure, when Any has its first outcome and when
// WithTimeout runs out, the parts still open are cancelled and not waited for (a task: as its OnCancel says).
// Use AllSettled to let all of them end.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_COMBINE_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_COMBINE_H_

#include <chrono>
#include <cstddef>
#include <exception>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "perdure/detail/combinator.h"
#include "perdure/detail/spawn.h"
#include "perdure/errors.h"
#include "perdure/options.h"
#include "perdure/pending.h"
#include "perdure/result.h"

namespace perdure {

// Which part of Any over a vector was first, and with what.
template <class T>
struct First {
  std::size_t index = 0;
  T value;
};
template <>
struct First<void> {
  std::size_t index = 0;
};

namespace detail {

template <class T>
Result<T> TakeResult(Cell<T>& cell) {
  if (cell.failed()) return Result<T>::Failed(cell.error());
  return Result<T>(cell.Take());
}

template <class T>
std::vector<CellBase*> CellsOf(const std::vector<Pending<T>>& parts) {
  std::vector<CellBase*> cells;
  cells.reserve(parts.size());
  for (const Pending<T>& part : parts) {
    if (part.cell() == nullptr)
      ThrowUsageError("a Pending in the vector was already handed over or moved from");
    cells.push_back(part.cell());
  }
  return cells;
}

template <class T>
using AllOf = std::conditional_t<std::is_void_v<T>, void, std::vector<Stored<T>>>;

template <class T>
class AllVectorCell final : public CombinedCell<AllOf<T>> {
 public:
  explicit AllVectorCell(std::vector<Pending<T>> parts) : parts_(std::move(parts)), open_(parts_.size()) {}
  void Start() {
    this->Watch(CellsOf(parts_));
    if (parts_.empty()) Gather();
  }

 private:
  void ChildSettled(std::size_t index) override {
    if (this->child(index).failed()) {
      const std::exception_ptr error = this->child(index).error();
      this->CancelOpen("another part of All failed");
      this->SettleError(error);
    } else if (--open_ == 0) {
      Gather();
    }
  }
  void Gather() {
    if constexpr (std::is_void_v<T>) {
      this->Settle({});
    } else {
      std::vector<T> values;
      values.reserve(parts_.size());
      for (const Pending<T>& part : parts_) values.push_back(part.cell()->Take());
      this->Settle(std::move(values));
    }
  }

  std::vector<Pending<T>> parts_;
  std::size_t open_;
};

template <class... T>
class AllTupleCell final : public CombinedCell<std::tuple<Stored<T>...>> {
 public:
  explicit AllTupleCell(std::tuple<Pending<T>...> parts) : parts_(std::move(parts)) {}
  void Start() {
    this->Watch(
        std::apply([](const auto&... part) { return std::vector<CellBase*>{part.cell()...}; }, parts_));
  }

 private:
  void ChildSettled(std::size_t index) override {
    if (this->child(index).failed()) {
      const std::exception_ptr error = this->child(index).error();
      this->CancelOpen("another part of All failed");
      this->SettleError(error);
    } else if (--open_ == 0) {
      this->Settle(
          std::apply([](auto&... part) { return std::tuple<Stored<T>...>(part.cell()->Take()...); }, parts_));
    }
  }

  std::tuple<Pending<T>...> parts_;
  std::size_t open_ = sizeof...(T);
};

template <class T>
class SettledVectorCell final : public CombinedCell<std::vector<Result<T>>> {
 public:
  explicit SettledVectorCell(std::vector<Pending<T>> parts)
      : parts_(std::move(parts)), open_(parts_.size()) {}
  void Start() {
    this->Watch(CellsOf(parts_));
    if (parts_.empty()) this->Settle({});
  }

 private:
  void ChildSettled(std::size_t) override {
    if (--open_ != 0) return;
    std::vector<Result<T>> results;
    results.reserve(parts_.size());
    for (const Pending<T>& part : parts_) results.push_back(TakeResult(*part.cell()));
    this->Settle(std::move(results));
  }

  std::vector<Pending<T>> parts_;
  std::size_t open_;
};

template <class... T>
class SettledTupleCell final : public CombinedCell<std::tuple<Result<T>...>> {
 public:
  explicit SettledTupleCell(std::tuple<Pending<T>...> parts) : parts_(std::move(parts)) {}
  void Start() {
    this->Watch(
        std::apply([](const auto&... part) { return std::vector<CellBase*>{part.cell()...}; }, parts_));
  }

 private:
  void ChildSettled(std::size_t) override {
    if (--open_ != 0) return;
    this->Settle(std::apply(
        [](auto&... part) { return std::tuple<Result<T>...>(TakeResult(*part.cell())...); }, parts_));
  }

  std::tuple<Pending<T>...> parts_;
  std::size_t open_ = sizeof...(T);
};

template <class T>
class AnyVectorCell final : public CombinedCell<First<T>> {
 public:
  explicit AnyVectorCell(std::vector<Pending<T>> parts) : parts_(std::move(parts)) {}
  void Start() { this->Watch(CellsOf(parts_)); }

 private:
  void ChildSettled(std::size_t index) override {
    this->CancelOpen("another part of Any was first");
    Cell<T>& cell = *parts_[index].cell();
    if (cell.failed()) {
      this->SettleError(cell.error());
    } else if constexpr (std::is_void_v<T>) {
      this->Settle(First<T>{index});
    } else {
      this->Settle(First<T>{index, cell.Take()});
    }
  }

  std::vector<Pending<T>> parts_;
};

template <class... T>
class AnyTupleCell final : public CombinedCell<std::variant<Stored<T>...>> {
 public:
  explicit AnyTupleCell(std::tuple<Pending<T>...> parts) : parts_(std::move(parts)) {}
  void Start() {
    this->Watch(
        std::apply([](const auto&... part) { return std::vector<CellBase*>{part.cell()...}; }, parts_));
  }

 private:
  void ChildSettled(std::size_t index) override {
    this->CancelOpen("another part of Any was first");
    if (this->child(index).failed()) {
      this->SettleError(this->child(index).error());
    } else {
      SettleWith(index, std::index_sequence_for<T...>());
    }
  }
  template <std::size_t... I>
  void SettleWith(std::size_t index, std::index_sequence<I...>) {
    ((I == index ? this->Settle(
                       std::variant<Stored<T>...>(std::in_place_index<I>, std::get<I>(parts_).cell()->Take()))
                 : void()),
     ...);
  }

  std::tuple<Pending<T>...> parts_;
};

template <class T>
class TryCell final : public CombinedCell<Result<T>> {
 public:
  explicit TryCell(Pending<T> part) : part_(std::move(part)) {}
  void Start() { this->Watch({part_.cell()}); }

 private:
  void ChildSettled(std::size_t) override { this->Settle(TakeResult(*part_.cell())); }

  Pending<T> part_;
};

template <class T>
class TimeoutCell final : public CombinedCell<T> {
 public:
  TimeoutCell(Pending<T> part, Pending<void> timer, Milliseconds limit)
      : part_(std::move(part)), timer_(std::move(timer)), limit_(limit) {}
  void Start() { this->Watch({part_.cell(), timer_.cell()}); }
  void Cancel(const std::string& reason) override { part_.Cancel(reason); }
  bool HoldsOff() const override { return part_.cell()->HoldsOff(); }

 private:
  void ChildSettled(std::size_t index) override {
    Cell<T>& cell = *part_.cell();
    // A timer that fails was cancelled with its scope: the part decides what comes of that.
    if (index == 1 && timer_.cell()->failed()) return;
    if (index == 1) {
      this->CancelOpen("timed out");
      this->SettleError(std::make_exception_ptr(TimeoutError(TimeoutText())));
      return;
    }
    this->CancelOpen("not needed any more");
    if (cell.failed()) {
      this->SettleError(cell.error());
    } else {
      this->Settle(cell.Take());
    }
  }
  std::string TimeoutText() const { return "no outcome within " + std::to_string(limit_.count()) + " ms"; }

  Pending<T> part_;
  Pending<void> timer_;
  Milliseconds limit_;
};

template <class CellType, class... Parts>
auto Combine(Parts&&... parts) {
  auto cell = MakeRef<CellType>(std::forward<Parts>(parts)...);
  cell->Start();
  return cell;
}

template <class T, class CellType>
Pending<T> HandleOn(const Ref<CellType>& cell) {
  return Pending<T>(Ref<Cell<T>>(cell.get()));
}

// Several at once. The braces have the parts made, and so their strands started, from left to right, which
// the arguments of a function are not.
template <class... W>
std::tuple<Pending<WorkValue<W>>...> AsPendingTuple(const char* what, W&&... works) {
  return std::tuple<Pending<WorkValue<W>>...>{AsPending(std::forward<W>(works), what)...};
}

// A vector of coroutines or callables, as a vector of Pendings.
template <class W>
std::vector<Pending<WorkValue<W>>> AsPendings(std::vector<W> works, const char* what) {
  if constexpr (IsPending<W>) {
    return works;
  } else {
    std::vector<Pending<WorkValue<W>>> parts;
    parts.reserve(works.size());
    for (W& work : works) parts.push_back(AsPending(std::move(work), what));
    return parts;
  }
}

Pending<void> StartTimer(Milliseconds delay, const char* what);

}  // namespace detail

// All of them: a tuple of the values, in the order given. Fails with the first failure.
template <detail::Work... W>
  requires(sizeof...(W) > 0)
auto All(W&&... works) {
  detail::RequireRun("All");
  using Tuple = std::tuple<detail::Stored<detail::WorkValue<W>>...>;
  return detail::HandleOn<Tuple>(detail::Combine<detail::AllTupleCell<detail::WorkValue<W>...>>(
      detail::AsPendingTuple("All", std::forward<W>(works)...)));
}

// All of a vector: a vector of the values, in the same order. Fails with the first failure.
template <detail::Work W>
auto All(std::vector<W> works) {
  detail::RequireRun("All");
  using T = detail::WorkValue<W>;
  return detail::HandleOn<detail::AllOf<T>>(
      detail::Combine<detail::AllVectorCell<T>>(detail::AsPendings(std::move(works), "All")));
}

// All of them, however they end: results in the order given. Never fails.
template <detail::Work... W>
  requires(sizeof...(W) > 0)
auto AllSettled(W&&... works) {
  detail::RequireRun("AllSettled");
  return detail::HandleOn<std::tuple<Result<detail::WorkValue<W>>...>>(
      detail::Combine<detail::SettledTupleCell<detail::WorkValue<W>...>>(
          detail::AsPendingTuple("AllSettled", std::forward<W>(works)...)));
}
template <detail::Work W>
auto AllSettled(std::vector<W> works) {
  detail::RequireRun("AllSettled");
  using T = detail::WorkValue<W>;
  return detail::HandleOn<std::vector<Result<T>>>(
      detail::Combine<detail::SettledVectorCell<T>>(detail::AsPendings(std::move(works), "AllSettled")));
}

// The first of them to end: a variant whose index() says which. Fails if the first one failed.
template <detail::Work... W>
  requires(sizeof...(W) > 0)
auto Any(W&&... works) {
  detail::RequireRun("Any");
  using Variant = std::variant<detail::Stored<detail::WorkValue<W>>...>;
  return detail::HandleOn<Variant>(detail::Combine<detail::AnyTupleCell<detail::WorkValue<W>...>>(
      detail::AsPendingTuple("Any", std::forward<W>(works)...)));
}
// The first of a vector, which must not be empty: a First<T> with its index and value.
template <detail::Work W>
auto Any(std::vector<W> works) {
  detail::RequireRun("Any");
  using T = detail::WorkValue<W>;
  if (works.empty()) detail::ThrowUsageError("Any of nothing would wait for ever");
  return detail::HandleOn<First<T>>(
      detail::Combine<detail::AnyVectorCell<T>>(detail::AsPendings(std::move(works), "Any")));
}

// The outcome as a Result: awaiting it does not throw.
template <detail::Work W>
auto Try(W&& work) {
  detail::RequireRun("Try");
  using T = detail::WorkValue<W>;
  return detail::HandleOn<Result<T>>(
      detail::Combine<detail::TryCell<T>>(detail::AsPending(std::forward<W>(work), "Try")));
}

// The same outcome, or TimeoutError if it takes longer.
template <detail::Work W>
auto WithTimeout(W&& work, Milliseconds limit) {
  detail::RequireRun("WithTimeout");
  using T = detail::WorkValue<W>;
  auto part = detail::AsPending(std::forward<W>(work), "WithTimeout");
  auto timer = detail::StartTimer(limit, "timeout");
  return detail::HandleOn<T>(
      detail::Combine<detail::TimeoutCell<T>>(std::move(part), std::move(timer), limit));
}

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_COMBINE_H_
