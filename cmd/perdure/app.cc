// Parses the command line, connects, runs the command, reports what went wrong.
#include "cmd/perdure/app.h"

#include <CLI/CLI.hpp>
#include <ostream>
#include <span>

#include "absl/strings/str_cat.h"
#include "cmd/perdure/commands.h"
#include "cmd/perdure/errors.h"
#include "cmd/perdure/help.h"
#include "cmd/perdure/options.h"
#include "cmd/perdure/text.h"
#include "server/base/address.h"
#include "server/base/status_macros.h"
#include "server/base/suggest.h"
#include "server/base/version.h"

namespace perdure::cli {
namespace {

constexpr char kFooter[] =
    "Try it:\n"
    "  perdure workflow start --type order_fulfillment --id order-1 --input @order.json --wait\n"
    "  perdure workflow list --status failed\n"
    "  perdure workflow history order-1\n"
    "\n"
    "Exit status: 0 success, 1 the workflow failed, verify found a problem or something else went wrong,\n"
    "2 wrong arguments, 3 no such workflow, 4 the server cannot be reached.";

constexpr char kGlobalsFooter[] =
    "Every command takes --address, --namespace, --output json and --timeout: see perdure --help.\n";

struct RawGlobals {
  std::string address;
  std::string name_space;
  std::string output = "text";
  std::string timeout;
};

void AddGlobals(CLI::App& app, RawGlobals& raw) {
  app.add_option("--address", raw.address, "where perdured listens (or set PERDURE_ADDRESS)")
      ->capture_default_str();
  app.add_option("--namespace", raw.name_space, "(or set PERDURE_NAMESPACE)")->capture_default_str();
  app.add_option("--output,-o", raw.output, "text for people, json for programs")->capture_default_str();
  app.add_option("--timeout", raw.timeout,
                 "longest wait, such as 30s (default: 10s a call; results: no limit)");
}

absl::StatusOr<Globals> ReadGlobals(const RawGlobals& raw) {
  Globals globals{.address = raw.address, .name_space = raw.name_space};
  if (const auto address = base::ParseAddress(raw.address); !address.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--address: ", address.status().message()));
  }
  ASSIGN_OR_RETURN(const int output, ReadChoice("--output", raw.output, {"text", "json"}));
  globals.json = output == 1;
  ASSIGN_OR_RETURN(globals.timeout_ms, ReadDuration("--timeout", raw.timeout));
  return globals;
}

const CLI::App* FindCommand(const CLI::App& parent, const std::string& name) {
  for (const CLI::App* sub : parent.get_subcommands({})) {
    if (sub->get_name() == name) return sub;
  }
  return nullptr;
}

// Where a command line leaves what the tool knows: the deepest command named, and the first word after it
// that is neither a flag nor a flag's value.
struct Position {
  const CLI::App* command;
  std::string word;
  // How many arguments come before the word.
  size_t before = 0;
};
Position FindPosition(const CLI::App& root, const std::vector<std::string>& args) {
  Position position{&root, "", args.size()};
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (arg.starts_with("-") && arg.size() > 1) {
      const CLI::Option* option = position.command->get_option_no_throw(arg);
      if (option == nullptr) option = root.get_option_no_throw(arg);
      if (option != nullptr && option->get_expected_max() > 0) ++i;
      continue;
    }
    const CLI::App* sub = FindCommand(*position.command, arg);
    if (sub == nullptr) {
      position.word = arg;
      position.before = i;
      return position;
    }
    position.command = sub;
  }
  return position;
}

std::string FullName(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : absl::StrCat(FullName(*parent), " ", command.get_name());
}

// The first argument that looks like a flag and is none; "" if there is none.
std::string UnknownFlag(const CLI::App& root, const CLI::App& command, std::span<const std::string> args) {
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string name = args[i].substr(0, args[i].find('='));
    if (!name.starts_with("--")) continue;
    const CLI::Option* option = command.get_option_no_throw(name);
    if (option == nullptr) option = root.get_option_no_throw(name);
    if (option == nullptr) return name;
    if (option->get_expected_max() > 0 && name.size() == args[i].size()) ++i;
  }
  return "";
}

std::string NearestFlag(const CLI::App& root, const CLI::App& command, const std::string& flag) {
  std::vector<std::string> known;
  for (const CLI::App* app : {&command, &root}) {
    for (const CLI::Option* option : app->get_options({})) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
  }
  return base::Nearest(flag, known);
}

// CLI11 calls an argument that can be given by position and by name by its name, and a flag without its value
// "--type: 1 required TEXT missing".
std::string PlainWords(std::string message, const CLI::App& command) {
  if (const size_t colon = message.find(": 1 required "); colon != std::string::npos) {
    return absl::StrCat(message.substr(0, colon), " needs a value");
  }
  for (const auto& [flag, positional] : {std::pair{"--id", "WORKFLOW_ID"}, std::pair{"--name", "NAME"}}) {
    const std::string missing = absl::StrCat(flag, " is required");
    if (message == missing && command.get_option_no_throw(positional) != nullptr) {
      return absl::StrCat(positional, " is missing");
    }
  }
  return message;
}

