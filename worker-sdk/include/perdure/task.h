// Task<R(Args...)>: the declaration of a task, shared by workflow code and workers.
//
//   inline constexpr perdure::Task<Receipt(Payment)> ProcessPayment{"process_payment"};
//   inline constexpr perdure::Task<void(std::string, int)> Notify{"notify"};
//
// Workflow code runs it with ctx.Run(ProcessPayment, payment); a worker hosts a function for it with
// worker.Host(ProcessPayment, ...). Wrong arguments or results do not compile on either side. On the wire no
// argument is an empty payload, one argument is that value, several are a JSON array.
//
// A declaration is a name and a type: copy it freely; the text of the name must outlive it.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_TASK_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_TASK_H_

#include <string_view>
#include <tuple>
#include <type_traits>

#include "perdure/name.h"
#include "perdure/payload.h"

namespace perdure {

template <class Signature>
class Task {
  static_assert(sizeof(Signature) == 0,
                "perdure: Task takes a function type: Task<Result(Argument, ...)>, for instance "
                "Task<Receipt(Payment)>");
};

template <class R, class... Args>
class Task<R(Args...)> {
  static_assert(
      PayloadType<R> && !std::is_reference_v<R>,
      "perdure: the task's result type cannot be carried in a payload; give it PERDURE_JSON(Type, fields...) "
      "before this declaration");
  static_assert(
      (detail::ArgumentType<Args> && ...),
      "perdure: an argument type of the task cannot be carried in a payload; give it PERDURE_JSON(Type, "
      "fields...) before this declaration, and take no mutable references");

 public:
  using Result = R;
  using Arguments = std::tuple<std::remove_cvref_t<Args>...>;

  // 1 to 256 bytes of UTF-8 without control characters.
  explicit constexpr Task(std::string_view name) : name_(detail::CheckedName(name, "the task's name")) {}

  constexpr std::string_view Name() const { return name_; }

 private:
  std::string_view name_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_TASK_H_
