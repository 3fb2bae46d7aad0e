// A parked run: open, and the dirty journal does not name it. Its rows alone must lead back to it.
#ifndef PERDURE_SERVER_VERIFY_PARKED_H_
#define PERDURE_SERVER_VERIFY_PARKED_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "server/engine/state.h"
#include "server/verify/mentions.h"

namespace perdure::verify {

struct Stranded {
  std::string what;
  std::string expected;
  std::string found;
};

// What nothing on disk would ever go on with. `state` is folded, notes included, and is revived here.
// `timer_row_ms`: its timer row, 0: none. `ready`: the run's ready rows.
std::vector<Stranded> FindStranded(engine::RunState& state, int64_t timer_row_ms,
                                   std::span<const Mention> ready);

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_PARKED_H_
