// An Evidence in fewer bytes, for state that is kept of each of many entities:
// one block for its texts (base/packed_text.h). Plain state.
#ifndef ODDVERB_MODEL_PACKED_EVIDENCE_H_
#define ODDVERB_MODEL_PACKED_EVIDENCE_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "base/packed_text.h"
#include "base/state_io.h"
#include "model/finding.h"

namespace oddverb {

class PackedEvidence {
 public:
  PackedEvidence() = default;
  // Texts of more than PackedText::kMaxBytes together are cut.
  explicit PackedEvidence(const Evidence& evidence);

  Evidence Get() const;
  absl::Time time() const { return time_; }

  // For a checkpoint as SaveEvidence() does.
  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  absl::Time time_;
  PackedText texts_;  // audit ID, verb, URI
  int32_t code_ = 0;
};

std::vector<Evidence> AllOf(const std::vector<PackedEvidence>& packed);

}  // namespace oddverb

#endif  // ODDVERB_MODEL_PACKED_EVIDENCE_H_
