// A history for people: one line an event, and one for each command of an advance.
#ifndef PERDURE_CMD_PERDURE_HISTORY_VIEW_H_
#define PERDURE_CMD_PERDURE_HISTORY_VIEW_H_

#include <cstdint>
#include <map>
#include <string>

#include "cmd/perdure/style.h"
#include "perdure/v1/history.pb.h"

namespace perdure::cli {

// Events are handed over in order; what a number (seq) stands for is remembered from the command that issued
// it.
//
//     1     0ms  run started      order_fulfillment on orders {"id":"order-1"}
//     2     3ms  advanced         through 1, by 77@host
//                  schedule task  #1 validate_order {"id":"order-1"}
//     3    12ms  task completed   #1 validate_order, attempt 1, 8ms {"ok":true}
class HistoryView {
 public:
  // Lines are cut to `width` columns unless `full`.
  HistoryView(const Style& style, int width, bool full) : style_(style), width_(width), full_(full) {}

  // The lines of one event, each with its newline.
  std::string Format(const v1::Event& event);

 private:
  struct Line {
    std::string title;
    std::string detail;
    Tone tone = Tone::kPlain;
  };

  Line EventLine(const v1::Event& event);
  Line StartedLine(const v1::RunStarted& started);
  Line CommandLine(const v1::Command& command);
  // "#3 charge".
  std::string Numbered(int64_t seq) const;
  std::string Remember(int64_t seq, const std::string& name);
  std::string Lay(const std::string& lead, size_t title_width, const Line& line) const;

  const Style style_;
  const int width_;
  const bool full_;
  std::map<int64_t, std::string> names_;
  int64_t start_unix_ms_ = 0;
};

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_HISTORY_VIEW_H_
