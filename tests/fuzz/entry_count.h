// How many entries a message holds, counted after it was parsed: what server/api/entries.h bounds before.
#ifndef PERDURE_TESTS_FUZZ_ENTRY_COUNT_H_
#define PERDURE_TESTS_FUZZ_ENTRY_COUNT_H_

#include <google/protobuf/message.h>

#include <cstdint>

namespace perdure::fuzz {

struct EntryCount {
  // Fields of the message itself, each entry of a list for itself; packed lists are one.
  int64_t outer = 0;
  // Messages, texts of lists and fields that are not known, inside too.
  int64_t all = 0;
};

EntryCount CountEntries(const google::protobuf::Message& message);

}  // namespace perdure::fuzz

#endif  // PERDURE_TESTS_FUZZ_ENTRY_COUNT_H_
