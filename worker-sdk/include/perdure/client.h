// Client: starts workflows, and looks at, signals and stops them.
//
//   perdure::Client client;
//   auto handle = client.Start(OrderFulfillment, order, perdure::StartOptions().WorkflowId("order-42"));
//   Fulfilment done = handle.Result();
//
// Every call that changes something carries a request id, made up once, and is repeated with it while the
// server cannot be reached, with backoff and up to ClientOptions::Deadline: it takes effect once.
//
// Errors: AlreadyStarted, NotFound, InvalidArgument, RunClosed and other ServiceErrors; a run that did not
// complete: WorkflowFailed (<perdure/errors.h>). Thread-safety: clients and handles may be used from any
// thread, and a client by many threads at once; one client a process is enough. Ownership: handles keep what
// they need of the client, but once the client is destroyed their calls throw ServiceError(kCancelled).
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_CLIENT_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_CLIENT_H_

#include <concepts>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "perdure/client_errors.h"
#include "perdure/client_types.h"
#include "perdure/detail/client_core.h"
#include "perdure/errors.h"
#include "perdure/options.h"
#include "perdure/payload.h"
#include "perdure/result.h"
#include "perdure/workflow.h"

namespace perdure {

class ClientOptions {
 public:
  // Address from PERDURE_ADDRESS, else "127.0.0.1:7480"; namespace from PERDURE_NAMESPACE, else "default".
  ClientOptions();

  // "host:port" of the server.
  ClientOptions& Address(std::string value) {
    address_ = std::move(value);
    return *this;
  }
  ClientOptions& Namespace(std::string value) {
    namespace_ = std::move(value);
    return *this;
  }
  // For starts that name none ["default"].
  ClientOptions& TaskQueue(std::string value) {
    task_queue_ = std::move(value);
    return *this;
  }
  // Recorded in histories; shown to people ["pid@host"].
  ClientOptions& Identity(std::string value) {
    identity_ = std::move(value);
    return *this;
  }
  // How long a call is repeated while the server cannot be reached [30 s]. Waiting for a result is not
  // limited by it.
  ClientOptions& Deadline(Milliseconds value);
  // How long the server holds a call that waits for a result, before it is asked again [20 s].
  ClientOptions& LongPoll(Milliseconds value);
  // StartAsync blocks while so many starts are under way [256].
  ClientOptions& MaxStartsInFlight(int value);
  // Rewrites payloads on their way out and in; workers need the same one.
  ClientOptions& Converter(std::shared_ptr<const PayloadConverter> value) {
    converter_ = std::move(value);
    return *this;
  }

  const std::string& Address() const { return address_; }
  const std::string& Namespace() const { return namespace_; }
  const std::string& TaskQueue() const { return task_queue_; }
  const std::string& Identity() const { return identity_; }
  Milliseconds Deadline() const { return deadline_; }
  Milliseconds LongPoll() const { return long_poll_; }
  int MaxStartsInFlight() const { return max_starts_in_flight_; }
  const std::shared_ptr<const PayloadConverter>& Converter() const { return converter_; }

