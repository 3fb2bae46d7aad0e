// VersionedMap: an ordered map that remembers what it was at earlier versions, for as long as somebody may
// still ask. It is what snapshots of the in-memory store are made of: a snapshot is a number, and writing
// never copies the map.
#ifndef PERDURE_STORAGE_VERSIONED_MAP_H_
#define PERDURE_STORAGE_VERSIONED_MAP_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perdure::storage {

// Not thread-safe. Versions are numbers that never go down; several writes may carry the same one.
class VersionedMap {
 public:
  using Row = std::pair<std::string, std::string>;

  void Put(std::string_view key, std::string_view value, uint64_t version);
  void Delete(std::string_view key, uint64_t version);
  // Deletes the keys of [begin, end). Costs what the range holds.
  void DeleteRange(std::string_view begin, std::string_view end, uint64_t version);

  // What the key held at `version`.
  std::optional<std::string> Get(std::string_view key, uint64_t version) const;
  // The first, and the last, rows of [begin, end) at `version`: at most rows_max of them, in reading order.
  std::vector<Row> First(std::string_view begin, std::string_view end, uint64_t version,
                         size_t rows_max) const;
  std::vector<Row> Last(std::string_view begin, std::string_view end, uint64_t version,
                        size_t rows_max) const;

  // From now on nobody asks for a version below `oldest`.
  void Forget(uint64_t oldest);
  // Undoes every write above `version`. Costs the whole map.
  void RollBack(uint64_t version);

  // Keys and values of the newest version.
  size_t live_bytes() const { return live_bytes_; }
  // Of every version that is remembered; tests hold it against what they expect.
  size_t remembered() const { return remembered_; }

 private:
  struct Write {
    uint64_t version;
    std::optional<std::string> value;  // nullopt: deleted
  };
  using History = std::vector<Write>;  // oldest first, never empty
  using Map = std::map<std::string, History, std::less<>>;

  static const std::optional<std::string>* At(const History& history, uint64_t version);
  void Add(Map::iterator it, std::optional<std::string> value, uint64_t version);
  size_t LiveBytes(Map::const_iterator it) const;

  Map map_;
  // Keys that hold something nobody will ask for once `version` is the oldest in use.
  std::deque<std::pair<uint64_t, std::string>> stale_;
  size_t live_bytes_ = 0;
  size_t remembered_ = 0;
};

}  // namespace perdure::storage

#endif  // PERDURE_STORAGE_VERSIONED_MAP_H_
