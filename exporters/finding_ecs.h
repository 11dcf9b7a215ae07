// A finding as a document of the Elastic Common Schema (9.4), kind "alert".
// Pure functions.
//
// A fixed set of fields, however the log looks: no name of a field comes from
// the log, so no index mapping grows with it. What ECS has no field for stands
// under "oddverb" (no field set of ECS has that name). Fields that hold one
// value in ECS (user agent, namespace, resource) are there if the finding has
// exactly one; the lists are under "oddverb".
#ifndef ODDVERB_EXPORTERS_FINDING_ECS_H_
#define ODDVERB_EXPORTERS_FINDING_ECS_H_

#include <string>

#include "model/finding.h"

namespace oddverb {

void AppendFindingEcs(const Finding& finding, std::string& out);

// The numbers of Elastic Security's detection rules: low 21, medium 47, high
// 73, critical 99; info 1.
int EcsSeverity(Severity severity);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_FINDING_ECS_H_
