// What every fuzzer does at its start.
#include "tests/fuzz/seeds.h"

#include <google/protobuf/stubs/logging.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "server/base/log.h"

namespace perdure::fuzz {
namespace {

int WriteSeeds(const std::string& folder) {
  for (const Seed& seed : Seeds()) {
    const std::string path = folder + "/seed-" + seed.name;
    std::ofstream out(path, std::ios::binary);
    out << seed.bytes;
    out.close();
    if (!out) {
      std::fprintf(stderr, "cannot write %s\n", path.c_str());
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace perdure::fuzz

// libFuzzer calls this before it reads its own options.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  // Broken records are logged as errors, a million times a minute.
  perdure::base::SetLogSink([](const perdure::base::LogEvent&) {});
  google::protobuf::SetLogHandler(nullptr);
  if (*argc == 3 && std::string((*argv)[1]) == "--seeds") {
    std::exit(perdure::fuzz::WriteSeeds((*argv)[2]));
  }
  return 0;
}
