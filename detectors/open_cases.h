// Open findings of the correlator under keys of the owner's choice: at most so
// many, and each until it was quiet for so long; then it is reported as final.
// One thread.
#ifndef ODDVERB_DETECTORS_OPEN_CASES_H_
#define ODDVERB_DETECTORS_OPEN_CASES_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "detectors/detector.h"
#include "model/finding.h"

namespace oddverb {

class OpenCases {
 public:
  OpenCases(size_t most, absl::Duration quiet) : most_(most), quiet_(quiet) {}

  // nullptr: it is not open. Valid until the next other call.
  Finding* Find(uint64_t key);
  // Reports it. Where all are full, the one that was opened first ends.
  void Open(uint64_t key, Finding finding, Emit& out);
  void AdvanceTo(absl::Time watermark, Emit& out);

  size_t size() const { return cases_.size(); }
  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  struct Case {
    uint64_t key = 0;
    Finding finding;
  };

  size_t most_;
  absl::Duration quiet_;
  std::vector<Case> cases_;  // in order of opening
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_OPEN_CASES_H_
