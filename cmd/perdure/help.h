// How --help looks.
#ifndef PERDURE_CMD_PERDURE_HELP_H_
#define PERDURE_CMD_PERDURE_HELP_H_

#include <memory>

namespace CLI {
class FormatterBase;
}

namespace perdure::cli {

std::shared_ptr<CLI::FormatterBase> HelpFormatter();

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_HELP_H_
