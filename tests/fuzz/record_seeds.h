// What servers leave in their stores: seeds of the record fuzzer, made by a server.
#ifndef PERDURE_TESTS_FUZZ_RECORD_SEEDS_H_
#define PERDURE_TESTS_FUZZ_RECORD_SEEDS_H_

#include <string>
#include <utility>
#include <vector>

#include "tests/fuzz/inputs.pb.h"

namespace perdure::fuzz {

// By name, with at least one row of each kind.
std::vector<std::pair<std::string, StoredRows>> RecordSeeds();

}  // namespace perdure::fuzz

#endif  // PERDURE_TESTS_FUZZ_RECORD_SEEDS_H_
