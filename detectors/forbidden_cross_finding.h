// The words of the findings of ForbiddenCross. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_FORBIDDEN_CROSS_FINDING_H_
#define ODDVERB_DETECTORS_FORBIDDEN_CROSS_FINDING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "detectors/detector.h"
#include "model/finding.h"

namespace oddverb {

inline constexpr std::string_view kFailThenSuccessRule =
    "authn.fail_then_success";
inline constexpr std::string_view kDistributedRule = "forbidden.distributed";

// `who` is the first request of the identity at this address, `failures` what
// failed there before, `others` how many identities the address had.
Finding WriteFailThenSuccess(const DetectorContext& context, const Finding& who,
                             const Finding& failures, const std::string& ip,
                             uint32_t others);

// High where hardly anybody else is at the address, low at a gateway.
Severity DistributedSeverity(size_t refused, uint32_t identities);
// Without score, reasons and evidence. `last` is the refusal at hand.
Finding WriteDistributed(const DetectorContext& context, const Finding& last,
                         const std::string& ip, uint32_t identities);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_FORBIDDEN_CROSS_FINDING_H_
