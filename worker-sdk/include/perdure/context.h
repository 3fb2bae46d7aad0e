// Context: everything workflow code can ask for.
//
//   perdure::Co<Fulfilment> Fulfil(perdure::Context& ctx, Order order) {
//     Valid valid = co_await ctx.Run(ValidateOrder, order);
//     auto [stock, receipt] = co_await perdure::All(ctx.Run(CheckInventory, valid.items),
//                                                   ctx.Run(ProcessPayment, valid.payment));
//     co_await ctx.Sleep(std::chrono::hours(24));
//     co_return Fulfilment{valid.id, stock, receipt, "fulfilled"};
//   }
//
// What begins something (Run, Step, Sleep, WaitSignal, Spawn) does so when it is CALLED, not when it is
// awaited, so that several go on at once. It returns a Pending: await it, combine it (<perdure/combine.h>),
// or keep it.
//
// Cancellation. A request to cancel the run cancels its root scope: whatever the workflow waits for ends with
// a perdure::Cancelled exception, and so does what it asks for afterwards, except inside Shield(). Letting it
// out of the workflow function closes the run as cancelled; handling it and returning something completes the
// run.
//
// Ownership: the SDK's; valid as long as the run's coroutine. Thread-safety: only for the run's own
// coroutines, on the thread that runs them; from any other thread (a step, say) every function throws
// UsageError.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_CONTEXT_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_CONTEXT_H_

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "perdure/co.h"
#include "perdure/combine.h"
#include "perdure/detail/issue.h"
#include "perdure/detail/spawn.h"
#include "perdure/log.h"
#include "perdure/options.h"
#include "perdure/payload.h"
#include "perdure/pending.h"
#include "perdure/random.h"
#include "perdure/task.h"
#include "perdure/workflow.h"

namespace perdure {

// Which run this is.
struct WorkflowInfo {
  std::string namespace_name;
  std::string workflow_id;
  std::string run_id;
  std::string workflow_type;
  std::string task_queue;
  // 1 for the first run, counted up by retries of the whole run.
  int attempt = 1;
  std::string first_run_id;
  // When the run was recorded as started.
  std::chrono::system_clock::time_point start_time;
  // Events up to the present activation.
  std::int64_t history_length = 0;
  // Whether history is being replayed. For logging and metrics; do not decide anything by it.
  bool replaying = false;
};

class Context {
 public:
  // For the SDK.
  explicit Context(detail::RunCore& run) : run_(run) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Runs a task on a worker. The outcome: what the task returned, or TaskFailed once it has failed for good.
  template <class R, class... Args>
  Pending<R> Run(const Task<R(Args...)>& task, std::type_identity_t<Args>... args) {
    return RunWith(task, TaskOptions(), args...);
  }
  template <class R, class... Args>
  Pending<R> Run(const Task<R(Args...)>& task, const TaskOptions& options,
                 std::type_identity_t<Args>... args) {
    return RunWith(task, options, args...);
  }

  // Runs a short function in this process, off the workflow's thread, and records what it returns: on replay
  // that is used and the function does not run again. At least once, like a task. The outcome: its value or
  // StepFailed. The function and its arguments are copied; what it refers to must live until it has ended,
  // and what it changes in memory is not recorded. It must not use the Context.
  //   int total = co_await ctx.Step("total", [](const std::vector<Item>& items) { return Sum(items); },
  //   items); auto clean = co_await ctx.Step("validate", &Pipeline::Validate, this, data);
  template <class F, class... Args>
    requires(!std::same_as<std::remove_cvref_t<F>, StepOptions>)
  auto Step(std::string_view name, F&& function, Args&&... args) {
    return Step(name, StepOptions(), std::forward<F>(function), std::forward<Args>(args)...);
  }
  template <class F, class... Args>
  auto Step(std::string_view name, const StepOptions& options, F&& function, Args&&... args) {
    using Function = std::decay_t<F>;
    static_assert(std::is_invocable_v<Function&, std::decay_t<Args>&...>,
                  "perdure: this step function does not take these arguments");
    using R = std::remove_cvref_t<std::invoke_result_t<Function&, std::decay_t<Args>&...>>;
    static_assert(!detail::IsCo<R> && !detail::IsPending<R>,
                  "perdure: a step is a plain function; a coroutine is awaited, or spawned with ctx.Spawn");
    static_assert(
        PayloadType<R>,
        "perdure: what this step returns cannot be carried in a payload; give the type PERDURE_JSON");
    struct Call {
      Function function;
      std::tuple<std::decay_t<Args>...> args;
    };
    auto call = std::make_shared<Call>(
        Call{std::forward<F>(function), std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)});
    detail::RunCore& run = Here("Step");
    auto cell = detail::MakeRef<detail::LeafCell<R>>();
    detail::IssueStep(run, *cell, detail::CheckedName(name, "the step's name"), options, [call]() -> Payload {
      const auto invoke = [&call](auto&... arg) -> decltype(auto) {
        return std::invoke(call->function, arg...);
      };
      if constexpr (std::is_void_v<R>) {
        std::apply(invoke, call->args);
        return {};
      } else {
        return ToPayload<R>(std::apply(invoke, call->args));
      }
    });
    return Pending<R>(detail::Ref<detail::Cell<R>>(cell.get()));
  }

  // A durable timer; `name` is shown to people, and compared on replay. At most 256 bytes.
  Pending<void> Sleep(Milliseconds duration, std::string_view name = "");
  Pending<void> SleepUntil(std::chrono::system_clock::time_point due, std::string_view name = "");

