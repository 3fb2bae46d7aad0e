// Registry: which workflows and tasks a worker hosts, with their functions behind one erased type each.
//
// Worker::Host fills one; user code has no need for it. What can be hosted:
//   * for Task<R(Args...)>: a callable R(Args...) or R(TaskContext&, Args...)
//   * for Workflow<R(Args...)>: a callable Co<R>(Context&, Args...)
//   * for Workflow<R(Args...)>: a class with Co<R> Run(Context&, Args...); each run gets an object of its
//   own, which
//     holds the run's state and lives as long as its coroutine
//
// Ownership: the registry owns the functions. Thread-safety: fill it before the worker runs; reading is then
// safe from any thread. Errors: hosting the same name twice throws UsageError.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_REGISTRY_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_REGISTRY_H_

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "perdure/co.h"
#include "perdure/payload.h"
#include "perdure/task.h"
#include "perdure/task_context.h"
#include "perdure/workflow.h"

namespace perdure {

class Context;

namespace detail {

// Makes the coroutine of a run. Throws DecodeError when the input does not fit; the coroutine itself does not
// start before it is resumed. Converters are applied outside of it.
using WorkflowFunction = std::function<Co<Payload>(Context&, const Payload& input)>;

// Runs a task: throws what the task throws, DecodeError when the input does not fit. Any thread.
using TaskFunction = std::function<Payload(TaskContext&, const Payload& input)>;

template <class F, class R, class... Args>
concept TaskCallable = std::is_invocable_v<F&, TaskContext&, Args...> || std::is_invocable_v<F&, Args...>;

template <class R, class Got>
concept ResultFits = std::is_void_v<R> || std::is_convertible_v<Got, R>;

template <class Result>
struct CoResult {
  using Type = void;
  static constexpr bool kIsCo = false;
};
template <class T>
struct CoResult<Co<T>> {
  using Type = T;
  static constexpr bool kIsCo = true;
};

template <class R, class... Args, class F>
TaskFunction EraseTask(const Task<R(Args...)>&, F function) {
  static_assert(
      TaskCallable<F, R, std::remove_cvref_t<Args>...>,
      "perdure: this function does not take the arguments that the task declares (an optional TaskContext& "
      "first, then the declared arguments)");
  // Shared, since a std::function wants to copy what need not be copyable.
  return [shared = std::make_shared<F>(std::move(function))](TaskContext& ctx,
                                                             const Payload& input) -> Payload {
    F& function = *shared;
    return std::apply(
        [&](auto&&... args) -> Payload {
          const auto call = [&]() -> decltype(auto) {
            if constexpr (std::is_invocable_v<F&, TaskContext&, std::remove_cvref_t<Args>...>) {
              return std::invoke(function, ctx, std::move(args)...);
            } else {
              return std::invoke(function, std::move(args)...);
            }
          };
          using Got = decltype(call());
          static_assert(ResultFits<R, Got>, "perdure: this function does not return what the task declares");
          if constexpr (std::is_void_v<R>) {
            call();
            return {};
          } else {
            return ToPayload(static_cast<const R&>(R(call())));
          }
        },
        DecodeArgs<Args...>(input));
  };
}

// Keeps the function and the arguments alive beside the coroutine that uses them.
template <class R, class F, class... Args>
Co<Payload> RunWorkflowFunction(std::shared_ptr<F> function, Context& ctx, std::tuple<Args...> args) {
  Co<R> body = std::apply([&](Args&... arg) { return std::invoke(*function, ctx, std::move(arg)...); }, args);
  if constexpr (std::is_void_v<R>) {
    co_await std::move(body);
    co_return Payload();
  } else {
    co_return ToPayload(static_cast<const R&>(co_await std::move(body)));
  }
}

template <class R, class... Args, class F>
WorkflowFunction EraseWorkflow(const Workflow<R(Args...)>&, F function) {
  static_assert(std::is_invocable_v<F&, Context&, std::remove_cvref_t<Args>...>,
                "perdure: a workflow function takes perdure::Context& and then the arguments that the "
                "workflow declares");
  using Got = CoResult<std::invoke_result_t<F&, Context&, std::remove_cvref_t<Args>...>>;
  static_assert(Got::kIsCo, "perdure: a workflow function is a coroutine: it returns perdure::Co<Result>");
  static_assert(
      std::same_as<typename Got::Type, R>,
      "perdure: this workflow function does not return Co of the result that the workflow declares");
  auto shared = std::make_shared<F>(std::move(function));
  return [shared](Context& ctx, const Payload& input) {
    return RunWorkflowFunction<R, F>(shared, ctx, DecodeArgs<Args...>(input));
  };
}

// A class-based workflow: one object a run.
template <class W, class R, class... Args, class... Ctor>
WorkflowFunction EraseWorkflowClass(const Workflow<R(Args...)>& declaration, Ctor... ctor) {
  static_assert(std::is_constructible_v<W, const Ctor&...>,
                "perdure: the workflow class cannot be constructed from the arguments given to Host");
  static_assert(
      requires(W& object, Context& ctx, std::remove_cvref_t<Args>... args) {
        { object.Run(ctx, std::move(args)...) } -> std::same_as<Co<R>>;
      },
      "perdure: the workflow class needs a member Co<Result> Run(perdure::Context&, Args...) that fits the "
      "declaration");
  auto make = [ctor = std::tuple<Ctor...>(std::move(ctor)...)](Context& ctx,
                                                               std::remove_cvref_t<Args>... args) -> Co<R> {
    return [](std::tuple<Ctor...> parts, Context& context, std::remove_cvref_t<Args>... arg) -> Co<R> {
      W object = std::make_from_tuple<W>(parts);
      co_return co_await object.Run(context, std::move(arg)...);
    }(ctor, ctx, std::move(args)...);
  };
  return EraseWorkflow(declaration, std::move(make));
}

}  // namespace detail

class Registry {
 public:
  void AddWorkflow(std::string_view name, detail::WorkflowFunction function);
  void AddTask(std::string_view name, detail::TaskFunction function);

  // Null when not hosted.
  const detail::WorkflowFunction* FindWorkflow(std::string_view name) const;
  const detail::TaskFunction* FindTask(std::string_view name) const;

  // In alphabetical order.
  std::vector<std::string> WorkflowTypes() const;
  std::vector<std::string> TaskTypes() const;

 private:
  std::map<std::string, detail::WorkflowFunction, std::less<>> workflows_;
  std::map<std::string, detail::TaskFunction, std::less<>> tasks_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_REGISTRY_H_
