// A finding as an OCSF event of the class Detection Finding (2004), schema
// version 1.6.0: the first with anomaly_analyses and the user type Service;
// later versions of 1.x only add to it. Pure functions.
//
// The activity follows the state: open Create, update Update, final Close. A
// scan of files gives each finding once, in its last state, so as Close: select
// by class_uid and severity_id, not by activity. The status is always New:
// nobody has looked at it yet.
//
// An attribute of a type with a form (ip_t) is left out where the log has
// something else. What OCSF has no attribute for stands under "unmapped".
#ifndef ODDVERB_EXPORTERS_FINDING_OCSF_H_
#define ODDVERB_EXPORTERS_FINDING_OCSF_H_

#include <string>

#include "model/finding.h"

namespace oddverb {

void AppendFindingOcsf(const Finding& finding, std::string& out);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_FINDING_OCSF_H_