  // The workflow's clock: stands still between two awaits, and is the same on replay.
  std::chrono::system_clock::time_point Now() const;
  RandomSource& Random();
  // A random UUID, in its usual form of 36 characters.
  std::string Uuid();

  // The next signal of this name, in the order they came; signals that come before anyone waits are kept. One
  // whose value does not decode as a T is taken like any other: the await throws DecodeError, and a run that
  // lets it out fails with it.
  template <class T>
  Pending<T> WaitSignal(const Signal<T>& signal) {
    return WaitSignal<T>(signal.Name());
  }
  template <class T>
  Pending<T> WaitSignal(std::string_view name) {
    detail::RunCore& run = Here("WaitSignal");
    auto cell = detail::MakeRef<detail::LeafCell<T>>();
    detail::AwaitSignal(run, *cell, detail::CheckedName(name, "the signal's name"));
    return Pending<T>(detail::Ref<detail::Cell<T>>(cell.get()));
  }
  // The same without waiting: the oldest signal kept, if there is one.
  template <class T>
    requires(!std::is_void_v<T>)
  std::optional<T> TryTakeSignal(const Signal<T>& signal) {
    return TryTakeSignal<T>(signal.Name());
  }
  template <class T>
    requires(!std::is_void_v<T>)
  std::optional<T> TryTakeSignal(std::string_view name) {
    detail::RunCore& run = Here("TryTakeSignal");
    const std::optional<Payload> payload = detail::TakeSignal(run, name);
    if (!payload.has_value()) return std::nullopt;
    try {
      return FromPayload<T>(*payload);
    } catch (...) {
      detail::ThrowBadSignal(run, name, std::current_exception());
    }
  }
  // For signals without a value: whether one was there.
  bool TryTakeSignal(const Signal<void>& signal) {
    return detail::TakeSignal(Here("TryTakeSignal"), signal.Name()).has_value();
  }

  // Settles once the predicate holds. It is asked now, and whenever the run's code has run. It must only read
  // the run's own state, and that must live as long as the Pending.
  Pending<void> WaitUntil(std::function<bool()> predicate);

  // Starts a coroutine that runs concurrently (in turns, on the same thread). Its scope lies within the
  // present one.
  //   auto watcher = ctx.Spawn(Watch(ctx, order.id));
  //   auto watcher = ctx.Spawn([&ctx, id]() -> perdure::Co<int> { ... });   // the lambda is kept alive
  template <class W>
    requires(detail::IsCo<W> || detail::MakesWork<W>)
  Pending<detail::WorkValue<W>> Spawn(W&& work) {
    detail::RunCore& run = Here("Spawn");
    return detail::SpawnIn(run, detail::NewScope(run, /*shield=*/false), std::forward<W>(work));
  }

  // Starts a coroutine that no cancellation reaches, for clean-up that must be carried out.
  //   co_await ctx.Shield([&]() -> perdure::Co<> { co_await ctx.Run(ReleaseStock, reservation); });
  template <class W>
    requires(detail::IsCo<W> || detail::MakesWork<W>)
  Pending<detail::WorkValue<W>> Shield(W&& work) {
    detail::RunCore& run = Here("Shield");
    return detail::SpawnIn(run, detail::NewScope(run, /*shield=*/true), std::forward<W>(work));
  }

  // Whether cancelling the run was asked for.
  bool CancelRequested() const;
  // Throws Cancelled if the present scope was cancelled (never inside Shield).
  void ThrowIfCancelled() const;

  const WorkflowInfo& Info() const;
  // Silent while history is replayed.
  const Logger& Log() const;

  // For the SDK: the run, provided that this thread is running it.
  detail::RunCore& Here(const char* what) const;

 private:
  template <class R, class... Args>
  Pending<R> RunWith(const Task<R(Args...)>& task, const TaskOptions& options,
                     const std::remove_cvref_t<Args>&... args) {
    detail::RunCore& run = Here("Run");
    auto cell = detail::MakeRef<detail::LeafCell<R>>();
    detail::IssueTask(run, *cell, task.Name(), options, detail::EncodeArgs(args...));
    return Pending<R>(detail::Ref<detail::Cell<R>>(cell.get()));
  }

  detail::RunCore& run_;
};

// Work that can be cancelled together, apart from the rest of the run.
//
//   perdure::CancelScope scope(ctx);
//   auto search = scope.Run([&]() -> perdure::Co<Hit> { ... });
//   ...
//   scope.Cancel("found elsewhere");        // awaits inside of it throw Cancelled
//
// It lies within the scope where it was made, and is cancelled with it. Destroying it cancels nothing.
class CancelScope {
 public:
  explicit CancelScope(Context& ctx)
      : run_(ctx.Here("CancelScope")), scope_(detail::NewScope(run_, /*shield=*/false)) {}

  // Starts a coroutine inside the scope.
  template <class W>
    requires(detail::IsCo<W> || detail::MakesWork<W>)
  Pending<detail::WorkValue<W>> Run(W&& work) {
    detail::RequireRun("CancelScope::Run");
    return detail::SpawnIn(run_, detail::NewScopeUnder(run_, *scope_), std::forward<W>(work));
  }

  void Cancel(const std::string& reason = "") { scope_->Cancel(reason); }
  bool Cancelled() const { return scope_->cancelled(); }

 private:
  detail::RunCore& run_;
  detail::Ref<detail::Scope> scope_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_CONTEXT_H_
