// Comparing what should be equal, field by field, so that a report can name the first field that is not.
#ifndef PERDURE_SERVER_VERIFY_DIFFERENCE_H_
#define PERDURE_SERVER_VERIFY_DIFFERENCE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "server/engine/state.h"

namespace google::protobuf {
class Message;
}

namespace perdure::verify {

// All that a message says: equal messages have equal bytes, which plain serialization does not promise for
// maps.
std::string CanonicalBytes(const google::protobuf::Message& message);

// Remembers the first field that differs. Not thread-safe.
class Difference {
 public:
  bool any() const { return !what_.empty(); }
  // The field; empty: there is no difference.
  const std::string& what() const { return what_; }
  const std::string& first() const { return first_; }
  const std::string& second() const { return second_; }
  // "last_seq: 4 and 5"; empty: there is no difference.
  std::string Sentence() const;

  // What follows is of this item: "task", 3.
  void About(const char* item, int64_t number) {
    item_ = item;
    number_ = number;
  }
  template <typename T>
  void Field(std::string_view what, const T& a, const T& b) {
    if (!any() && a != b) Set(what, absl::StrCat(a), absl::StrCat(b));
  }
  void Expect(bool same, std::string_view what) {
    if (!any() && !same) Set(what, "", "");
  }
  // Nulls are equal to each other and to nothing else.
  void Messages(std::string_view what, const google::protobuf::Message* a,
                const google::protobuf::Message* b);

 private:
  void Set(std::string_view what, std::string first, std::string second);

  const char* item_ = nullptr;
  int64_t number_ = 0;
  std::string what_;
  std::string first_;
  std::string second_;
};

// The first difference between the folded parts of two states.
Difference FoldedDifference(const engine::RunState& a, const engine::RunState& b);

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_DIFFERENCE_H_
