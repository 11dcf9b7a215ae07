// A finding as a CloudEvent 1.0 in structured JSON mode: the native object as
// `data`, and outside of it what brokers and triggers filter by. Pure
// functions.
#ifndef ODDVERB_EXPORTERS_FINDING_CLOUDEVENTS_H_
#define ODDVERB_EXPORTERS_FINDING_CLOUDEVENTS_H_

#include <string>
#include <utility>
#include <vector>

#include "model/finding.h"

namespace oddverb {

// Name and value of each context attribute, in the order of the object, without
// `data`: for headers where the event travels in binary mode.
//
// `id` is the finding's id and a hash of this state of it: consumers may drop
// what has the same source and id, and a grown finding must not be dropped. The
// same state sent again has the same id. The extensions findingid, severity,
// rule and state are there to filter by.
std::vector<std::pair<std::string, std::string>> CloudEventAttributes(
    const Finding& finding);

void AppendFindingCloudEvents(const Finding& finding, std::string& out);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_FINDING_CLOUDEVENTS_H_
