// Code that must not compile, one case at a time, and what the compiler has to say about it. Case 0 is right.
// Compiled by ctest with -fsyntax-only -DCASE=n; see CMakeLists.txt for the messages.
#include "perdure/context.h"
#include "perdure/registry.h"

struct Payment {
  int cents = 0;
};
PERDURE_JSON(Payment, cents)
struct Receipt {
  std::string id;
};
PERDURE_JSON(Receipt, id)
struct Unknown {
  int x = 0;
};
struct HasUnknown {
  Unknown unknown;
};
PERDURE_JSON(HasUnknown, unknown)

inline constexpr perdure::Task<Receipt(Payment)> kPay{"pay"};
inline constexpr perdure::Workflow<Receipt(Payment)> kBuy{"buy"};

struct Foreign {
  bool await_ready() { return true; }
  void await_suspend(std::coroutine_handle<>) {}
  void await_resume() {}
};

perdure::Co<Receipt> Buy(perdure::Context& ctx, Payment payment) {
#if CASE == 0
  co_return co_await ctx.Run(kPay, payment);
#elif CASE == 1  // a wrong argument
  co_return co_await ctx.Run(kPay, Receipt{});
#elif CASE == 2  // too few arguments
  co_return co_await ctx.Run(kPay);
#elif CASE == 3  // a wrong result
  Payment wrong = co_await ctx.Run(kPay, payment);
  co_return Receipt{};
#elif CASE == 4  // something foreign awaited
  co_await Foreign{};
  co_return Receipt{};
#elif CASE == 5  // a Co awaited as a variable
  auto again = Buy(ctx, payment);
  co_return co_await again;
#elif CASE == 6  // a step that is a coroutine
  co_return co_await ctx.Step("step", [&] { return Buy(ctx, payment); });
#elif CASE == 7  // a step whose result cannot be carried
  co_await ctx.Step("step", [] { return Unknown{}; });
  co_return Receipt{};
#elif CASE == 8  // a Pending that is handed over without a move
  auto pending = ctx.Run(kPay, payment);
  co_await perdure::Try(pending);
  co_return Receipt{};
#else
  co_return co_await ctx.Run(kPay, payment);
#endif
}

#if CASE == 9  // a result type without a payload form
inline constexpr perdure::Task<Unknown()> kUnknown{"unknown"};
#elif CASE == 10  // an empty name
inline constexpr perdure::Task<void()> kEmpty{""};
#elif CASE == 11  // a task function that takes something else
auto hosted = perdure::detail::EraseTask(kPay, [](Receipt) { return Receipt{}; });
#elif CASE == 12  // a task function that returns something else
auto hosted = perdure::detail::EraseTask(kPay, [](Payment) { return Payment{}; });
#elif CASE == 13  // a workflow function that is no coroutine
auto hosted = perdure::detail::EraseWorkflow(kBuy, [](perdure::Context&, Payment) { return Receipt{}; });
#elif CASE == 14  // a field without JSON support
auto payload = perdure::ToPayload(HasUnknown{});
#elif CASE == 15  // a workflow function with another result
auto hosted =
    perdure::detail::EraseWorkflow(kBuy, [](perdure::Context&, Payment) -> perdure::Co<int> { co_return 1; });
#elif CASE == 16  // a declaration without a function type
inline constexpr perdure::Task<Receipt> kNoFunction{"x"};
#elif CASE == 17  // an argument that could be changed in place
inline constexpr perdure::Task<void(Payment&)> kMutable{"x"};
#elif CASE == 18  // a name that is not UTF-8
inline constexpr perdure::Task<void()> kLatin1{"gr\xfc\xdf"};
#else
auto hosted = perdure::detail::EraseWorkflow(kBuy, Buy);
#endif
