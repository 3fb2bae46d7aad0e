// Entries: how much a message on the wire comes to, counted before it is parsed. An empty entry of a list
// takes two bytes there and hundreds in memory, so that bytes alone bound nothing.
#ifndef PERDURE_SERVER_API_ENTRIES_H_
#define PERDURE_SERVER_API_ENTRIES_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <cstddef>
#include <cstdint>

namespace perdure::api {

struct EntryLimits {
  // Fields of the message itself.
  int64_t outer_max = 0;
  // Those and all that they hold: messages, and texts of lists. Not below outer_max.
  int64_t all_max = 0;
};

enum class EntryVerdict { kFits, kTooManyOuter, kTooManyInside };

// Reads the `size` bytes of `in`, or none of them if they are too few to matter. What does not parse fits:
// the parser says what is wrong with it, at the same place.
EntryVerdict JudgeEntries(google::protobuf::io::ZeroCopyInputStream& in, size_t size,
                          const google::protobuf::Descriptor& type, const EntryLimits& limits);

// How deep messages may nest; the parser's limit too.
inline constexpr int kNestingMax = 1'000;

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_ENTRIES_H_
