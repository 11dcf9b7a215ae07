// Reads the Retry-After header (RFC 9110 10.2.3). Pure.
#ifndef ODDVERB_NET_RETRY_AFTER_H_
#define ODDVERB_NET_RETRY_AFTER_H_

#include <optional>
#include <string_view>

#include "absl/time/time.h"

namespace oddverb {

// Longer waits are cut to this: the other side may be wrong, or hostile.
inline constexpr absl::Duration kMaxRetryAfter = absl::Hours(24);

// How long to wait from `now` on, by seconds or by any of the three forms of an
// HTTP date; zero for a date in the past, nullopt for anything else.
std::optional<absl::Duration> ParseRetryAfter(std::string_view value,
                                              absl::Time now);

}  // namespace oddverb

#endif  // ODDVERB_NET_RETRY_AFTER_H_
