// Flags come from the settings table, plus the few that are not settings.
#include "server/ops/command_line.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/base/suggest.h"
#include "server/base/version.h"
#include "server/ops/wrap.h"

namespace perdure::ops {
namespace {

constexpr std::string_view kIntro =
    "perdured: the Perdure daemon. It keeps every workflow's history in one directory and hands\n"
    "work to the worker processes that connect to it.\n"
    "\n"
    "Usage: perdured --data-dir DIR [--config FILE] [--SETTING VALUE]...\n"
    "\n"
    "Try it:\n"
    "  perdured --data-dir /tmp/perdure                  run, on 127.0.0.1:7480 (HTTP: 7481)\n"
    "  perdured --data-dir D --listen 127.0.0.1:0 --http-listen 127.0.0.1:0 --ready-file R\n"
    "                                                    free ports, written to R as JSON\n"
    "  perdured --config /etc/perdure/perdured.yaml      settings from a file\n"
    "  perdured --config F --print-config                what those settings come to\n"
    "\n"
    "It stops on SIGTERM or SIGINT. Every setting below is a flag, --data-dir, and a key of the\n"
    "YAML file, data_dir; flags win over the file. Sizes take KiB, MiB, GiB; durations ms, s, m, h, d.\n";

constexpr std::string_view kOtherFlags =
    "Other flags:\n"
    "  --config FILE             read settings from this YAML file\n"
    "  --ready-file FILE         once ready, write addresses and process id to FILE as JSON\n"
    "  --print-config            print the settings in force as YAML, explained, and exit\n"
    "  --print-example           print an example YAML file, each setting a comment, and exit\n"
    "  --version                 print the version and exit\n"
    "  --help, -h                print this and exit\n";

constexpr std::string_view kFlagsWithValue[] = {"config", "ready_file"};
constexpr std::string_view kFlagsAlone[] = {"print_config", "print_example", "version", "help"};

absl::string_view Absl(std::string_view s) { return {s.data(), s.size()}; }

std::string FlagOf(std::string_view name) {
  std::string flag = absl::StrCat("--", Absl(name));
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

template <typename Names>
bool Contains(const Names& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

struct Flag {
  // With underscores, without dashes.
  std::string name;
  std::string value;
};

absl::Status UnknownFlag(std::string_view flag, const std::string& name) {
  std::vector<std::string> known;
  for (const Setting& setting : Settings()) known.emplace_back(setting.name);
  for (const std::string_view other : kFlagsWithValue) known.emplace_back(other);
  for (const std::string_view other : kFlagsAlone) known.emplace_back(other);
  const std::string nearest = base::Nearest(name, known);
  const std::string hint = nearest.empty() ? "perdured --help lists them all"
                                           : absl::StrCat("did you mean ", FlagOf(nearest), "?");
  return absl::InvalidArgumentError(absl::StrCat("no flag is called ", Absl(flag), "; ", hint));
}

// Splits the arguments into flags, so that --config can be applied before the others wherever it stands.
absl::StatusOr<std::vector<Flag>> SplitFlags(int argc, const char* const* argv) {
  std::vector<Flag> flags;
  for (int i = 1; i < argc; ++i) {
    std::string_view arg = argv[i];
    if (arg == "-h") arg = "--help";
    if (!arg.starts_with("--") || arg.size() == 2) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", Absl(arg), "' is not a flag; flags are written --name VALUE (perdured --help lists them)"));
    }
    const size_t equals = arg.find('=');
    const std::string_view written = arg.substr(0, equals);
    Flag flag{std::string(written.substr(2)), ""};
    std::replace(flag.name.begin(), flag.name.end(), '-', '_');
    const bool alone = Contains(kFlagsAlone, flag.name);
    if (!alone && !Contains(kFlagsWithValue, flag.name) && FindSetting(flag.name) == nullptr) {
      return UnknownFlag(written, flag.name);
    }
    if (equals != std::string_view::npos) {
      if (alone) return absl::InvalidArgumentError(absl::StrCat(Absl(written), " takes no value"));
      flag.value = std::string(arg.substr(equals + 1));
    } else if (!alone) {
      if (i + 1 >= argc) return absl::InvalidArgumentError(absl::StrCat(Absl(written), " needs a value"));
      flag.value = argv[++i];
    }
    flags.push_back(std::move(flag));
  }
  return flags;
}

std::optional<std::string> ValueOf(const std::vector<Flag>& flags, std::string_view name) {
  for (const Flag& flag : flags) {
    if (flag.name == name) return flag.value;
  }
  return std::nullopt;
}

}  // namespace

std::string HelpText() {
  constexpr size_t kIndent = 30;
  constexpr size_t kWidth = 100;
  const ServerConfig defaults;
  std::string out(kIntro);
  std::string_view group;
  for (const Setting& setting : Settings()) {
    if (setting.group != group) {
      group = setting.group;
      absl::StrAppend(&out, "\n", Absl(group), ":\n");
    }
    std::string head = absl::StrCat("  ", FlagOf(setting.name));
    std::string text(setting.help);
    const std::string value = SettingValue(setting, defaults);
    if (!value.empty()) absl::StrAppend(&text, " [", value, "; ", AllowedValues(setting), "]");
    const std::vector<std::string> lines = WrapText(text, kWidth - kIndent);
    if (head.size() + 2 > kIndent) {
      absl::StrAppend(&out, head, "\n");
      head.clear();
    }
    for (const std::string& line : lines) {
      head.resize(kIndent, ' ');
      absl::StrAppend(&out, head, line, "\n");
      head.clear();
    }
  }
  absl::StrAppend(&out, "\n", Absl(kOtherFlags));
  return out;
}

absl::StatusOr<ParsedArgs> ParseCommandLine(int argc, const char* const* argv) {
  ASSIGN_OR_RETURN(const std::vector<Flag> flags, SplitFlags(argc, argv));
  ParsedArgs args;
  const auto print = [&args](std::string text) {
    args.action = ParsedArgs::Action::kPrint;
    args.output = std::move(text);
    return args;
  };
  if (ValueOf(flags, "help")) return print(HelpText());
  if (ValueOf(flags, "print_example")) return print(ExampleYaml());
  if (ValueOf(flags, "version")) return print(absl::StrCat("perdured ", Absl(base::Version()), "\n"));
  if (const auto file = ValueOf(flags, "config")) RETURN_IF_ERROR(ApplyYamlFile(*file, args.config));
  for (const Flag& flag : flags) {
    const Setting* setting = FindSetting(flag.name);
    if (setting == nullptr) continue;
    if (const absl::Status status = ApplySetting(*setting, flag.value, args.config); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("flag ", FlagOf(flag.name), ": ", status.message()));
    }
  }
  RETURN_IF_ERROR(CheckConfig(args.config));
  if (ValueOf(flags, "print_config")) return print(ConfigToYaml(args.config));
  args.ready_file = ValueOf(flags, "ready_file").value_or("");
  if (args.config.data_dir.empty()) {
    return absl::InvalidArgumentError(
        "data_dir is not set: say where to keep the data, perdured --data-dir DIR (perdured --help shows "
        "more)");
  }
  return args;
}

}  // namespace perdure::ops
