// Aligned columns.
#ifndef PERDURE_CMD_PERDURE_TABLE_H_
#define PERDURE_CMD_PERDURE_TABLE_H_

#include <string>
#include <vector>

#include "cmd/perdure/style.h"

namespace perdure::cli {

struct Cell {
  Cell(std::string t) : text(std::move(t)) {}  // NOLINT: implicit, so that rows read as lists of text
  Cell(const char* t) : text(t) {}             // NOLINT
  Cell(Tone tn, std::string t) : text(std::move(t)), tone(tn) {}

  std::string text;
  Tone tone = Tone::kPlain;
};

// Rows under a header, columns as wide as their widest cell, two blanks apart.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns. Texts are made printable.
  void Add(std::vector<Cell> row);
  // A line under the last row that belongs to it; not aligned.
  void AddNote(Tone tone, std::string line) { rows_.push_back({{}, tone, std::move(line)}); }
  bool empty() const { return rows_.empty(); }

  // Each line begins with `indent` blanks; no line ends in one. Columns that no row fills are left out.
  std::string Format(const Style& style, int indent = 0) const;

 private:
  struct Row {
    std::vector<Cell> cells;
    Tone note_tone = Tone::kPlain;
    std::string note;
  };

  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_TABLE_H_
