// Environment: everything the command-line tool touches besides the network, so that tests can stand in for
// it.
#ifndef PERDURE_CMD_PERDURE_ENVIRONMENT_H_
#define PERDURE_CMD_PERDURE_ENVIRONMENT_H_

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

namespace perdure::cli {

struct Environment {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  std::function<std::optional<std::string>(const char* name)> getenv;
  std::function<int64_t()> now_unix_ms = {};
  // Called between attempts to reach a server that went away.
  std::function<void(int64_t ms)> pause = {};
  // Random letters and digits for ids that were not given.
  std::function<std::string(int length)> random_id = {};
  // Columns that a line may fill.
  int width = 120;
  // Whether `out` is a terminal (then it may be coloured).
  bool terminal = false;
};

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_ENVIRONMENT_H_
