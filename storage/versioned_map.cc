// A history of writes for each key; what is out of date is found through a queue, not by looking at every
// key.
#include "storage/versioned_map.h"

#include <algorithm>

namespace perdure::storage {

const std::optional<std::string>* VersionedMap::At(const History& history, uint64_t version) {
  for (auto it = history.rbegin(); it != history.rend(); ++it) {
    if (it->version <= version) return &it->value;
  }
  return nullptr;
}

size_t VersionedMap::LiveBytes(Map::const_iterator it) const {
  const std::optional<std::string>& value = it->second.back().value;
  return value ? it->first.size() + value->size() : 0;
}

void VersionedMap::Add(Map::iterator it, std::optional<std::string> value, uint64_t version) {
  History& history = it->second;
  if (!history.empty()) live_bytes_ -= LiveBytes(it);
  if (!history.empty() && history.back().version == version) {
    history.back().value = std::move(value);
  } else {
    history.push_back({version, std::move(value)});
    ++remembered_;
  }
  live_bytes_ += LiveBytes(it);
  if (history.size() > 1 || !history.back().value) stale_.emplace_back(version, it->first);
}

void VersionedMap::Put(std::string_view key, std::string_view value, uint64_t version) {
  auto it = map_.lower_bound(key);
  if (it == map_.end() || it->first != key) it = map_.emplace_hint(it, key, History());
  Add(it, std::string(value), version);
}

void VersionedMap::Delete(std::string_view key, uint64_t version) {
  const auto it = map_.find(key);
  if (it != map_.end() && it->second.back().value) Add(it, std::nullopt, version);
}

void VersionedMap::DeleteRange(std::string_view begin, std::string_view end, uint64_t version) {
  for (auto it = map_.lower_bound(begin); it != map_.end() && it->first < end; ++it) {
    if (it->second.back().value) Add(it, std::nullopt, version);
  }
}

std::optional<std::string> VersionedMap::Get(std::string_view key, uint64_t version) const {
  const auto it = map_.find(key);
  if (it == map_.end()) return std::nullopt;
  const std::optional<std::string>* value = At(it->second, version);
  return value == nullptr ? std::nullopt : *value;
}

std::vector<VersionedMap::Row> VersionedMap::First(std::string_view begin, std::string_view end,
                                                   uint64_t version, size_t rows_max) const {
  std::vector<Row> rows;
  for (auto it = map_.lower_bound(begin); it != map_.end() && it->first < end; ++it) {
    if (rows.size() == rows_max) break;
    const std::optional<std::string>* value = At(it->second, version);
    if (value != nullptr && *value) rows.emplace_back(it->first, **value);
  }
  return rows;
}

std::vector<VersionedMap::Row> VersionedMap::Last(std::string_view begin, std::string_view end,
                                                  uint64_t version, size_t rows_max) const {
  std::vector<Row> rows;
  for (auto it = map_.lower_bound(end); it != map_.begin() && rows.size() < rows_max;) {
    --it;
    if (it->first < begin) break;
    const std::optional<std::string>* value = At(it->second, version);
    if (value != nullptr && *value) rows.emplace_back(it->first, **value);
  }
  return rows;
}

void VersionedMap::Forget(uint64_t oldest) {
  for (; !stale_.empty() && stale_.front().first <= oldest; stale_.pop_front()) {
    const auto it = map_.find(stale_.front().second);
    if (it == map_.end()) continue;
    History& history = it->second;
    // The newest write at or below `oldest` is the first that anybody can still see.
    size_t keep = 0;
    while (keep + 1 < history.size() && history[keep + 1].version <= oldest) ++keep;
    history.erase(history.begin(), history.begin() + static_cast<ptrdiff_t>(keep));
    remembered_ -= keep;
    if (history.size() == 1 && !history.front().value && history.front().version <= oldest) {
      map_.erase(it);
      --remembered_;
    }
  }
}

void VersionedMap::RollBack(uint64_t version) {
  for (auto it = map_.begin(); it != map_.end();) {
    History& history = it->second;
    live_bytes_ -= LiveBytes(it);
    while (!history.empty() && history.back().version > version) {
      history.pop_back();
      --remembered_;
    }
    if (history.empty()) {
      it = map_.erase(it);
      continue;
    }
    live_bytes_ += LiveBytes(it);
    ++it;
  }
}

}  // namespace perdure::storage
