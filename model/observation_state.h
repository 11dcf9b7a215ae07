// Binary form of an Observation on its way from one process to another.
// Thread-safe.
#ifndef ODDVERB_MODEL_OBSERVATION_STATE_H_
#define ODDVERB_MODEL_OBSERVATION_STATE_H_

#include "base/state_io.h"
#include "model/observation.h"

namespace oddverb {

// All of it, but for what CorrelationInput says is not saved.
void SaveObservation(const Observation& observation, StateWriter& out);
// Failures show in in.status(); the result is then of no use.
Observation LoadObservation(StateReader& in);

}  // namespace oddverb

#endif  // ODDVERB_MODEL_OBSERVATION_STATE_H_
