// The commands, one file a group. Each function adds its commands to a CLI11 app; parsing a command line then
// leaves what it asks for in `chosen`.
#ifndef PERDURE_CMD_PERDURE_COMMANDS_H_
#define PERDURE_CMD_PERDURE_COMMANDS_H_

#include "cmd/perdure/context.h"

namespace CLI {
class App;
}

namespace perdure::cli {

void AddStartCommands(CLI::App& workflow, Command& chosen);    // start, signal-with-start
void AddChangeCommands(CLI::App& workflow, Command& chosen);   // signal, cancel, terminate
void AddResultCommand(CLI::App& workflow, Command& chosen);    // result
void AddDescribeCommand(CLI::App& workflow, Command& chosen);  // describe
void AddHistoryCommands(CLI::App& workflow, Command& chosen);  // history, watch
void AddListCommands(CLI::App& workflow, Command& chosen);     // list, count
void AddServerCommands(CLI::App& app, Command& chosen);        // server info
void AddVerifyCommand(CLI::App& admin, Command& chosen);       // admin verify
void AddDumpCommand(CLI::App& admin, Command& chosen);         // admin dump

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_COMMANDS_H_
