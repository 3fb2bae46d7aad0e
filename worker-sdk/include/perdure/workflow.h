// Workflow<R(Args...)> and Signal<T>: declarations shared by workflow code, workers and clients.
//
//   inline constexpr perdure::Workflow<Fulfilment(Order)> OrderFulfillment{"order_fulfillment"};
//   inline constexpr perdure::Signal<Approval> Approve{"approve"};
//
// A worker hosts a workflow with worker.Host(OrderFulfillment, Fulfil); a client starts it with
// client.Start(OrderFulfillment, order, options) and signals it with handle.Signal(Approve, approval);
// workflow code waits with ctx.WaitSignal(Approve).
//
// A declaration is a name and a type: copy it freely; the text of the name must outlive it.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_WORKFLOW_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_WORKFLOW_H_

#include <string_view>
#include <tuple>
#include <type_traits>

#include "perdure/name.h"
#include "perdure/payload.h"

namespace perdure {

template <class Signature>
class Workflow {
  static_assert(
      sizeof(Signature) == 0,
      "perdure: Workflow takes a function type: Workflow<Result(Argument, ...)>, without the Context");
};

template <class R, class... Args>
class Workflow<R(Args...)> {
  static_assert(
      PayloadType<R> && !std::is_reference_v<R>,
      "perdure: the workflow's result type cannot be carried in a payload; give it PERDURE_JSON(Type, "
      "fields...) before this declaration");
  static_assert(
      (detail::ArgumentType<Args> && ...),
      "perdure: an argument type of the workflow cannot be carried in a payload; give it PERDURE_JSON(Type, "
      "fields...) before this declaration, and take no mutable references (nor the Context)");

 public:
  using Result = R;
  using Arguments = std::tuple<std::remove_cvref_t<Args>...>;

  // 1 to 256 bytes of UTF-8 without control characters.
  explicit constexpr Workflow(std::string_view name)
      : name_(detail::CheckedName(name, "the workflow's name")) {}

  constexpr std::string_view Name() const { return name_; }

 private:
  std::string_view name_;
};

template <class T = void>
class Signal {
  static_assert(
      PayloadType<T> && !std::is_reference_v<T>,
      "perdure: the signal's type cannot be carried in a payload; give it PERDURE_JSON(Type, fields...) "
      "before this declaration");

 public:
  using Value = T;

  // 1 to 256 bytes of UTF-8 without control characters.
  explicit constexpr Signal(std::string_view name) : name_(detail::CheckedName(name, "the signal's name")) {}

  constexpr std::string_view Name() const { return name_; }

 private:
  std::string_view name_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_WORKFLOW_H_
