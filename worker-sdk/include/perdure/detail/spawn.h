// Turning what users hand over (a Pending, a Co, a callable that makes a Co) into a Pending.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_SPAWN_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_SPAWN_H_

#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "perdure/co.h"
#include "perdure/detail/issue.h"
#include "perdure/detail/strand.h"
#include "perdure/pending.h"

namespace perdure::detail {

template <class W>
struct WorkTraits {
  static constexpr bool kIsPending = false;
  static constexpr bool kIsCo = false;
};
template <class T>
struct WorkTraits<Pending<T>> {
  using Value = T;
  static constexpr bool kIsPending = true;
  static constexpr bool kIsCo = false;
};
template <class T>
struct WorkTraits<Co<T>> {
  using Value = T;
  static constexpr bool kIsPending = false;
  static constexpr bool kIsCo = true;
};

template <class W>
concept IsPending = WorkTraits<std::remove_cvref_t<W>>::kIsPending;
template <class W>
concept IsCo = WorkTraits<std::remove_cvref_t<W>>::kIsCo;
// Makes a Co or a Pending when called.
template <class W>
concept MakesWork =
    std::is_invocable_v<std::decay_t<W>&> &&
    (IsCo<std::invoke_result_t<std::decay_t<W>&>> || IsPending<std::invoke_result_t<std::decay_t<W>&>>);
template <class W>
concept Work = IsPending<W> || IsCo<W> || MakesWork<W>;

template <class W>
struct WorkValueOf : WorkTraits<std::remove_cvref_t<W>> {};
template <class W>
  requires MakesWork<W>
struct WorkValueOf<W> : WorkTraits<std::remove_cvref_t<std::invoke_result_t<std::decay_t<W>&>>> {};
template <class W>
using WorkValue = typename WorkValueOf<W>::Value;

// Where the outcome of a strand arrives.
template <class T>
class StrandCell final : public Cell<T> {
 public:
  explicit StrandCell(Ref<Scope> scope) : scope_(std::move(scope)) {}
  void Cancel(const std::string& reason) override { scope_->Cancel(reason); }
  bool HoldsOff() const override { return scope_->shield() || scope_->cancelled(); }

 private:
  Ref<Scope> scope_;
};

// Runs what `make` makes. The callable lives as long as its coroutine.
template <class T, class Make>
class StrandOf final : public Strand {
 public:
  StrandOf(RunCore& run, Ref<Scope> scope, Make make)
      : Strand(run, scope), cell_(MakeRef<StrandCell<T>>(std::move(scope))), make_(std::move(make)) {}

  const Ref<StrandCell<T>>& cell() const { return cell_; }

  std::coroutine_handle<> Begin() override {
    try {
      return MakeRoot();
    } catch (...) {
      begin_error_ = std::current_exception();
      return nullptr;
    }
  }

  void Finish() override {
    const bool observed = cell_->refs() > 1;
    try {
      if (begin_error_) std::rethrow_exception(begin_error_);
      if constexpr (std::is_void_v<T>) {
        root_->coroutine().promise().Take();
        cell_->Settle({});
      } else {
        cell_->Settle(root_->coroutine().promise().Take());
      }
    } catch (...) {
      if (!observed) ReportUnobserved(this->run(), std::current_exception());
      cell_->SettleError(std::current_exception());
    }
  }

 private:
  std::coroutine_handle<> MakeRoot() {
    if constexpr (IsCo<std::invoke_result_t<Make&>>) {
      root_.emplace(make_());
    } else {
      root_.emplace(Await(make_()));
    }
    if (!root_->coroutine()) ThrowUsageError("this Co was already awaited or moved from");
    root_->coroutine().promise().Run(this, nullptr);
    return root_->coroutine();
  }

  static Co<T> Await(Pending<T> pending) { co_return co_await std::move(pending); }

  Ref<StrandCell<T>> cell_;
  Make make_;
  std::optional<Co<T>> root_;
  std::exception_ptr begin_error_;
};

template <class T, class Make>
Pending<T> StartStrandOf(RunCore& run, Ref<Scope> scope, Make make) {
  auto strand = MakeRef<StrandOf<T, Make>>(run, std::move(scope), std::move(make));
  Pending<T> pending{Ref<Cell<T>>(strand->cell().get())};
  StartStrand(run, Ref<Strand>(strand.get()));
  return pending;
}

// A Co or a callable, as a strand in this scope.
template <class W>
Pending<WorkValue<W>> SpawnIn(RunCore& run, Ref<Scope> scope, W&& work) {
  using T = WorkValue<W>;
  if constexpr (IsCo<W>) {
    static_assert(!std::is_lvalue_reference_v<W>, "perdure: hand a Co over with std::move(co)");
    return StartStrandOf<T>(run, std::move(scope),
                            [co = std::move(work)]() mutable -> Co<T> { return std::move(co); });
  } else {
    return StartStrandOf<T>(run, std::move(scope), std::decay_t<W>(std::forward<W>(work)));
  }
}

// Anything awaitable as a Pending: a Pending as it is, a Co or a callable spawned in a scope of its own.
template <class W>
Pending<WorkValue<W>> AsPending(W&& work, const char* what) {
  static_assert(Work<W>,
                "perdure: expected a Pending, a Co, or a callable without parameters that returns one");
  if constexpr (IsPending<W>) {
    static_assert(!std::is_lvalue_reference_v<W>, "perdure: hand a Pending over with std::move(pending)");
    if (work.cell() == nullptr) ThrowUsageError("this Pending was already handed over or moved from");
    return std::move(work);
  } else {
    RunCore& run = RequireRun(what);
    return SpawnIn(run, NewScope(run, /*shield=*/false), std::forward<W>(work));
  }
}

}  // namespace perdure::detail

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_SPAWN_H_
