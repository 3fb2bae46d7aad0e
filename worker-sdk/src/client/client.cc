#include "perdure/client.h"

#include <stdexcept>

#include "worker-sdk/src/client/core.h"
#include "worker-sdk/src/session/identity.h"

namespace perdure {

ClientOptions::ClientOptions()
    : address_(session::EnvOr("PERDURE_ADDRESS", "127.0.0.1:7480")),
      namespace_(session::EnvOr("PERDURE_NAMESPACE", "default")),
      identity_(session::DefaultIdentity()) {}

ClientOptions& ClientOptions::Deadline(Milliseconds value) {
  deadline_ = detail::CheckedDuration(value, "ClientOptions::Deadline");
  return *this;
}

ClientOptions& ClientOptions::LongPoll(Milliseconds value) {
  long_poll_ = detail::CheckedDuration(value, "ClientOptions::LongPoll");
  if (value.count() == 0) throw std::invalid_argument("perdure: ClientOptions::LongPoll must not be 0");
  return *this;
}

ClientOptions& ClientOptions::MaxStartsInFlight(int value) {
  if (value < 1) throw std::invalid_argument("perdure: ClientOptions::MaxStartsInFlight must be at least 1");
  max_starts_in_flight_ = value;
  return *this;
}

std::shared_ptr<detail::ClientCore> detail::NewClientCore(const ClientOptions& options) {
  return std::make_shared<client::Core>(options);
}

Client::Client(ClientOptions options) : core_(detail::NewClientCore(options)) {}
Client::~Client() { core_->Close(); }

std::vector<RunSummary> Client::List(const ListFilter& filter, std::size_t max) {
  return core_->List(filter, max);
}
std::int64_t Client::Count(const ListFilter& filter) { return core_->Count(filter); }
ServerInfo Client::Server() { return core_->Server(); }

}  // namespace perdure
