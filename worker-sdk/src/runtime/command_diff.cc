// The comparison and its report.
#include "worker-sdk/src/runtime/command_diff.h"

#include <algorithm>

namespace perdure::runtime {
namespace {

// Rows shown before and after the first difference.
constexpr std::size_t kContextRows = 4;
constexpr std::size_t kColumnMax = 60;

std::string WithSeq(const std::string& text, std::int64_t seq) {
  return text + " (seq " + std::to_string(seq) + ")";
}

std::string Row(const std::vector<std::string>& column, std::size_t row) {
  if (row >= column.size()) return "-";
  std::string text = column[row];
  if (text.size() > kColumnMax) text = text.substr(0, kColumnMax - 3) + "...";
  return text;
}

std::string Padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string SideBySide(const std::vector<std::string>& recorded, const std::vector<std::string>& issued,
                       std::size_t difference) {
  const std::size_t rows = std::max(recorded.size(), issued.size());
  const std::size_t first = difference > kContextRows ? difference - kContextRows : 0;
  const std::size_t last = std::min(rows, difference + kContextRows + 1);
  std::size_t width = std::string("history records").size();
  for (std::size_t row = first; row < last; ++row) width = std::max(width, Row(recorded, row).size());

  std::string text = "\n        " + Padded("history records", width) + "   this code issues";
  if (first > 0) text += "\n        (" + std::to_string(first) + " alike before)";
  for (std::size_t row = first; row < last; ++row) {
    text += row == difference ? "\n  >" : "\n   ";
    std::string number = std::to_string(row + 1);
    number.insert(0, number.size() < 4 ? 4 - number.size() : 0, ' ');
    text += number + " " + Padded(Row(recorded, row), width) + "   " + Row(issued, row);
  }
  if (last < rows) text += "\n        (" + std::to_string(rows - last) + " more)";
  return text;
}

std::vector<std::string> Describe(const auto& commands) {
  std::vector<std::string> texts;
  for (const v1::Command& command : commands) texts.push_back(DescribeCommand(command));
  return texts;
}

}  // namespace

std::string DescribeCommand(const v1::Command& command) {
  switch (command.body_case()) {
    case v1::Command::kScheduleTask:
      return WithSeq("task " + command.schedule_task().task_type(), command.schedule_task().seq());
    case v1::Command::kCancelTask:
      return WithSeq("cancel task", command.cancel_task().seq());
    case v1::Command::kStartTimer:
      return WithSeq(command.start_timer().name().empty() ? "timer" : "timer " + command.start_timer().name(),
                     command.start_timer().seq());
    case v1::Command::kCancelTimer:
      return WithSeq("cancel timer", command.cancel_timer().seq());
    case v1::Command::kRunStep:
      return WithSeq("step " + command.run_step().name(), command.run_step().seq());
    case v1::Command::kCompleteRun:
      return "complete run";
    case v1::Command::kFailRun:
      return "fail run";
    case v1::Command::kCancelRun:
      return "cancel run";
    case v1::Command::BODY_NOT_SET:
      break;
  }
  return "a command unknown to this SDK";
}

std::optional<Failure> CompareCommands(const Divergence& where, const v1::Advanced& recorded,
                                       const std::vector<v1::Command>& issued) {
  // The description holds just what is compared: kind, sequence number and name.
  const std::vector<std::string> left = Describe(recorded.commands());
  const std::vector<std::string> right = Describe(issued);
  if (left == right) return std::nullopt;
  const auto [l, r] = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
  const auto difference = static_cast<std::size_t>(l - left.begin());

  Failure failure;
  failure.kind = FailureKind::kNonDeterminism;
  failure.type = "NonDeterminism";
  failure.message =
      "the code of workflow '" + where.workflow_type +
      "' is not the code that this run's history was made by: " + "replaying run " + where.run_id + " of '" +
      where.workflow_id + "', the commands differ from event " + std::to_string(where.event_id) + " on" +
      SideBySide(left, right, difference) +
      "\nThe run is stalled, not lost. Put the earlier code back, or undo what changes the order of "
      "commands (the clock, random numbers, iteration over hashed containers, a changed step before a "
      "recorded one), and it goes on.";
  failure.source = "event " + std::to_string(where.event_id);
  return failure;
}

}  // namespace perdure::runtime
