// Where in the body of a write a reach for the metadata service can hide: what
// containers run, what kubelets probe, where names and addresses lead, what the
// API server itself calls, what policies let through. Reads requestObject (an
// object, or any form of patch), never responseObject: what webhooks put into
// it is not the client's doing. Secrets are never read.
//
// Bounded: texts, their bytes, nodes and depth. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_METADATA_BODY_H_
#define ODDVERB_DETECTORS_METADATA_BODY_H_

#include <vector>

#include "detectors/metadata_surface.h"
#include "model/audit_event.h"

namespace oddverb {

struct MetadataBody {
  static constexpr size_t kMaxTexts = 128;
  static constexpr size_t kMaxTextBytes = 64 * 1024;
  static constexpr size_t kMaxAllBytes = 256 * 1024;
  static constexpr size_t kMaxNodes = 20'000;
  static constexpr int kMaxDepth = 24;

  std::vector<MetadataSurface> texts;
  bool exhausted = false;  // there was more than could be read
};

// Cheap: whether ReadMetadataBody() can find anything.
bool HasMetadataBody(const AuditEvent& event);

// The texts that may name a target; those that cannot are left out.
MetadataBody ReadMetadataBody(const AuditEvent& event);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_METADATA_BODY_H_
