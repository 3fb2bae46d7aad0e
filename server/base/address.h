// Addresses to listen on or to connect to: "127.0.0.1:7480", "[::1]:7480", "localhost:0".
#ifndef PERDURE_SERVER_BASE_ADDRESS_H_
#define PERDURE_SERVER_BASE_ADDRESS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace perdure::base {

struct Address {
  // Without brackets.
  std::string host;
  // 0: any free port.
  int port = 0;

  // "host:port", with brackets around an IPv6 host.
  std::string ToString() const;
};

// InvalidArgument says what is wrong and shows a good one.
absl::StatusOr<Address> ParseAddress(std::string_view text);

}  // namespace perdure::base

#endif  // PERDURE_SERVER_BASE_ADDRESS_H_