std::string UnknownFlagText(const CLI::App& root, const CLI::App& command, const std::string& flag) {
  const std::string nearest = NearestFlag(root, command, flag);
  return absl::StrCat("perdure: ", FullName(command), " has no flag ", Printable(flag), "\n  ",
                      nearest.empty() ? absl::StrCat("see ", FullName(command), " --help")
                                      : absl::StrCat("did you mean ", nearest, "?"),
                      "\n");
}

// What is wrong with the arguments, in the words of this tool rather than CLI11's.
std::string UsageText(const CLI::App& root, const std::vector<std::string>& args,
                      const CLI::ParseError& error) {
  const Position at = FindPosition(root, args);
  const std::string help = absl::StrCat(FullName(*at.command), " --help");
  std::vector<std::string> names;
  for (const CLI::App* sub : at.command->get_subcommands({})) names.push_back(sub->get_name());
  if (!names.empty() && at.word.empty()) {
    return absl::StrCat("perdure: what to do? ", FullName(*at.command), " takes a command\n  see ", help,
                        "\n");
  }
  if (!names.empty()) {
    // The word may be what was meant for a flag that there is not.
    if (const std::string flag = UnknownFlag(root, *at.command, std::span(args).first(at.before));
        !flag.empty()) {
      return UnknownFlagText(root, *at.command, flag);
    }
    const std::string nearest = base::Nearest(at.word, names);
    const std::string hint =
        nearest.empty() ? absl::StrCat("see ", help) : absl::StrCat("did you mean ", nearest, "?");
    return absl::StrCat("perdure: ", FullName(*at.command), " has no command '", Printable(at.word), "'\n  ",
                        hint, "\n");
  }
  const std::string flag = UnknownFlag(root, *at.command, args);
  if (!flag.empty()) return UnknownFlagText(root, *at.command, flag);
  return absl::StrCat("perdure: ", Printable(PlainWords(error.what(), *at.command)), "\n  see ", help, "\n");
}

int Execute(const RawGlobals& raw, const Command& command, Environment& environment) {
  const absl::StatusOr<Globals> globals = ReadGlobals(raw);
  if (!globals.ok()) {
    environment.err << "perdure: " << Printable(Std(globals.status().message())) << "\n";
    return kExitUsage;
  }
  const std::unique_ptr<Client> client = ConnectTo(globals->address);
  Context context{*globals, environment, *client, Style(environment)};
  const absl::StatusOr<int> exit_code = command(context);
  environment.out << std::flush;
  if (!exit_code.ok()) {
    environment.err << ErrorText(exit_code.status(), *globals);
    return ExitCodeOf(exit_code.status());
  }
  return environment.out.good() ? *exit_code : kExitFailed;
}

}  // namespace

int RunApp(std::vector<std::string> args, Environment& environment) {
  // "perdure help workflow start", as many tools have it.
  if (!args.empty() && args[0] == "help") {
    args.erase(args.begin());
    args.push_back("--help");
  }
  CLI::App app("perdure: start, watch and stop durable workflows.", "perdure");
  app.formatter(HelpFormatter());
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kFooter);
  RawGlobals raw;
  raw.address = environment.getenv("PERDURE_ADDRESS").value_or("127.0.0.1:7480");
  raw.name_space = environment.getenv("PERDURE_NAMESPACE").value_or("default");
  AddGlobals(app, raw);

  Command chosen;
  CLI::App& workflow = *app.add_subcommand("workflow", "start, look at and stop workflows");
  workflow.require_subcommand(1);
  workflow.fallthrough();
  AddStartCommands(workflow, chosen);
  AddResultCommand(workflow, chosen);
  AddDescribeCommand(workflow, chosen);
  AddHistoryCommands(workflow, chosen);
  AddListCommands(workflow, chosen);
  AddChangeCommands(workflow, chosen);
  AddServerCommands(app, chosen);
  CLI::App& admin = *app.add_subcommand("admin", "look into the data directory of a server that is stopped");
  admin.require_subcommand(1);
  admin.fallthrough();
  AddVerifyCommand(admin, chosen);
  AddDumpCommand(admin, chosen);
  bool version = false;
  app.add_subcommand("version", "print the version of this tool")->callback([&version] { version = true; });

  try {  // CLI11 reports by throwing
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::CallForHelp&) {
    const CLI::App* command = FindPosition(app, args).command;
    const CLI::App* parent = command->get_parent();
    environment.out << command->help(parent == nullptr ? "" : FullName(*parent));
    if (parent != nullptr) environment.out << kGlobalsFooter;
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    environment.err << UsageText(app, args, error);
    return kExitUsage;
  }
  if (version) {
    environment.out << "perdure " << base::Version() << "\n";
    return kExitOk;
  }
  return Execute(raw, chosen, environment);
}

}  // namespace perdure::cli
