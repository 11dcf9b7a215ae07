// A kind of request that an actor was refused, with its texts in one block: of
// a million actors many have one or two. Plain state, one thread.
#ifndef ODDVERB_DETECTORS_REFUSED_KIND_H_
#define ODDVERB_DETECTORS_REFUSED_KIND_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "base/packed_text.h"
#include "base/state_io.h"

namespace oddverb {

// One kind of request that was refused at its first contact.
struct RefusedKind {
  static constexpr size_t kMaxKinds = 12;

  // Bounded.
  struct Texts {
    std::string verb, resource, ns;
    std::string name;  // of the first object
    std::string text;  // TupleText()
  };

  uint64_t tuple = 0;  // HashTuple()
  // What it added, with further object names, or namespaces.
  double weight = 0;
  absl::Time first, last;
  uint32_t count = 0;  // requests that added
  PackedText packed;   // its texts

  Texts texts() const;
  void SetTexts(const Texts& texts);
  void Save(StateWriter& out) const;
  void Load(StateReader& in);
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_REFUSED_KIND_H_
