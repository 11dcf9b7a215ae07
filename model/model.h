// What flows through the pipeline: RawBatch (bytes) -> EventBatch
// (AuditEvents) -> Observation -> Finding. Plain data; no part of the pipeline
// is known here.
#ifndef ODDVERB_MODEL_MODEL_H_
#define ODDVERB_MODEL_MODEL_H_

#include "model/audit_event.h"
#include "model/event_batch.h"
#include "model/finding.h"
#include "model/observation.h"
#include "model/raw_batch.h"

#endif  // ODDVERB_MODEL_MODEL_H_
