// The rooms of the architecture page, as data, and a check of every #include line against them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace perdure {
namespace {

namespace fs = std::filesystem;

struct Room {
  // A file belongs to the room with the longest folder it lies in.
  std::string_view folder;
  // What it may include besides itself and the standard library: folders of this repository, and libraries by
  // the first part of their headers' path.
  std::vector<std::string_view> may_include;
  // Standard headers it may not.
  std::vector<std::string_view> may_not_include = {};
};

// "proto" stands for generated messages, "grpc-stubs" for generated services, "sdk" for the SDK's public
// headers.
const std::vector<Room>& Rooms() {
  // Nothing outside its own room reads a clock, a thread or a disk; the engine touches none at all.
  static const std::vector<std::string_view> kImpure = {"thread",       "mutex",    "condition_variable",
                                                        "shared_mutex", "future",   "atomic",
                                                        "chrono",       "random",   "ctime",
                                                        "iostream",     "fstream",  "filesystem",
                                                        "cstdio",       "unistd.h", "fcntl.h",
                                                        "sys",          "csignal",  "signal.h",
                                                        "pthread.h"};
  static const auto* const rooms = new std::vector<Room>{
      {"storage", {"absl", "rocksdb"}},
      {"server/base", {"absl", "proto"}},
      {"server/engine", {"server/base", "proto", "absl"}, kImpure},
      {"server/partition", {"server/base", "server/engine", "storage", "proto", "google", "absl"}},
      {"server/verify",
       {"server/base", "server/engine", "server/partition", "storage", "proto", "google", "absl"}},
      {"server/dispatch", {"server/base", "proto", "google", "absl"}},
      {"server/api",
       {"server/base", "server/partition", "server/engine", "server/dispatch", "proto", "grpc-stubs",
        "grpcpp", "google", "absl"}},
      {"server/ops", {"server/base", "absl", "spdlog", "prometheus", "httplib.h", "yaml-cpp"}},
      {"worker-sdk/include/perdure", {"sdk", "nlohmann"}},
      {"worker-sdk/src", {"sdk", "proto", "grpc-stubs", "grpcpp", "grpc", "google", "nlohmann"}},
      {"worker-sdk/examples", {"sdk", "CLI", "nlohmann"}},
      {"cmd/perdured",
       {"server/base", "server/ops", "server/api", "server/partition", "server/engine", "server/dispatch",
        "storage", "proto", "grpc-stubs", "grpcpp", "absl"}},
      {"cmd/perdure",
       {"server/base", "server/verify", "storage", "proto", "grpc-stubs", "grpcpp", "google", "absl", "CLI",
        "nlohmann"}},
  };
  return *rooms;
}

// Headers that cost seconds wherever they are seen: only .cc files include them, except these headers.
constexpr std::string_view kHeavy[] = {"grpcpp", "rocksdb", "nlohmann", "httplib.h",
                                       "CLI",    "spdlog",  "yaml-cpp"};
constexpr std::string_view kHeavyAllowed[] = {
    "server/api/",                                 // reactions derive from gRPC's classes
    "worker-sdk/include/perdure/nlohmann_json.h",  // what it is for
    "worker-sdk/include/perdure/json.h",
    "worker-sdk/src/",
    "storage/rocks_",
};

const Room* RoomOf(std::string_view path) {
  const Room* best = nullptr;
  for (const Room& room : Rooms()) {
    const bool inside = path.starts_with(room.folder) && path.substr(room.folder.size()).starts_with("/");
    if (inside && (best == nullptr || room.folder.size() > best->folder.size())) best = &room;
  }
  return best;
}

// The name under which the table lists what `include` ("perdure/v1/common.pb.h") leads to.
std::string TargetOf(std::string_view include) {
  if (const Room* room = RoomOf(include); room != nullptr) return std::string(room->folder);
  const bool generated = include.starts_with("perdure/") && include.ends_with(".pb.h");
  if (generated) return include.ends_with(".grpc.pb.h") ? "grpc-stubs" : "proto";
  if (include.starts_with("perdure/")) return "sdk";
  return std::string(include.substr(0, include.find('/')));
}

bool IsStandard(std::string_view target) {
  static const auto* const libraries = new std::set<std::string_view>{
      "absl",    "proto",  "grpc-stubs", "sdk",       "grpcpp",   "grpc", "google", "nlohmann",
      "rocksdb", "spdlog", "prometheus", "httplib.h", "yaml-cpp", "CLI",  "gtest",  "gmock"};
  return RoomOf(std::string(target) + "/x") == nullptr && !libraries->contains(target);
}

template <typename List>
bool Contains(const List& list, std::string_view what) {
  return std::find(std::begin(list), std::end(list), what) != std::end(list);
}

// What is wrong with `file` including `include`; "" if nothing is.
std::string Objection(std::string_view file, std::string_view include, bool quoted) {
  const Room* room = RoomOf(file);
  if (room == nullptr) return "";
  if (quoted && include.find('/') == std::string_view::npos) return "";  // a file beside it
  const std::string target = TargetOf(include);
  const std::string here(room->folder);
  if (target == here || (target == "sdk" && here == "worker-sdk/include/perdure")) return "";
  if (include.starts_with("tests/")) return "only tests may include tests";
  if (IsStandard(target)) {
    return Contains(room->may_not_include, target) ? here + " may not use <" + std::string(include) + ">"
                                                   : "";
  }
  if (!Contains(room->may_include, target)) return here + " may not include " + target;
  bool excused = file.ends_with(".cc");
  for (const std::string_view allowed : kHeavyAllowed) excused = excused || file.starts_with(allowed);
  if (Contains(kHeavy, target) && !excused)
    return "headers may not include " + target + "; only .cc files may";
  return "";
}

// The header that an #include line names, or "".
std::string IncludeOf(const std::string& line, bool& quoted) {
  if (!line.starts_with("#include ")) return "";
  const size_t open = line.find_first_of("\"<");
  if (open == std::string::npos) return "";
  quoted = line[open] == '"';
  const size_t close = line.find(quoted ? '"' : '>', open + 1);
  return close == std::string::npos ? "" : line.substr(open + 1, close - open - 1);
}

TEST(LayeringTest, TheCheckKnowsRightFromWrong) {
  EXPECT_EQ(Objection("server/engine/task.cc", "server/engine/state.h", true), "");
  EXPECT_EQ(Objection("server/engine/task.cc", "perdure/v1/history.pb.h", true), "");
  EXPECT_EQ(Objection("server/engine/task.cc", "vector", false), "");
  EXPECT_EQ(Objection("server/engine/task.cc", "thread", false), "server/engine may not use <thread>");
  EXPECT_EQ(Objection("server/engine/task.cc", "sys/stat.h", false),
            "server/engine may not use <sys/stat.h>");
  EXPECT_EQ(Objection("server/engine/task.cc", "storage/store.h", true),
            "server/engine may not include storage");
  EXPECT_EQ(Objection("server/engine/task.cc", "grpcpp/grpcpp.h", false),
            "server/engine may not include grpcpp");
  EXPECT_EQ(Objection("storage/key.cc", "server/base/log.h", true), "storage may not include server/base");
  EXPECT_EQ(Objection("server/dispatch/queue.cc", "perdure/v1/worker_service.grpc.pb.h", true),
            "server/dispatch may not include grpc-stubs");
  EXPECT_EQ(Objection("server/dispatch/queue.cc", "server/partition/partition.h", true),
            "server/dispatch may not include server/partition");
  EXPECT_EQ(Objection("worker-sdk/include/perdure/co.h", "perdure/errors.h", true), "");
  EXPECT_EQ(Objection("worker-sdk/include/perdure/co.h", "worker-sdk/src/runtime/run.h", true),
            "worker-sdk/include/perdure may not include worker-sdk/src");
  EXPECT_EQ(Objection("worker-sdk/examples/a/b.cc", "worker-sdk/src/runtime/run.h", true),
            "worker-sdk/examples may not include worker-sdk/src");
  EXPECT_EQ(Objection("worker-sdk/src/runtime/run.cc", "server/base/log.h", true),
            "worker-sdk/src may not include server/base");
  EXPECT_EQ(Objection("server/ops/config.h", "yaml-cpp/yaml.h", false),
            "headers may not include yaml-cpp; only .cc files may");
  EXPECT_EQ(Objection("server/ops/config.cc", "yaml-cpp/yaml.h", false), "");
  EXPECT_EQ(Objection("server/api/x.cc", "tests/unit/x.h", true), "only tests may include tests");
  EXPECT_EQ(Objection("cmd/perdured/main.cc", "cmd/perdure/app.h", true),
            "cmd/perdured may not include cmd/perdure");
}

TEST(LayeringTest, EveryIncludeIsAllowed) {
  const fs::path root = PERDURE_SOURCE_DIR;
  int files = 0;
  for (const char* folder : {"storage", "server", "worker-sdk", "cmd"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cc") continue;
      const std::string file = fs::relative(entry.path(), root);
      EXPECT_NE(RoomOf(file), nullptr) << file << " lies in no room of the table";
      std::ifstream in(entry.path());
      ++files;
      int number = 0;
      for (std::string line; std::getline(in, line);) {
        ++number;
        bool quoted = false;
        const std::string include = IncludeOf(line, quoted);
        if (include.empty()) continue;
        const std::string objection = Objection(file, include, quoted);
        EXPECT_EQ(objection, "") << file << ":" << number << ": " << line;
      }
    }
  }
  EXPECT_GT(files, 100) << "the sources were not found";
}

TEST(LayeringTest, EveryHeaderHasItsGuard) {
  const fs::path root = PERDURE_SOURCE_DIR;
  for (const char* folder : {"storage", "server", "worker-sdk", "cmd", "tests"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() != ".h") continue;
      const std::string file = fs::relative(entry.path(), root);
      std::string guard = "perdure/" + file;
      for (char& c : guard)
        c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? std::toupper(static_cast<unsigned char>(c))
                                                             : '_';
      std::ifstream in(entry.path());
      const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
      EXPECT_NE(text.find("#ifndef " + guard + "_\n#define " + guard + "_\n"), std::string::npos)
          << file << " should be guarded by " << guard << "_";
      EXPECT_TRUE(text.starts_with("// ")) << file << " should begin by saying what it is for";
    }
  }
}

}  // namespace
}  // namespace perdure
