// RETURN_IF_ERROR and ASSIGN_OR_RETURN for absl::Status (absl 20220623 ships none).
#ifndef PERDURE_SERVER_BASE_STATUS_MACROS_H_
#define PERDURE_SERVER_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define PERDURE_CONCAT_INNER_(a, b) a##b
#define PERDURE_CONCAT_(a, b) PERDURE_CONCAT_INNER_(a, b)

#define RETURN_IF_ERROR(expr)                                                                   \
  do {                                                                                          \
    if (::absl::Status perdure_status_ = (expr); !perdure_status_.ok()) return perdure_status_; \
  } while (false)

#define ASSIGN_OR_RETURN(lhs, expr) \
  PERDURE_ASSIGN_OR_RETURN_(PERDURE_CONCAT_(perdure_or_, __LINE__), lhs, expr)
#define PERDURE_ASSIGN_OR_RETURN_(tmp, lhs, expr) \
  auto tmp = (expr);                              \
  if (!tmp.ok()) return std::move(tmp).status();  \
  lhs = *std::move(tmp)

#endif  // PERDURE_SERVER_BASE_STATUS_MACROS_H_
