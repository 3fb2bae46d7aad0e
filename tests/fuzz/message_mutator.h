// Mutation of protobuf messages: libFuzzer changes bytes, most of which gives no message any more. Here a
// field is changed, added, dropped, or copied from elsewhere in the message; the values of single fields are
// left to libFuzzer, which knows what they are compared with.
//
// What libFuzzer's two hooks for custom mutation are made of:
//
//   extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
//     Script script;
//     return MutateMessage(script, data, size, max_size, seed);
//   }
#ifndef PERDURE_TESTS_FUZZ_MESSAGE_MUTATOR_H_
#define PERDURE_TESTS_FUZZ_MESSAGE_MUTATOR_H_

#include <google/protobuf/message.h>

#include <cstddef>
#include <cstdint>

namespace perdure::fuzz {

// `message` is an empty one of the type that the bytes are read as. Both give the new size; what does not fit
// into `max_size` is not done.
size_t MutateMessage(google::protobuf::Message& message, uint8_t* data, size_t size, size_t max_size,
                     unsigned seed);
size_t CrossMessages(google::protobuf::Message& message, const uint8_t* one, size_t one_size,
                     const uint8_t* other, size_t other_size, uint8_t* out, size_t max_size, unsigned seed);

// Reads a message as the fuzzers do: nested as deeply as the server allows.
bool ReadMessage(google::protobuf::Message& message, const uint8_t* data, size_t size);

}  // namespace perdure::fuzz

#endif  // PERDURE_TESTS_FUZZ_MESSAGE_MUTATOR_H_
