// Saga: undo what was done when a later part fails. C++ cannot co_await in a catch block; this is the
// pattern.
//
//   perdure::Co<Trip> Book(perdure::Context& ctx, TripRequest request) {
//     perdure::Saga saga;
//     auto booked = co_await perdure::Try([&]() -> perdure::Co<Trip> {
//       Hotel hotel = co_await ctx.Run(BookHotel, request);
//       saga.Add([&ctx, hotel] { return ctx.Run(CancelHotel, hotel); });
//       Flight flight = co_await ctx.Run(BookFlight, request);
//       saga.Add([&ctx, flight] { return ctx.Run(CancelFlight, flight); });
//       co_return Trip{hotel, flight};
//     });
//     if (!booked) {
//       co_await saga.Compensate();     // the flight first, then the hotel; not stopped by cancellation
//       booked.Rethrow();
//     }
//     co_return *booked;
//   }
//
// Capture by value what an undo needs: it may run after the variables are gone. Thread-safety: its run's
// thread.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_SAGA_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_SAGA_H_

#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "perdure/co.h"
#include "perdure/combine.h"
#include "perdure/detail/spawn.h"
#include "perdure/errors.h"

namespace perdure {

class Saga {
 public:
  Saga() = default;
  Saga(Saga&&) = default;
  Saga& operator=(Saga&&) = default;

  // `undo` takes nothing and returns a Pending or a Co; what it yields is not looked at.
  template <class F>
    requires detail::MakesWork<F>
  void Add(F undo) {
    auto shared = std::make_shared<F>(std::move(undo));
    undos_.push_back([shared]() -> Pending<Result<void>> { return Try(Discard(shared)); });
  }

  // Nothing has to be undone any more.
  void Forget() { undos_.clear(); }
  bool Empty() const { return undos_.empty(); }

  // Undoes everything, last first, one after the other, shielded from cancellation. An undo that fails does
  // not stop the others: its failure is in what this returns, which is empty when all went well.
  Pending<std::vector<Failure>> Compensate();

 private:
  template <class F>
  static Co<void> Discard(std::shared_ptr<F> undo) {
    co_await (*undo)();
  }

  std::vector<std::function<Pending<Result<void>>()>> undos_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_SAGA_H_
