// CLI11's own formatter, in the words of this tool.
#include "cmd/perdure/help.h"

#include <CLI/CLI.hpp>

namespace perdure::cli {
namespace {

class Formatter final : public CLI::Formatter {
 public:
  Formatter() {
    label("Positionals", "Arguments");
    label("Subcommands", "Commands");
    label("SUBCOMMAND", "COMMAND");
    label("REQUIRED", "(required)");
    label("TEXT", "VALUE");
    label("INT", "NUMBER");
    label("Needs", "with");
  }

  // What can be given by position or by name is listed twice, and must not look required twice.
  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    if (is_positional || !option->get_positional()) return CLI::Formatter::make_option(option, is_positional);
    std::stringstream out;
    CLI::detail::format_help(out, make_option_name(option, false) + " " + get_label(option->get_type_name()),
                             "the same as " + option->get_name(true), column_width_);
    return out.str();
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> HelpFormatter() { return std::make_shared<Formatter>(); }

}  // namespace perdure::cli
