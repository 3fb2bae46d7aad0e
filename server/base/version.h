// Which version of Perdure this is.
#ifndef PERDURE_SERVER_BASE_VERSION_H_
#define PERDURE_SERVER_BASE_VERSION_H_

#include <string_view>

namespace perdure::base {

// "0.1.0": the version of the CMake project.
std::string_view Version();

}  // namespace perdure::base

#endif  // PERDURE_SERVER_BASE_VERSION_H_
