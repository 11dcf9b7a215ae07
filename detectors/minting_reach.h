// token.minting_reach: somebody mints, for the first time, a token of an
// account that may do more than they: kinds of request as grave as reading
// secrets, running code or giving rights, which the account was seen to do and
// the minter never was. If the token is used within a day, that is the chain.
//
// What identities were seen to do is kept for the newest kMaxActors, in rows by
// numbers of its own. One thread.
#ifndef ODDVERB_DETECTORS_MINTING_REACH_H_
#define ODDVERB_DETECTORS_MINTING_REACH_H_

#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "detectors/detector.h"
#include "detectors/open_cases.h"
#include "model/observation.h"

namespace oddverb {

inline constexpr std::string_view kReachRule = "token.minting_reach";

class MintingReach {
 public:
  static constexpr uint32_t kMaxActors = 16'384;
  static constexpr size_t kMaxKinds = 16;  // of each

  // A kFirstSuccess of a grave kind.
  void NoteReach(const Observation& observation);
  // kMintedFirst, kTokenFirstUsed.
  void NoteMinted(const DetectorContext& context, const Observation& minted,
                  Emit& out);
  void NoteUsed(const Observation& used, Emit& out);
  void AdvanceTo(absl::Time watermark, Emit& out);

  // Appends what changed.
  void TakeRows(uint8_t kind, std::vector<DetectorRow>& out);
  absl::Status LoadRow(uint32_t number, std::string_view bytes);
  void SaveShared(StateWriter& out) const;
  void LoadShared(StateReader& in);

 private:
  struct Reach {
    uint64_t actor = 0;
    std::vector<uint32_t> kinds;  // fingerprints
  };

  Reach& ReachOf(uint64_t actor);
  // Kinds of `account` that `minter` lacks.
  size_t MoreThan(uint64_t account, uint64_t minter) const;

  std::vector<Reach> rows_;
  absl::flat_hash_map<uint64_t, uint32_t> numbers_;  // by actor
  std::set<uint32_t> changed_;
  uint32_t next_ = 0;  // row that is given away once all are in use
  OpenCases open_{64, absl::Hours(24)};
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_MINTING_REACH_H_
