// The settings table, and YAML files read against it.
#include "server/ops/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "server/ops/wrap.h"

namespace perdure::ops {
namespace {

using testing::HasSubstr;

// The message of applying `yaml`, or "" if it was taken.
std::string Refusal(const std::string& yaml) {
  ServerConfig config;
  return std::string(ApplyYaml(yaml, "p.yaml", config).message());
}

TEST(SettingsTest, DefaultsAreTheTables) {
  const ServerConfig config;
  EXPECT_EQ(config.listen, "127.0.0.1:7480");
  EXPECT_EQ(config.http_listen, "127.0.0.1:7481");
  EXPECT_EQ(config.memory_budget_bytes, int64_t{256} << 20);
  EXPECT_EQ(config.retention_default_ms, int64_t{7} * 24 * 3600 * 1000);
  EXPECT_EQ(config.data_dir, "");
  EXPECT_TRUE(CheckConfig(config).ok());
}

TEST(SettingsTest, EachRowIsWhole) {
  std::set<std::string_view> names;
  for (const Setting& setting : Settings()) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name << " is there twice";
    EXPECT_NE(setting.text == nullptr, setting.number == nullptr) << setting.name;
    EXPECT_FALSE(setting.help.empty()) << setting.name;
    EXPECT_FALSE(setting.group.empty()) << setting.name;
    const bool duration = setting.type == Setting::Type::kDuration;
    EXPECT_EQ(duration, setting.name.find("_ms") != std::string_view::npos) << setting.name;
    const bool bytes = setting.type == Setting::Type::kBytes;
    EXPECT_EQ(bytes, setting.name.find("_bytes") != std::string_view::npos) << setting.name;
  }
}

TEST(SettingsTest, EachRowHasItsOwnMember) {
  for (const Setting& one : Settings()) {
    for (const Setting& other : Settings()) {
      if (&one == &other) continue;
      EXPECT_FALSE(one.number != nullptr && one.number == other.number) << one.name << " and " << other.name;
      EXPECT_FALSE(one.text != nullptr && one.text == other.text) << one.name << " and " << other.name;
    }
  }
  // Every member is in the table: the struct is made of nothing else.
  size_t numbers = 0;
  for (const Setting& setting : Settings()) numbers += setting.number != nullptr ? 1 : 0;
  const size_t texts = Settings().size() - numbers;
  EXPECT_EQ(sizeof(ServerConfig), numbers * sizeof(int64_t) + texts * sizeof(std::string));
}

TEST(SettingsTest, BoundsAreInclusive) {
  ServerConfig config;
  for (const Setting& setting : Settings()) {
    if (setting.number == nullptr) continue;
    config.*setting.number = setting.max;
    const std::string max = SettingValue(setting, config);
    EXPECT_TRUE(ApplySetting(setting, max, config).ok()) << setting.name << " " << max;
    EXPECT_FALSE(ApplySetting(setting, std::to_string(setting.max + 1), config).ok()) << setting.name;
    if (setting.min > 0) {
      EXPECT_FALSE(ApplySetting(setting, std::to_string(setting.min - 1), config).ok()) << setting.name;
    }
    EXPECT_TRUE(ApplySetting(setting, std::to_string(setting.min), config).ok()) << setting.name;
  }
}

TEST(YamlTest, TakesUnitsAndComments) {
  ServerConfig config;
  const absl::Status status = ApplyYaml(
      "# ours\n"
      "data_dir: /var/lib/perdure\n"
      "memory_budget_bytes: 1GiB   # roomy\n"
      "reconnect_grace_ms: 2500ms\n"
      "retention_default_ms: 30d\n"
      "log_format: json\n"
      "partitions: 8\n",
      "p.yaml", config);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(config.data_dir, "/var/lib/perdure");
  EXPECT_EQ(config.memory_budget_bytes, int64_t{1} << 30);
  EXPECT_EQ(config.reconnect_grace_ms, 2500);
  EXPECT_EQ(config.retention_default_ms, int64_t{30} * 86'400'000);
  EXPECT_EQ(config.log_format, "json");
  EXPECT_EQ(config.partitions, 8);
}

TEST(YamlTest, EmptyFilesChangeNothing) {
  EXPECT_EQ(Refusal(""), "");
  EXPECT_EQ(Refusal("# only a comment\n"), "");
}

TEST(YamlTest, RefusalsNameFileLineKeyValueAndRange) {
  EXPECT_EQ(Refusal("listen: 127.0.0.1:1\nmemory_budget_bytes: 10KiB\n"),
            "p.yaml:2: memory_budget_bytes: '10KiB' is too small (allowed: 16MiB to 1TiB)");
  EXPECT_EQ(Refusal("partitions: many\n"),
            "p.yaml:1: partitions: 'many' is not a whole number (allowed: 1 to 256)");
  EXPECT_EQ(Refusal("\nlog_format: jsn\n"),
            "p.yaml:2: log_format: 'jsn' is not known; did you mean json? (allowed: text, json)");
  EXPECT_EQ(
      Refusal("memory_budget: 5\n"),
      "p.yaml:1: no setting is called 'memory_budget'; did you mean memory_budget_bytes? (its value: '5')");
  EXPECT_THAT(Refusal("zzzzz: 5\n"), HasSubstr("perdured --help lists them all"));
  EXPECT_THAT(Refusal("listen: nowhere\n"), HasSubstr("p.yaml:1: listen: 'nowhere' is not an address"));
  EXPECT_THAT(Refusal("reconnect_grace_ms: soon\n"), HasSubstr("write 500ms, 30s"));
}

TEST(YamlTest, RefusesOtherShapes) {
  EXPECT_THAT(Refusal("partitions: [1, 2]\n"), HasSubstr("p.yaml:1: partitions: the value is a list"));
  EXPECT_THAT(Refusal("a: 1\nlisten:\n  port: 1\n"), HasSubstr("p.yaml:1: no setting is called 'a'"));
  EXPECT_THAT(Refusal("listen:\n  port: 1\n"), HasSubstr("listen: the value is a map"));
  EXPECT_THAT(Refusal("listen:\n"), HasSubstr("listen: the value is empty"));
  EXPECT_THAT(Refusal("data_dir: ''\n"), HasSubstr("the value is empty"));
  EXPECT_THAT(Refusal("partitions: 1\npartitions: 2\n"),
              HasSubstr("p.yaml:2: partitions was set before, in line 1"));
  EXPECT_THAT(Refusal("- partitions\n"), HasSubstr("'setting: value'"));
  EXPECT_THAT(Refusal("listen: [\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(Refusal("a: 1\n---\nb: 2\n"), HasSubstr("more than one YAML document"));
  EXPECT_THAT(Refusal("? [a]\n: 1\n"), HasSubstr("a key must be the name of a setting"));
  EXPECT_THAT(Refusal("data_dir: \"a\\x01b\"\n"), HasSubstr("control character"));
}

TEST(YamlTest, ARefusedFileChangesNothing) {
  ServerConfig config;
  EXPECT_FALSE(ApplyYaml("partitions: 9\nlisten: bad\n", "p.yaml", config).ok());
  EXPECT_EQ(config.partitions, 2);
}

TEST(YamlTest, AMissingFileIsNamed) {
  ServerConfig config;
  const absl::Status status = ApplyYamlFile("/nonexistent/p.yaml", config);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(),
            "cannot read the configuration file /nonexistent/p.yaml: No such file or directory");
}

TEST(YamlTest, ReadsBackWhatItWrites) {
  ServerConfig config;
  for (const Setting& setting : Settings()) {
    if (setting.number != nullptr) config.*setting.number = setting.max - 1;
  }
  config.data_dir = "/a dir/with: odd #text";
  ServerConfig read;
  const absl::Status status = ApplyYaml(ConfigToYaml(config), "p.yaml", read);
  ASSERT_TRUE(status.ok()) << status;
  for (const Setting& setting : Settings()) {
    EXPECT_EQ(SettingValue(setting, read), SettingValue(setting, config)) << setting.name;
  }
}

TEST(CheckConfigTest, FindsContradictions) {
  ServerConfig config;
  config.payload_bytes_max = config.frame_bytes_max + 1;
  EXPECT_THAT(std::string(CheckConfig(config).message()),
              HasSubstr("payload_bytes_max (67108865B) is larger than frame_bytes_max (64MiB)"));
  config = ServerConfig();
  config.grpc_memory_bytes_max = config.frame_bytes_max - 1;
  EXPECT_THAT(std::string(CheckConfig(config).message()),
              HasSubstr("frame_bytes_max (64MiB) is larger than grpc_memory_bytes_max"));
}

TEST(ExampleFileTest, IsWhatTheTableSays) {
  const std::string path = PERDURE_SOURCE_DIR "/deploy/perdured.example.yaml";
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  EXPECT_EQ(text, ExampleYaml()) << "update it: build/release/bin/perdured --print-example > " << path;
  ServerConfig config;
  EXPECT_TRUE(ApplyYamlFile(path, config).ok());
}

TEST(WrapTest, BreaksAtSpaces) {
  EXPECT_EQ(WrapText("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(WrapText("alongword b", 4), (std::vector<std::string>{"alongword", "b"}));
  EXPECT_TRUE(WrapText("", 10).empty());
}

}  // namespace
}  // namespace perdure::ops
