// Small conveniences of commands.
#include "cmd/perdure/context.h"

#include <unistd.h>

#include <ostream>

#include "cmd/perdure/json_output.h"
#include "cmd/perdure/json_text.h"

namespace perdure::cli {

std::string Context::Identity() const {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return environment.getenv("USER").value_or("perdure") + "@" + host;
}

void Context::PrintJson(const google::protobuf::Message& message) const { PrintJson(MessageToJson(message)); }

void Context::PrintJson(const std::string& json) const { environment.out << PrettyJson(json) << "\n"; }

}  // namespace perdure::cli