 private:
  std::string address_;
  std::string namespace_;
  std::string task_queue_ = "default";
  std::string identity_;
  Milliseconds deadline_{30'000};
  Milliseconds long_poll_{20'000};
  int max_starts_in_flight_ = 256;
  std::shared_ptr<const PayloadConverter> converter_;
};

// A workflow whose result is an R. Cheap to copy.
//
// With a run id (Start gives one) it stands for that run and for those that follow it when it is retried, see
// StartOptions::Retry: every call goes to the last of these, and none to a run that was started apart from
// them under the same workflow id. Without a run id it stands for the latest run under the workflow id: each
// call finds out anew which that is, and stays with it.
template <class R = Payload>
class Handle {
 public:
  Handle(std::shared_ptr<detail::ClientCore> core, std::string workflow_id, std::string run_id,
         bool started = false)
      : core_(std::move(core)),
        workflow_id_(std::move(workflow_id)),
        run_id_(std::move(run_id)),
        started_(started) {}

  const std::string& WorkflowId() const { return workflow_id_; }
  // The first run that this handle stands for; empty: the latest under the workflow id.
  const std::string& RunId() const { return run_id_; }
  // Whether the call that made this handle started the run; false: it was there already.
  bool Started() const { return started_; }

  // Waits for the run to close, however long that takes and whatever happens to the server, and returns its
  // result. Throws WorkflowFailed if it did not complete, NotFound if there is no such run.
  R Result() const { return FromPayload<R>(core_->WaitResult(workflow_id_, run_id_, std::nullopt)); }
  // Throws TimeoutError when there is no result after `timeout`; the run goes on. If the server could not be
  // reached, the message says so. The last answer may take half a second more. 0: asks once.
  R Result(Milliseconds timeout) const {
    return FromPayload<R>(core_->WaitResult(workflow_id_, run_id_, timeout));
  }
  // Same as Result(), with any exception as the failure it stands for.
  perdure::Result<R> TryResult() const {
    return Caught([this] { return Result(); });
  }
  perdure::Result<R> TryResult(Milliseconds timeout) const {
    return Caught([this, timeout] { return Result(timeout); });
  }
  // Waits in the background.
  std::future<R> ResultAsync() const {
    auto promise = std::make_shared<std::promise<R>>();
    std::future<R> future = promise->get_future();
    core_->WaitResultAsync(workflow_id_, run_id_, [promise](std::exception_ptr error, const Payload* result) {
      detail::Settle(*promise, error, [&] { return FromPayload<R>(*result); });
    });
    return future;
  }

  // Sends a signal. It is kept if the workflow does not wait for it yet.
  template <class T>
    requires(!std::is_void_v<T>)
  void Signal(const perdure::Signal<T>& signal, const std::type_identity_t<T>& value) const {
    core_->Signal(workflow_id_, run_id_, std::string(signal.Name()), ToPayload(value));
  }
  void Signal(const perdure::Signal<void>& signal) const {
    core_->Signal(workflow_id_, run_id_, std::string(signal.Name()), Payload());
  }
  // Asks the run to end; its code may clean up first. This and the others throw RunClosed if it has ended.
  void Cancel(const std::string& reason = "") const { core_->Cancel(workflow_id_, run_id_, reason); }
  // Ends the run at once.
  void Terminate(const std::string& reason = "") const { core_->Terminate(workflow_id_, run_id_, reason); }

  RunDescription Describe() const { return core_->Describe(workflow_id_, run_id_); }
  RunStatus Status() const { return core_->Status(workflow_id_, run_id_); }

 private:
  template <class F>
  static perdure::Result<R> Caught(F&& get) {
    try {
      if constexpr (std::is_void_v<R>) {
        get();
        return {};
      } else {
        return perdure::Result<R>(get());
      }
    } catch (...) {
      return perdure::Result<R>::Failed(std::current_exception());
    }
  }

  std::shared_ptr<detail::ClientCore> core_;
  std::string workflow_id_;
  std::string run_id_;
  bool started_ = false;
};

class Client {
 public:
  // Connects with the first call; the server need not be up yet.
  explicit Client(ClientOptions options = ClientOptions());
  // Ends the calls that are under way.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Starts a run; it is durable when this returns. Options may come last or before the arguments:
  //   client.Start(OrderFulfillment, order);
  //   client.Start(OrderFulfillment, order, StartOptions().WorkflowId("order-42"));
  // Throws AlreadyStarted when the id policies refuse it.
  template <class R, class... Args>
  Handle<R> Start(const Workflow<R(Args...)>& workflow, std::type_identity_t<Args>... args) {
    return StartRun<R>(workflow.Name(), StartOptions(), detail::EncodeArgs(args...));
  }
  template <class R, class... Args>
  Handle<R> Start(const Workflow<R(Args...)>& workflow, const StartOptions& options,
                  std::type_identity_t<Args>... args) {
    return StartRun<R>(workflow.Name(), options, detail::EncodeArgs(args...));
  }
  template <class R, class... Args, class... Given>
    requires detail::OptionsLast<StartOptions, Given...>
  Handle<R> Start(const Workflow<R(Args...)>& workflow, Given&&... given) {
    auto [options, input] = detail::SplitStart<StartOptions, Args...>(std::forward<Given>(given)...);
    return StartRun<R>(workflow.Name(), options, std::move(input));
  }

  // Starts a run and waits for its result, in one call of the server if the run is quick:
  //   Fulfilment done = client.Execute(OrderFulfillment, order, StartOptions().WorkflowId("order-42"));
  // Throws as Start does, and then as Handle::Result. While the server cannot be reached it asks again for
  // ClientOptions::Deadline after the first long poll, then throws as Start does: the run may have started,
  // so give it a workflow id if that matters; the error names it.
  template <class R, class... Args>
  R Execute(const Workflow<R(Args...)>& workflow, std::type_identity_t<Args>... args) {
    return FromPayload<R>(
        core_->Execute(std::string(workflow.Name()), StartOptions(), detail::EncodeArgs(args...)));
  }
  template <class R, class... Args>
  R Execute(const Workflow<R(Args...)>& workflow, const StartOptions& options,
            std::type_identity_t<Args>... args) {
    return FromPayload<R>(core_->Execute(std::string(workflow.Name()), options, detail::EncodeArgs(args...)));
  }
  template <class R, class... Args, class... Given>
    requires detail::OptionsLast<StartOptions, Given...>
  R Execute(const Workflow<R(Args...)>& workflow, Given&&... given) {
    auto [options, input] = detail::SplitStart<StartOptions, Args...>(std::forward<Given>(given)...);
    return FromPayload<R>(core_->Execute(std::string(workflow.Name()), options, std::move(input)));
  }

  // Same as Start, in the background, for throughput: blocks only while MaxStartsInFlight are under way.
  template <class R, class... Args>
  std::future<Handle<R>> StartAsync(const Workflow<R(Args...)>& workflow,
                                    std::type_identity_t<Args>... args) {
    return StartRunAsync<R>(workflow.Name(), StartOptions(), detail::EncodeArgs(args...));
  }
  template <class R, class... Args>
  std::future<Handle<R>> StartAsync(const Workflow<R(Args...)>& workflow, const StartOptions& options,
                                    std::type_identity_t<Args>... args) {
    return StartRunAsync<R>(workflow.Name(), options, detail::EncodeArgs(args...));
  }
  template <class R, class... Args, class... Given>
    requires detail::OptionsLast<StartOptions, Given...>
  std::future<Handle<R>> StartAsync(const Workflow<R(Args...)>& workflow, Given&&... given) {
    auto [options, input] = detail::SplitStart<StartOptions, Args...>(std::forward<Given>(given)...);
    return StartRunAsync<R>(workflow.Name(), options, std::move(input));
  }

  // Signals the open run under the options' workflow id, or starts one and signals it, in one commit.
  //   client.SignalWithStart(Approve, approval, OrderFulfillment, StartOptions().WorkflowId("o-1"), order);
  template <class T, class R, class... Args>
    requires(!std::is_void_v<T>)
  Handle<R> SignalWithStart(const Signal<T>& signal, const std::type_identity_t<T>& value,
                            const Workflow<R(Args...)>& workflow, const StartOptions& options,
                            std::type_identity_t<Args>... args) {
    return SignalOrStart<R>(signal.Name(), ToPayload(value), workflow.Name(), options,
                            detail::EncodeArgs(args...));
  }
  template <class R, class... Args>
  Handle<R> SignalWithStart(const Signal<void>& signal, const Workflow<R(Args...)>& workflow,
                            const StartOptions& options, std::type_identity_t<Args>... args) {
    return SignalOrStart<R>(signal.Name(), Payload(), workflow.Name(), options, detail::EncodeArgs(args...));
  }

  // A handle for a run that was started elsewhere. Asks the server nothing.
  template <class R, class... Args>
  Handle<R> GetHandle(const Workflow<R(Args...)>&, std::string workflow_id, std::string run_id = "") {
    return Handle<R>(core_, std::move(workflow_id), std::move(run_id));
  }
  // Same, for any workflow; its result comes as a payload.
  Handle<Payload> GetHandle(std::string workflow_id, std::string run_id = "") {
    return Handle<Payload>(core_, std::move(workflow_id), std::move(run_id));
  }

  // Runs that the filter lets through, newest first, up to `max` of them.
  std::vector<RunSummary> List(const ListFilter& filter = ListFilter(), std::size_t max = 1000);
  std::int64_t Count(const ListFilter& filter = ListFilter());
  // What server this is.
  ServerInfo Server();

 private:
  template <class R>
  Handle<R> StartRun(std::string_view type, const StartOptions& options, Payload input) {
    detail::StartedRun run = core_->Start(std::string(type), options, std::move(input));
    return Handle<R>(core_, std::move(run.workflow_id), std::move(run.run_id), run.started);
  }

  template <class R>
  std::future<Handle<R>> StartRunAsync(std::string_view type, const StartOptions& options, Payload input) {
    auto promise = std::make_shared<std::promise<Handle<R>>>();
    std::future<Handle<R>> future = promise->get_future();
    core_->StartAsync(std::string(type), options, std::move(input),
                      [promise, core = core_](std::exception_ptr error, const detail::StartedRun* run) {
                        detail::Settle(*promise, error, [&] {
                          return Handle<R>(core, run->workflow_id, run->run_id, run->started);
                        });
                      });
    return future;
  }

  template <class R>
  Handle<R> SignalOrStart(std::string_view signal, Payload value, std::string_view type,
                          const StartOptions& options, Payload input) {
    detail::StartedRun run = core_->SignalWithStart(std::string(signal), std::move(value), std::string(type),
                                                    options, std::move(input));
    return Handle<R>(core_, std::move(run.workflow_id), std::move(run.run_id), run.started);
  }

  std::shared_ptr<detail::ClientCore> core_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_CLIENT_H_
