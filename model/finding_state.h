// Binary form of a Finding in a checkpoint. Thread-safe.
#ifndef ODDVERB_MODEL_FINDING_STATE_H_
#define ODDVERB_MODEL_FINDING_STATE_H_

#include "base/state_io.h"
#include "model/finding.h"
#include "model/opened_finding.h"

namespace oddverb {

void SaveEvidence(const Evidence& evidence, StateWriter& out);
Evidence LoadEvidence(StateReader& in);

void SaveFinding(const Finding& finding, StateWriter& out);
void SaveFinding(const OpenedFinding& finding, StateWriter& out);
// Failures show in in.status(); the result is then of no use.
Finding LoadFinding(StateReader& in);

}  // namespace oddverb

#endif  // ODDVERB_MODEL_FINDING_STATE_H_
