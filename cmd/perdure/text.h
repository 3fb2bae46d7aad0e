// Text for a terminal: safe to print, measured in columns.
#ifndef PERDURE_CMD_PERDURE_TEXT_H_
#define PERDURE_CMD_PERDURE_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/string_view.h"

namespace perdure::cli {

// absl 20220623 has its own string_view.
inline absl::string_view Absl(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view Std(absl::string_view s) { return {s.data(), s.size()}; }

// What others chose (ids, payloads, messages) without what could drive the terminal: control characters and
// direction overrides are shown as escapes, bytes that are not UTF-8 as U+FFFD.
std::string Printable(std::string_view s);

// Columns that a terminal uses for printable text.
int DisplayWidth(std::string_view s);

// The beginning of `s` that fits into `width` columns, ending in an ellipsis if something is left out.
std::string Cut(std::string_view s, int width);

// "1 event", "2 events".
std::string Plural(int64_t count, std::string_view what);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_TEXT_H_
