// Settings from and to YAML.
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"
#include "server/ops/config.h"
#include "server/ops/wrap.h"

namespace perdure::ops {
namespace {

constexpr size_t kConfigFileBytesMax = 1 << 20;

absl::string_view Absl(std::string_view s) { return {s.data(), s.size()}; }

absl::Status At(const std::string& file, const YAML::Mark& mark, absl::string_view message) {
  const std::string where = mark.is_null() ? file : absl::StrCat(file, ":", mark.line + 1);
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", message));
}

// "a list", "a map": for values that should have been scalars.
absl::string_view KindOf(const YAML::Node& node) {
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a map";
  return "empty";
}

absl::Status ApplyNode(const YAML::Node& key, const YAML::Node& value, const std::string& file,
                       ServerConfig& config, std::map<std::string, int>& seen) {
  if (!key.IsScalar()) return At(file, key.Mark(), "a key must be the name of a setting");
  const std::string& name = key.Scalar();
  const Setting* setting = FindSetting(name);
  if (setting == nullptr) {
    const std::string shown = value.IsScalar() ? absl::StrCat(" (its value: '", value.Scalar(), "')") : "";
    return At(file, key.Mark(), absl::StrCat(UnknownSetting(name), shown));
  }
  const auto [first, is_new] = seen.emplace(name, key.Mark().line + 1);
  if (!is_new) return At(file, key.Mark(), absl::StrCat(name, " was set before, in line ", first->second));
  if (!value.IsScalar()) {
    return At(file, key.Mark(),
              absl::StrCat(name, ": the value is ", KindOf(value),
                           "; write one value (allowed: ", AllowedValues(*setting), ")"));
  }
  const absl::Status status = ApplySetting(*setting, value.Scalar(), config);
  return status.ok() ? status : At(file, value.Mark(), status.message());
}

absl::Status ApplyDocument(const std::string& text, const std::string& name, ServerConfig& config) {
  const std::vector<YAML::Node> documents = YAML::LoadAll(text);
  if (documents.size() > 1)
    return absl::InvalidArgumentError(absl::StrCat(name, ": more than one YAML document"));
  if (documents.empty() || documents[0].IsNull()) return absl::OkStatus();
  const YAML::Node& root = documents[0];
  if (!root.IsMap()) return At(name, root.Mark(), "the file must hold lines of the form 'setting: value'");
  std::map<std::string, int> seen;
  for (const auto& entry : root) RETURN_IF_ERROR(ApplyNode(entry.first, entry.second, name, config, seen));
  return absl::OkStatus();
}

std::string SettingsToYaml(const ServerConfig& config, bool comment_out) {
  std::string out;
  std::string_view group;
  for (const Setting& setting : Settings()) {
    if (setting.group != group) {
      group = setting.group;
      absl::StrAppend(&out, out.empty() ? "" : "\n", "# ---- ", Absl(group), " ----\n");
    }
    absl::StrAppend(&out, "\n");
    for (const std::string& line : WrapText(setting.help, 98)) absl::StrAppend(&out, "# ", line, "\n");
    absl::StrAppend(&out, "# Allowed: ", AllowedValues(setting), ".\n");
    const std::string value = SettingValue(setting, config);
    const bool as_comment = comment_out || value.empty();
    YAML::Emitter emitter;
    if (setting.type == Setting::Type::kText || setting.type == Setting::Type::kAddress)
      emitter << YAML::DoubleQuoted;
    emitter << value;
    absl::StrAppend(&out, as_comment ? "#" : "", Absl(setting.name), ": ", emitter.c_str(), "\n");
  }
  return out;
}

}  // namespace

absl::Status ApplyYaml(const std::string& text, const std::string& name, ServerConfig& config) {
  ServerConfig changed = config;
  try {
    RETURN_IF_ERROR(ApplyDocument(text, name, changed));
  } catch (const YAML::Exception& e) {  // yaml-cpp reports bad syntax by throwing
    return At(name, e.mark, absl::StrCat("not valid YAML: ", e.msg));
  }
  config = changed;
  return absl::OkStatus();
}

absl::Status ApplyYamlFile(const std::string& path, ServerConfig& config) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kConfigFileBytesMax + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) {
    return absl::NotFoundError(
        absl::StrCat("cannot read the configuration file ", path, ": ", std::strerror(errno)));
  }
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kConfigFileBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": larger than 1MiB; is this a configuration file?"));
  }
  return ApplyYaml(text, path, config);
}

std::string ConfigToYaml(const ServerConfig& config) { return SettingsToYaml(config, false); }

std::string ExampleYaml() {
  return "# Settings of perdured: perdured --config THIS_FILE. Made by perdured --print-example.\n"
         "# Uncomment what should differ from the default. Sizes take KiB, MiB, GiB; durations ms, s, m, h, "
         "d.\n"
         "# Flags win over this file.\n\n" +
         SettingsToYaml(ServerConfig(), true);
}

}  // namespace perdure::ops
