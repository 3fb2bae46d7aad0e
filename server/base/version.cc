// The version, compiled in from the CMake project; alone in its file so that a new version rebuilds nothing
// else.
#include "server/base/version.h"

namespace perdure::base {

std::string_view Version() { return PERDURE_VERSION; }

}  // namespace perdure::base
