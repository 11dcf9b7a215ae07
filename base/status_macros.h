// The project's only two macros: leave a function early with its error.
#ifndef ODDVERB_BASE_STATUS_MACROS_H_
#define ODDVERB_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function when `expr` is not OK.
#define ODDVERB_RETURN_IF_ERROR(expr)                                 \
  do {                                                                \
    if (absl::Status oddverb_status = (expr); !oddverb_status.ok()) { \
      return oddverb_status;                                          \
    }                                                                 \
  } while (false)

// `lhs` = value of the StatusOr `expr`, or returns its error.
#define ODDVERB_ASSIGN_OR_RETURN(lhs, expr) \
  ODDVERB_ASSIGN_OR_RETURN_IMPL(            \
      ODDVERB_STATUS_CONCAT(oddverb_statusor_, __LINE__), lhs, expr)

#define ODDVERB_ASSIGN_OR_RETURN_IMPL(statusor, lhs, expr) \
  auto statusor = (expr);                                  \
  if (!statusor.ok()) return statusor.status();            \
  lhs = *std::move(statusor)
#define ODDVERB_STATUS_CONCAT(a, b) ODDVERB_STATUS_CONCAT_IMPL(a, b)
#define ODDVERB_STATUS_CONCAT_IMPL(a, b) a##b

#endif  // ODDVERB_BASE_STATUS_MACROS_H_
