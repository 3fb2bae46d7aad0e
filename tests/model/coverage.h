// Coverage: what the random runs came across. A model test that never sees a task time out proves nothing
// about timeouts; the tests demand that all that matters was seen.
#ifndef PERDURE_TESTS_MODEL_COVERAGE_H_
#define PERDURE_TESTS_MODEL_COVERAGE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace perdure::model {

class Coverage {
 public:
  void Saw(std::string_view what, int64_t times = 1) {
    auto it = counts_.find(what);
    if (it == counts_.end()) it = counts_.emplace(std::string(what), 0).first;
    it->second += times;
  }
  int64_t Count(std::string_view what) const {
    auto it = counts_.find(what);
    return it == counts_.end() ? 0 : it->second;
  }
  const std::map<std::string, int64_t, std::less<>>& counts() const { return counts_; }

 private:
  std::map<std::string, int64_t, std::less<>> counts_;
};

}  // namespace perdure::model

#endif  // PERDURE_TESTS_MODEL_COVERAGE_H_
