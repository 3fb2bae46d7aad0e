#include "cmd/perdure/verify_view.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cmd/perdure/table.h"
#include "cmd/perdure/text.h"
#include "server/base/utf8.h"
#include "server/verify/key_text.h"

namespace perdure::cli {
namespace {

using verify::Problem;
using verify::Severity;
using verify::Summary;

std::string RunText(const verify::RunName& run) {
  std::string text = absl::StrCat("number ", run.run, " of partition ", run.partition);
  if (!run.workflow_id.empty()) {
    absl::StrAppend(&text, ", workflow '", run.workflow_id, "' in namespace '", run.ns, "'");
  }
  if (!run.run_id.empty()) absl::StrAppend(&text, ", run id ", run.run_id);
  return text;
}

std::string KindName(size_t kind) {
  if (kind == 0) return "unknown";
  return std::string(verify::KindWord(static_cast<storage::KeyKind>(kind)));
}

// Appends "name":"value" after a comma, if there is something before it.
void AppendText(std::string& out, const char* name, const std::string& value) {
  absl::StrAppend(&out, out.back() == '{' ? "" : ",", "\"", name, "\":");
  base::AppendJsonString(out, value);
}
void AppendNumber(std::string& out, const char* name, int64_t value) {
  absl::StrAppend(&out, out.back() == '{' ? "" : ",", "\"", name, "\":", value);
}

}  // namespace

std::string ProblemText(const Problem& p, const Style& style) {
  const bool bad = p.severity == Severity::kProblem;
  std::string out = absl::StrCat(style(bad ? Tone::kBad : Tone::kWarning, bad ? "problem" : "leftover"),
                                 "   ", Printable(p.what), "\n");
  const auto line = [&](const char* label, const std::string& text) {
    if (!text.empty()) absl::StrAppend(&out, style(Tone::kFaint, label), Printable(text), "\n");
  };
  if (!p.key.empty()) {
    line("  row       ", verify::KeyText(p.key));
    line("  key       ", verify::Hex(p.key));
  }
  if (p.run.run != 0 || !p.run.workflow_id.empty()) line("  run       ", RunText(p.run));
  line("  expected  ", p.expected);
  line("  found     ", p.found);
  return out;
}

std::string ProblemJson(const Problem& p) {
  std::string out = "{";
  AppendText(out, "severity", p.severity == Severity::kProblem ? "problem" : "leftover");
  AppendText(out, "what", p.what);
  AppendText(out, "row", p.key.empty() ? "" : verify::KeyText(p.key));
  AppendText(out, "key_hex", verify::Hex(p.key));
  AppendNumber(out, "partition", p.run.partition);
  AppendNumber(out, "run", static_cast<int64_t>(p.run.run));
  AppendText(out, "namespace", p.run.ns);
  AppendText(out, "workflow_id", p.run.workflow_id);
  AppendText(out, "run_id", p.run.run_id);
  AppendText(out, "expected", p.expected);
  AppendText(out, "found", p.found);
  return out + "}";
}

std::string SummaryText(const Summary& s, const std::string& data_dir, const Style& style) {
  Table table({{"ROWS OF KIND"}, {"ROWS", Table::Align::kRight}, {"BYTES", Table::Align::kRight}});
  for (size_t kind = 1; kind <= s.kinds.size(); ++kind) {
    const verify::RowCount& count = s.kinds[kind % s.kinds.size()];
    if (count.rows == 0) continue;
    table.Add({KindName(kind % s.kinds.size()), absl::StrCat(count.rows), absl::StrCat(count.bytes)});
  }
  const verify::RowCount total = s.Total();
  table.Add({{Tone::kStrong, "total"},
             {Tone::kStrong, absl::StrCat(total.rows)},
             {Tone::kStrong, absl::StrCat(total.bytes)}});
  std::string runs = absl::StrCat(s.runs_open, " open, ", s.runs_closed, " closed");
  if (s.runs_unreadable > 0) absl::StrAppend(&runs, ", ", s.runs_unreadable, " unreadable");
  std::string verdict =
      s.problems == 0 ? style(Tone::kGood, "no problem") : style(Tone::kBad, Plural(s.problems, "problem"));
  if (s.leftovers > 0) absl::StrAppend(&verdict, ", ", Plural(s.leftovers, "leftover"));
  return absl::StrCat(style(Tone::kStrong, Printable(data_dir)), ": ", verdict, "\n  partitions  ",
                      s.partitions, "\n  runs        ", runs, "\n  events      ", s.events, "\n\n",
                      table.Format(style, 2));
}

std::string SummaryJson(const Summary& s, const std::string& data_dir) {
  std::string out = "{";
  AppendText(out, "data_dir", data_dir);
  AppendNumber(out, "partitions", s.partitions);
  AppendNumber(out, "runs_open", s.runs_open);
  AppendNumber(out, "runs_closed", s.runs_closed);
  AppendNumber(out, "runs_unreadable", s.runs_unreadable);
  AppendNumber(out, "events", s.events);
  AppendNumber(out, "rows", s.Total().rows);
  AppendNumber(out, "bytes", s.Total().bytes);
  AppendNumber(out, "problems", s.problems);
  AppendNumber(out, "leftovers", s.leftovers);
  out += ",\"kinds\":{";
  for (size_t kind = 0; kind < s.kinds.size(); ++kind) {
    if (s.kinds[kind].rows == 0) continue;
    absl::StrAppend(&out, out.back() == '{' ? "" : ",", "\"", KindName(kind),
                    "\":{\"rows\":", s.kinds[kind].rows, ",\"bytes\":", s.kinds[kind].bytes, "}");
  }
  return out + "}}";
}

}  // namespace perdure::cli
