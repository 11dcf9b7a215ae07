// The words of a finding that a correlation makes: who, where and what as far
// as its group and the samples of its matches tell. Pure functions;
// thread-safe.
#ifndef ODDVERB_DETECTORS_CORRELATION_FINDING_H_
#define ODDVERB_DETECTORS_CORRELATION_FINDING_H_

#include <span>
#include <string>

#include "model/finding.h"
#include "rules/correlation_engine.h"
#include "rules/correlation_set.h"

namespace oddverb {

// The finding that opens with this alert, but for cluster, detector, id and
// time. A group without fields is about the whole of the cluster.
Finding DescribeCorrelation(const Correlation& correlation,
                            const CorrelationAlert& alert);

// Adds what further matches tell, in evidence and what.*. Who and where stay as
// far as the group says them or all matches agree.
void AddSamples(const Correlation& correlation,
                std::span<const std::string> samples, Finding& finding);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_CORRELATION_FINDING_H_
