// Entries of detectors.forbidden_burst.allow that are over, for warnings: what
// they excused is weighed again. Pure functions; thread-safe.
#ifndef ODDVERB_APP_EXPIRED_ALLOWANCES_H_
#define ODDVERB_APP_EXPIRED_ALLOWANCES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "app/service_config.h"

namespace oddverb {

struct ExpiredAllowance {
  size_t number = 0;  // its place in the list, from 1 on
  std::string actor;  // as it was written; the operator's own file
  absl::Time expires = absl::InfinitePast();
  std::string place;  // "FILE:LINE:COLUMN" of the entry
};

std::vector<ExpiredAllowance> ExpiredAllowances(const ServiceConfig& config,
                                                absl::Time now);

}  // namespace oddverb

#endif  // ODDVERB_APP_EXPIRED_ALLOWANCES_H_
