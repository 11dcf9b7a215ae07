// An open finding about a credential at an address, and what comes to it.
// Functions of their arguments; thread-safe.
#ifndef ODDVERB_DETECTORS_GROWING_FINDING_H_
#define ODDVERB_DETECTORS_GROWING_FINDING_H_

#include <cstdint>

#include "detectors/detector.h"
#include "model/finding.h"

namespace oddverb {

// Adds what `more` knows beyond `finding`. Evidence stays in order of arrival.
void MergeFinding(const Finding& more, Finding& finding);

// Sets the count, and reports at each doubling.
void CountTo(int64_t count, Finding& finding, Emit& out);

// What a benign cause explains is little to be sure of, however much of it
// there was.
double ConfidenceIn(const Finding& finding);

// Takes a graver look at an address that was reported already.
void ReplaceFinding(Finding graver, Finding& finding);
// The same, and reports it.
void RaiseFinding(Finding graver, Finding& finding, Emit& out);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_GROWING_FINDING_H_
