#include "worker-sdk/src/client/calls.h"

#include <algorithm>
#include <vector>

#include "worker-sdk/src/session/channel.h"
#include "worker-sdk/src/session/identity.h"

namespace perdure::client {
namespace {

bool Contains(const grpc::Status& status, const char* text) {
  return status.error_message().find(text) != std::string::npos;
}

}  // namespace

bool Transient(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::UNAVAILABLE:
    case grpc::DEADLINE_EXCEEDED:
    case grpc::ABORTED:
      return true;
    case grpc::CANCELLED:
      // Not by this client, which would be known (Judge): gRPC says so of a call that comes in while the
      // server stops.
      return true;
    case grpc::RESOURCE_EXHAUSTED:
      // A message that is too large stays too large.
      return !Contains(status, "larger than max");
    case grpc::INTERNAL:
      return Contains(status, "RST_STREAM");
    case grpc::UNKNOWN:
      return Contains(status, "Stream removed");
    default:
      return false;
  }
}

grpc::Status ClosedStatus() { return grpc::Status(grpc::CANCELLED, "the client was closed"); }

Call::Call(std::string address, const CallOptions& options)
    : address_(std::move(address)),
      options_(options),
      backoff_(kRetryInitial, kRetryMax, session::RandomSeed()) {}

void Call::Begin() { Attempt(); }

void Call::Attempt() {
  grpc::ClientContext* context = nullptr;
  {
    std::lock_guard lock(mu_);
    if (!abandoned_.has_value()) {
      ++attempts_;
      context = &context_.emplace();
      Milliseconds timeout = options_.attempt_timeout;
      if (options_.deadline.has_value()) {
        const auto left =
            std::chrono::duration_cast<Milliseconds>(begun_ + *options_.deadline - Clock::now());
        timeout = std::clamp(left + options_.grace, Milliseconds(1), timeout);
      }
      context->set_deadline(std::chrono::system_clock::now() + timeout);
    }
  }
  if (context == nullptr) {
    AttemptDone(grpc::Status(grpc::CANCELLED, ""));
    return;
  }
  Issue(context);
}

std::optional<grpc::Status> Call::Judge(const grpc::Status& status, Milliseconds* wait) {
  if (status.ok()) return status;
  if (abandoned_.has_value()) return abandoned_;
  if (!Transient(status)) return status;
  *wait = backoff_.Next();
  if (!options_.deadline.has_value() || Clock::now() + *wait < begun_ + *options_.deadline) {
    return std::nullopt;
  }
  const auto spent = std::chrono::duration_cast<Milliseconds>(Clock::now() - begun_);
  return grpc::Status(status.error_code(), status.error_message() + " [gave up on " + address_ + " after " +
                                               std::to_string(attempts_) + " attempts in " +
                                               std::to_string(spent.count()) + " ms]");
}

void Call::AttemptDone(const grpc::Status& status) {
  std::optional<grpc::Status> end;
  {
    std::lock_guard lock(mu_);
    Milliseconds wait{0};
    end = Judge(status, &wait);
    // The old alarm goes either way: its callback holds this call.
    alarm_.reset();
    if (end.has_value()) {
      // It holds the channel, which must not outlive the calls.
      context_.reset();
    } else {
      alarm_ = std::make_unique<grpc::Alarm>();
      alarm_->Set(std::chrono::system_clock::now() + wait,
                  [this, self = shared_from_this()](bool) { Attempt(); });
    }
  }
  if (end.has_value()) Finish(*end);
}

void Call::Abandon(const grpc::Status& status) {
  std::lock_guard lock(mu_);
  if (abandoned_.has_value()) return;
  abandoned_ = status;
  if (context_.has_value()) context_->TryCancel();
  if (alarm_ != nullptr) alarm_->Cancel();
}

Calls::Calls(std::string address)
    : address_(std::move(address)),
      channel_(session::NewChannel(address_)),
      stub_(v1::WorkflowService::NewStub(channel_)) {}

bool Calls::Add(const std::shared_ptr<Call>& call) {
  std::lock_guard lock(mu_);
  if (closed_) return false;
  active_.insert(call);
  return true;
}

void Calls::Remove(const std::shared_ptr<Call>& call) {
  std::lock_guard lock(mu_);
  active_.erase(call);
  // Under the lock: whoever waits may destroy this as soon as it is released.
  if (active_.empty()) ended_.notify_all();
}

void Calls::Close() {
  std::unique_lock lock(mu_);
  closed_ = true;
  const std::vector<std::shared_ptr<Call>> calls(active_.begin(), active_.end());
  lock.unlock();
  for (const auto& call : calls) call->Abandon(ClosedStatus());
  lock.lock();
  ended_.wait(lock, [this] { return active_.empty(); });
}

}  // namespace perdure::client
