// Names for processes and calls.
#ifndef PERDURE_WORKER_SDK_SRC_SESSION_IDENTITY_H_
#define PERDURE_WORKER_SDK_SRC_SESSION_IDENTITY_H_

#include <cstdint>
#include <string>

namespace perdure::session {

// A random (version 4) UUID. Any thread.
std::string NewUuid();
// A random number to seed a generator with.
std::uint64_t RandomSeed();
// "pid@host".
std::string DefaultIdentity();
// The environment variable, or `fallback` if it is unset or empty.
std::string EnvOr(const char* variable, const char* fallback);

}  // namespace perdure::session

#endif  // PERDURE_WORKER_SDK_SRC_SESSION_IDENTITY_H_
