// Work tokens as map keys.
#ifndef PERDURE_WORKER_SDK_SRC_SESSION_TOKEN_H_
#define PERDURE_WORKER_SDK_SRC_SESSION_TOKEN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>

#include "perdure/v1/worker_service.pb.h"

namespace perdure::session {

// All fields of a token: equal keys mean the same delivery.
using TokenKey = std::tuple<std::uint32_t, std::uint64_t, std::int64_t, std::int32_t, std::uint64_t>;

inline TokenKey KeyOf(const v1::WorkToken& token) {
  return {token.partition(), token.run(), token.seq(), token.attempt(), token.delivery()};
}

struct TokenHash {
  std::size_t operator()(const TokenKey& key) const {
    // The delivery alone is all but unique.
    return std::hash<std::uint64_t>()(std::get<4>(key) * 0x9e3779b97f4a7c15u ^ std::get<1>(key) ^
                                      static_cast<std::uint64_t>(std::get<2>(key)));
  }
};

}  // namespace perdure::session

#endif  // PERDURE_WORKER_SDK_SRC_SESSION_TOKEN_H_
