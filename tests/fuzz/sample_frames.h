// Frames as workers send them: seeds of several fuzzers.
#ifndef PERDURE_TESTS_FUZZ_SAMPLE_FRAMES_H_
#define PERDURE_TESTS_FUZZ_SAMPLE_FRAMES_H_

#include <string>
#include <utility>
#include <vector>

#include "perdure/v1/worker_service.pb.h"

namespace perdure::fuzz {

// By name, at least one of each kind of entry.
std::vector<std::pair<std::string, v1::WorkerFrame>> SampleFrames();

}  // namespace perdure::fuzz

#endif  // PERDURE_TESTS_FUZZ_SAMPLE_FRAMES_H_
