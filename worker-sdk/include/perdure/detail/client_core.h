// What stands behind Client and Handle: the same calls with erased types. Not for user code.
//
// Thread-safety: any thread. Callbacks are called from gRPC's threads and must not block.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_CLIENT_CORE_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_CLIENT_CORE_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "perdure/client_types.h"
#include "perdure/options.h"
#include "perdure/payload.h"

namespace perdure {

class ClientOptions;

namespace detail {

struct StartedRun {
  std::string workflow_id;
  std::string run_id;
  bool started = false;
};

class ClientCore {
 public:
  // With an error, or else with a value that is valid during the call.
  using StartDone = std::function<void(std::exception_ptr, const StartedRun*)>;
  using ResultDone = std::function<void(std::exception_ptr, const Payload*)>;

  virtual ~ClientCore() = default;
  virtual StartedRun Start(const std::string& type, const StartOptions& options, Payload input) = 0;
  virtual void StartAsync(const std::string& type, const StartOptions& options, Payload input,
                          StartDone done) = 0;
  virtual Payload Execute(const std::string& type, const StartOptions& options, Payload input) = 0;
  virtual StartedRun SignalWithStart(const std::string& signal, Payload value, const std::string& type,
                                     const StartOptions& options, Payload input) = 0;
  virtual Payload WaitResult(const std::string& workflow_id, const std::string& run_id,
                             std::optional<Milliseconds> timeout) = 0;
  virtual void WaitResultAsync(const std::string& workflow_id, const std::string& run_id,
                               ResultDone done) = 0;
  virtual void Signal(const std::string& workflow_id, const std::string& run_id, const std::string& signal,
                      Payload value) = 0;
  virtual void Cancel(const std::string& workflow_id, const std::string& run_id,
                      const std::string& reason) = 0;
  virtual void Terminate(const std::string& workflow_id, const std::string& run_id,
                         const std::string& reason) = 0;
  virtual RunDescription Describe(const std::string& workflow_id, const std::string& run_id) = 0;
  virtual RunStatus Status(const std::string& workflow_id, const std::string& run_id) = 0;
  virtual std::vector<RunSummary> List(const ListFilter& filter, std::size_t max) = 0;
  virtual std::int64_t Count(const ListFilter& filter) = 0;
  virtual ServerInfo Server() = 0;
  // Ends all calls that are under way and refuses further ones.
  virtual void Close() = 0;
};

std::shared_ptr<ClientCore> NewClientCore(const ClientOptions& options);

// Gives a promise its value or its exception; whatever `make` throws becomes the exception.
template <class T, class Make>
void Settle(std::promise<T>& promise, const std::exception_ptr& error, Make&& make) {
  if (error != nullptr) {
    promise.set_exception(error);
    return;
  }
  try {
    if constexpr (std::is_void_v<T>) {
      make();
      promise.set_value();
    } else {
      promise.set_value(make());
    }
  } catch (...) {
    promise.set_exception(std::current_exception());
  }
}

// At least one argument, and options behind the last one.
template <class Options, class... Given>
concept OptionsLast =
    sizeof...(Given) >= 2 &&
    std::same_as<std::remove_cvref_t<std::tuple_element_t<sizeof...(Given) - 1, std::tuple<Given...>>>,
                 Options> &&
    !std::same_as<std::remove_cvref_t<std::tuple_element_t<0, std::tuple<Given...>>>, Options>;

template <class... Args, class Tuple, std::size_t... I>
Payload EncodeGiven(Tuple& given, std::index_sequence<I...>) {
  static_assert((std::is_convertible_v<std::tuple_element_t<I, Tuple>, std::remove_cvref_t<Args>> && ...),
                "perdure: an argument does not have the type that the workflow declares at its place");
  return EncodeArgs(static_cast<const std::remove_cvref_t<Args>&>(std::get<I>(given))...);
}

// Options and encoded arguments of a start whose options come last.
template <class Options, class... Args, class... Given>
std::pair<Options, Payload> SplitStart(Given&&... given) {
  static_assert(sizeof...(Given) == sizeof...(Args) + 1,
                "perdure: the workflow declares another number of arguments (options come last)");
  if constexpr (sizeof...(Given) == sizeof...(Args) + 1) {
    auto all = std::forward_as_tuple(std::forward<Given>(given)...);
    return {std::get<sizeof...(Args)>(all),
            EncodeGiven<Args...>(all, std::make_index_sequence<sizeof...(Args)>())};
  } else {
    return {};
  }
}

}  // namespace detail
}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_DETAIL_CLIENT_CORE_H_
