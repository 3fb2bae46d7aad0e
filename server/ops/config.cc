// Reading, showing and checking single settings.
#include "server/ops/config.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/base/address.h"
#include "server/base/status_macros.h"
#include "server/base/suggest.h"
#include "server/base/units.h"
#include "server/base/utf8.h"

namespace perdure::ops {
namespace {

absl::string_view Absl(std::string_view s) { return {s.data(), s.size()}; }

std::vector<std::string> Choices(const Setting& setting) {
  return absl::StrSplit(Absl(setting.choices), '|');
}

std::string FormatNumber(const Setting& setting, int64_t value) {
  switch (setting.type) {
    case Setting::Type::kBytes:
      return base::FormatBytes(value);
    case Setting::Type::kDuration:
      return base::FormatDurationMs(value);
    default:
      return absl::StrCat(value);
  }
}

absl::StatusOr<int64_t> ParseNumber(const Setting& setting, std::string_view value) {
  switch (setting.type) {
    case Setting::Type::kBytes:
      return base::ParseBytes(value);
    case Setting::Type::kDuration:
      return base::ParseDurationMs(value);
    default: {
      int64_t n = 0;
      if (absl::SimpleAtoi(Absl(value), &n)) return n;
      return absl::InvalidArgumentError(absl::StrCat("'", Absl(value), "' is not a whole number"));
    }
  }
}

absl::Status Refuse(const Setting& setting, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat(Absl(setting.name), ": ", why, " (allowed: ", AllowedValues(setting), ")"));
}

}  // namespace

ServerConfig::ServerConfig() {
  for (const Setting& setting : Settings()) {
    const bool empty_text = setting.text != nullptr && setting.default_value.empty();
    if (empty_text) continue;
    if (const absl::Status status = ApplySetting(setting, setting.default_value, *this); !status.ok()) {
      std::fprintf(stderr, "the settings table is wrong: %s\n", status.ToString().c_str());
      std::abort();
    }
  }
}

const Setting* FindSetting(std::string_view name) {
  for (const Setting& setting : Settings()) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

absl::Status ApplySetting(const Setting& setting, std::string_view value, ServerConfig& config) {
  if (setting.number != nullptr) {
    const absl::StatusOr<int64_t> n = ParseNumber(setting, value);
    if (!n.ok()) return Refuse(setting, n.status().message());
    if (*n < setting.min || *n > setting.max) {
      return Refuse(setting,
                    absl::StrCat("'", Absl(value), "' is too ", *n < setting.min ? "small" : "large"));
    }
    config.*setting.number = *n;
    return absl::OkStatus();
  }
  if (setting.type == Setting::Type::kAddress) {
    if (const auto address = base::ParseAddress(value); !address.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(Absl(setting.name), ": ", address.status().message()));
    }
  }
  if (setting.type == Setting::Type::kChoice) {
    const std::vector<std::string> choices = Choices(setting);
    bool known = false;
    for (const std::string& choice : choices) known = known || choice == value;
    if (!known) {
      const std::string nearest = base::Nearest(value, choices);
      const std::string hint = nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?");
      return Refuse(setting, absl::StrCat("'", Absl(value), "' is not known", hint));
    }
  }
  for (std::string_view rest = value; !rest.empty();) {
    const base::Utf8Char c = base::DecodeUtf8(rest);
    if (c.bytes == 0 || base::IsControl(c.code))
      return Refuse(setting, "the value holds a control character or is not UTF-8");
    rest.remove_prefix(c.bytes);
  }
  if (value.empty()) return Refuse(setting, "the value is empty");
  config.*setting.text = std::string(value);
  return absl::OkStatus();
}

std::string SettingValue(const Setting& setting, const ServerConfig& config) {
  if (setting.number != nullptr) return FormatNumber(setting, config.*setting.number);
  return config.*setting.text;
}

std::string AllowedValues(const Setting& setting) {
  switch (setting.type) {
    case Setting::Type::kText:
      return "a path";
    case Setting::Type::kAddress:
      return "HOST:PORT";
    case Setting::Type::kChoice:
      return absl::StrJoin(Choices(setting), ", ");
    default:
      return absl::StrCat(FormatNumber(setting, setting.min), " to ", FormatNumber(setting, setting.max));
  }
}

std::string UnknownSetting(std::string_view name) {
  std::vector<std::string> known;
  for (const Setting& setting : Settings()) known.emplace_back(setting.name);
  const std::string nearest = base::Nearest(name, known);
  const std::string hint =
      nearest.empty() ? "; perdured --help lists them all" : absl::StrCat("; did you mean ", nearest, "?");
  return absl::StrCat("no setting is called '", Absl(name), "'", hint);
}

absl::Status CheckConfig(const ServerConfig& config) {
  struct Order {
    int64_t ServerConfig::* smaller;
    int64_t ServerConfig::* larger;
    absl::string_view why;
  };
  static constexpr Order kOrders[] = {
      {&ServerConfig::payload_bytes_max, &ServerConfig::frame_bytes_max, "a payload has to fit into a frame"},
      {&ServerConfig::payload_bytes_max, &ServerConfig::history_bytes_max,
       "a payload has to fit into a history"},
      {&ServerConfig::activation_bytes_max, &ServerConfig::frame_bytes_max,
       "an activation has to fit into a frame"},
      {&ServerConfig::frame_bytes_max, &ServerConfig::grpc_memory_bytes_max,
       "a frame has to fit into what is kept for all of them"},
      {&ServerConfig::activation_retry_initial_ms, &ServerConfig::activation_retry_max_ms,
       "waits grow from one to the other"},
  };
  const auto name_of = [](int64_t ServerConfig::* member) -> const Setting& {
    for (const Setting& setting : Settings()) {
      if (setting.number == member) return setting;
    }
    std::abort();
  };
  for (const Order& order : kOrders) {
    if (config.*order.smaller <= config.*order.larger) continue;
    const Setting& smaller = name_of(order.smaller);
    const Setting& larger = name_of(order.larger);
    return absl::InvalidArgumentError(absl::StrCat(Absl(smaller.name), " (", SettingValue(smaller, config),
                                                   ") is larger than ", Absl(larger.name), " (",
                                                   SettingValue(larger, config), "): ", order.why));
  }
  return absl::OkStatus();
}

}  // namespace perdure::ops
