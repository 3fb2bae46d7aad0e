// The hosted workflows and tasks, by name.
#include "perdure/registry.h"

#include "perdure/errors.h"

namespace perdure {
namespace {

template <class Map, class Function>
void AddOnce(Map& map, const char* kind, std::string_view name, Function function) {
  if (!map.emplace(std::string(name), std::move(function)).second) {
    throw UsageError(std::string(kind) + " '" + std::string(name) + "' is hosted twice by this worker");
  }
}

template <class Map>
auto FindIn(const Map& map, std::string_view name) -> const typename Map::mapped_type* {
  const auto entry = map.find(name);
  return entry == map.end() ? nullptr : &entry->second;
}

template <class Map>
std::vector<std::string> NamesOf(const Map& map) {
  std::vector<std::string> names;
  for (const auto& entry : map) names.push_back(entry.first);
  return names;
}

}  // namespace

void Registry::AddWorkflow(std::string_view name, detail::WorkflowFunction function) {
  AddOnce(workflows_, "workflow", name, std::move(function));
}

void Registry::AddTask(std::string_view name, detail::TaskFunction function) {
  AddOnce(tasks_, "task", name, std::move(function));
}

const detail::WorkflowFunction* Registry::FindWorkflow(std::string_view name) const {
  return FindIn(workflows_, name);
}

const detail::TaskFunction* Registry::FindTask(std::string_view name) const { return FindIn(tasks_, name); }

std::vector<std::string> Registry::WorkflowTypes() const { return NamesOf(workflows_); }
std::vector<std::string> Registry::TaskTypes() const { return NamesOf(tasks_); }

}  // namespace perdure
