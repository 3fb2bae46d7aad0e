#include "tests/bench/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "tests/bench/samples.h"

namespace perdure::bench {
namespace {

using Json = nlohmann::ordered_json;

// Whole numbers are written as such; others with six digits that count.
Json Number(double value) {
  if (std::nearbyint(value) == value && std::fabs(value) < 1e15) return static_cast<int64_t>(value);
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return std::strtod(text, nullptr);
}

// Over the reports that know the key; none: not known, or a text.
std::optional<Spread> SpreadIn(const std::vector<Report>& reports, const std::string& key) {
  std::vector<double> values;
  for (const Report& report : reports) {
    const Figure* figure = report.Find(key);
    if (figure == nullptr) continue;
    if (const auto* number = std::get_if<double>(&figure->value)) values.push_back(*number);
  }
  if (values.empty()) return std::nullopt;
  return SpreadOf(std::move(values));
}

std::string Fixed(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string Cell(const Figure& figure, const std::optional<Spread>& spread) {
  if (const auto* text = std::get_if<std::string>(&figure.value)) return *text;
  return spread ? Fixed(spread->median, figure.decimals) : "-";
}

}  // namespace

void Report::Add(std::string key, double value, int decimals) {
  figures_.push_back({std::move(key), value, decimals});
}

void Report::Add(std::string key, std::optional<double> value, int decimals) {
  if (value) return Add(std::move(key), *value, decimals);
  figures_.push_back({std::move(key), std::monostate(), decimals});
}

void Report::Add(std::string key, std::string text) {
  figures_.push_back({std::move(key), std::move(text), 0});
}

void Report::AddAll(const Report& other) {
  figures_.insert(figures_.end(), other.figures_.begin(), other.figures_.end());
}

const Figure* Report::Find(std::string_view key) const {
  const auto at =
      std::find_if(figures_.begin(), figures_.end(), [&](const Figure& f) { return f.key == key; });
  return at == figures_.end() ? nullptr : &*at;
}

std::string ToJson(const std::vector<Report>& reports) {
  Json out = Json::object();
  Json spreads = Json::object();
  for (const Figure& figure : reports.front().figures()) {
    const std::optional<Spread> spread = SpreadIn(reports, figure.key);
    if (const auto* text = std::get_if<std::string>(&figure.value)) {
      out[figure.key] = *text;
    } else {
      out[figure.key] = spread ? Number(spread->median) : Json(nullptr);
    }
    if (spread && spread->min != spread->max) {
      spreads[figure.key] = Json::array({Number(spread->min), Number(spread->max)});
    }
  }
  if (reports.size() > 1) {
    out["repeat"] = reports.size();
    out["spread"] = std::move(spreads);
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string ToTable(const std::vector<Report>& reports) {
  const bool several = reports.size() > 1;
  std::vector<std::vector<std::string>> rows;
  if (several) rows.push_back({"", "median", "least", "most"});
  for (const Figure& figure : reports.front().figures()) {
    const std::optional<Spread> spread = SpreadIn(reports, figure.key);
    rows.push_back({figure.key, Cell(figure, spread)});
    if (several && spread && spread->min != spread->max) {
      rows.back().push_back(Fixed(spread->min, figure.decimals));
      rows.back().push_back(Fixed(spread->max, figure.decimals));
    }
  }
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    // A long text alone does not push the columns apart.
    for (size_t i = 0; i < row.size(); ++i) {
      if (i >= widths.size()) widths.push_back(0);
      if (i == 0 || row[i].size() <= 14) widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line = row[0] + std::string(widths[0] - row[0].size(), ' ');
    for (size_t i = 1; i < row.size(); ++i) {
      line += "  " + std::string(widths[i] - std::min(widths[i], row[i].size()), ' ') + row[i];
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace perdure::bench
