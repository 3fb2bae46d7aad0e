// Splits host and port.
#include "server/base/address.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace perdure::base {
namespace {

absl::string_view Absl(std::string_view s) { return {s.data(), s.size()}; }

absl::Status Bad(std::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("'", Absl(text), "' is not an address: ", why,
                                                 "; write HOST:PORT, such as 127.0.0.1:7480 or [::1]:7480"));
}

}  // namespace

std::string Address::ToString() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

absl::StatusOr<Address> ParseAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Bad(text, "the port is missing");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return Bad(text, "an IPv6 host needs brackets");
  }
  if (host.empty()) return Bad(text, "the host is missing (0.0.0.0 is every interface)");
  if (host.find_first_of(" \t\r\n[]/") != std::string_view::npos)
    return Bad(text, "the host has a bad character");
  Address address{std::string(host), 0};
  const bool digits = !port.empty() && port.find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits || !absl::SimpleAtoi(Absl(port), &address.port) || address.port > 65535) {
    return Bad(text, "the port must be 0 to 65535");
  }
  return address;
}

}  // namespace perdure::base
