// Sagas: what was done is undone, last first, when a later part fails or the run is cancelled.
//
//   perdure-example-trip --address 127.0.0.1:7480
#include <perdure/perdure.h>

#include <cstdio>
#include <string>
#include <vector>

namespace {

inline constexpr perdure::Task<void(std::string)> Book{"book"};
// Does nothing if there is no such booking.
inline constexpr perdure::Task<void(std::string)> Unbook{"unbook"};
inline constexpr perdure::Workflow<std::string(std::vector<std::string>)> Trip{"trip"};

perdure::Co<std::string> BookTrip(perdure::Context& ctx, std::vector<std::string> parts) {
  // If the run is cancelled, a booking under way is told and waited for, so that its undo comes after it.
  const auto careful = perdure::TaskOptions().OnCancel(perdure::OnCancel::kWait);
  perdure::Saga saga;
  const auto booked = co_await perdure::Try([&]() -> perdure::Co<void> {
    for (const std::string& part : parts) {
      // Before the booking, not after: one that times out may have been made all the same.
      saga.Add([&ctx, part] { return ctx.Run(Unbook, part); });
      co_await ctx.Run(Book, careful, part);
    }
  });
  if (booked) co_return "booked";
  co_await saga.Compensate();  // no cancellation stops this
  co_return "nothing booked: " + booked.error().Root().message;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string address = argc == 3 ? argv[2] : perdure::ClientOptions().Address();
  perdure::Worker worker(perdure::WorkerOptions().Address(address).TaskQueue("travel"));
  worker.Host(Trip, BookTrip);
  worker.Host(Book, [](const std::string& part) {
    if (part == "balloon") throw perdure::NonRetryableError("SoldOut", "no balloon is left");
    std::printf("  booked the %s\n", part.c_str());
  });
  worker.Host(Unbook, [](const std::string& part) {
    std::printf("  cancelled the %s, if it was booked\n", part.c_str());
  });
  worker.Start();

  perdure::Client client(perdure::ClientOptions().Address(address).TaskQueue("travel"));
  std::printf("hotel, flight:\n");
  const std::string plain = client.Start(Trip, {"hotel", "flight"}).Result();
  std::printf("%s\nhotel, flight, balloon:\n", plain.c_str());
  const std::string grand = client.Start(Trip, {"hotel", "flight", "balloon"}).Result();
  std::printf("%s\n", grand.c_str());
  return plain == "booked" && grand == "nothing booked: no balloon is left" ? 0 : 1;
}
