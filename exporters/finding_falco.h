// A finding as Falco writes an alert with json_output, so that falcosidekick
// and everything behind it takes it. Pure functions.
//
// The fields of the request bear the names of Falco's k8saudit plugin
// (ka.user.name, ka.verb, ...), so that templates and routes written for it
// work; ours begin with "oddverb.". A field that has no value is left out.
// Where a finding covers several values they are joined by commas; ka.auditid,
// ka.uri and ka.response.code are those of the first event of the evidence.
#ifndef ODDVERB_EXPORTERS_FINDING_FALCO_H_
#define ODDVERB_EXPORTERS_FINDING_FALCO_H_

#include <string>
#include <string_view>

#include "model/finding.h"

namespace oddverb {

// Never one that falcosidekick refuses: priority, rule, time and output_fields
// are always there.
void AppendFindingFalco(const Finding& finding, std::string& out);

// critical Critical, high Error, medium Warning, low Notice, info
// Informational.
std::string_view FalcoPriority(Severity severity);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_FINDING_FALCO_H_
