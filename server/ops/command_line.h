// The command line of perdured.
#ifndef PERDURE_SERVER_OPS_COMMAND_LINE_H_
#define PERDURE_SERVER_OPS_COMMAND_LINE_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/ops/config.h"

namespace perdure::ops {

struct ParsedArgs {
  enum class Action {
    kRun,
    // Write `output` to stdout and exit with success: --help, --version, --print-config.
    kPrint,
  };
  Action action = Action::kRun;
  std::string output;
  // Checked as a whole; with kRun, data_dir is set.
  ServerConfig config;
  // Where to write the actual addresses once ready (see ready_file.h); empty: nowhere.
  std::string ready_file;
};

// Flags are --name VALUE or --name=VALUE. InvalidArgument (or NotFound for the file) is one or two lines for
// the user: print it to stderr after "perdured: " and exit with status 2.
absl::StatusOr<ParsedArgs> ParseCommandLine(int argc, const char* const* argv);

// What --help prints.
std::string HelpText();

}  // namespace perdure::ops

#endif  // PERDURE_SERVER_OPS_COMMAND_LINE_H_
