// Measures, then pads.
#include "cmd/perdure/table.h"

#include <algorithm>
#include <cassert>

#include "cmd/perdure/text.h"

namespace perdure::cli {

void Table::Add(std::vector<Cell> row) {
  assert(row.size() == columns_.size());
  for (Cell& cell : row) cell.text = Printable(cell.text);
  rows_.push_back({std::move(row), Tone::kPlain, ""});
}

std::string Table::Format(const Style& style, int indent) const {
  std::vector<int> widths(columns_.size(), 0);
  for (const Row& row : rows_) {
    for (size_t i = 0; i < row.cells.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row.cells[i].text));
    }
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (widths[i] > 0) widths[i] = std::max(widths[i], DisplayWidth(columns_[i].title));
  }
  const auto format_row = [&](const std::vector<Cell>& cells) {
    std::string line(indent, ' ');
    std::string gap;  // written only when something follows
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (widths[i] == 0) continue;
      const std::string padding(widths[i] - DisplayWidth(cells[i].text), ' ');
      const bool right = columns_[i].align == Align::kRight;
      if (right) gap += padding;
      if (!cells[i].text.empty()) {
        line += gap + style(cells[i].tone, cells[i].text);
        gap.clear();
      }
      if (!right) gap += padding;
      gap += "  ";
    }
    return line + "\n";
  };
  std::vector<Cell> header;
  for (const Column& column : columns_) header.emplace_back(Tone::kFaint, column.title);
  std::string out = format_row(header);
  for (const Row& row : rows_) {
    out += row.cells.empty() ? std::string(indent, ' ') + style(row.note_tone, row.note) + "\n"
                             : format_row(row.cells);
  }
  return out;
}

}  // namespace perdure::cli
