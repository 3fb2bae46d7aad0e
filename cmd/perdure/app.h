// The command-line tool as a function, so that tests can call it.
#ifndef PERDURE_CMD_PERDURE_APP_H_
#define PERDURE_CMD_PERDURE_APP_H_

#include <string>
#include <vector>

#include "cmd/perdure/environment.h"

namespace perdure::cli {

// `args` without the program's name. Returns the exit status (see ExitCode).
int RunApp(std::vector<std::string> args, Environment& environment);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_APP_H_
