// Where service account tokens come from: the API server logs the ID of each
// token that it mints (annotation issued-credential-id) and of each that is
// used, so the two can be joined.
//
//   token.minted_elsewhere  somebody mints a token for an account that is not
//                           theirs, and it is used from another address
//   token.long_lived        such a token is in use for more than a day
//   token.never_issued      a token whose minting the log should hold and does
//                           not: made with a stolen signing key
//
// The first needs no learning. The second is silent until minting was seen for
// 25 hours without a gap in the log and without that any of it was forgotten,
// and 95 % of the tokens of that time were found again; and it waits for five
// more that are, as an audit policy may have changed.
//
// State is by credential, in the correlator's table; what waits or is open is
// bounded here. One thread.
#ifndef ODDVERB_DETECTORS_TOKEN_PROVENANCE_H_
#define ODDVERB_DETECTORS_TOKEN_PROVENANCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "detectors/detector.h"
#include "model/finding.h"
#include "model/observation.h"
#include "stats/entity_table.h"
#include "stats/sparse_array.h"
#include "stats/state_prefetch.h"

namespace oddverb {

inline constexpr std::string_view kNeverIssuedRule = "token.never_issued";
inline constexpr std::string_view kMintedElsewhereRule =
    "token.minted_elsewhere";
inline constexpr std::string_view kLongLivedRule = "token.long_lived";

class TokenProvenance {
 public:
  // Observations of kTokenMinted and kTokenFirstUsed, which comes again when a
  // token without a pod was used for kLongUse; `credential` is the token's.
  static constexpr absl::Duration kLongUse = absl::Hours(24);
  void NoteMinted(const Observation& observation, EntityId credential);
  void NoteUsed(const DetectorContext& context, const Observation& observation,
                EntityId credential, Emit& out);
  // Events are missing: what was minted in between is not known.
  void NoteGap(absl::Time now);

  void AdvanceTo(absl::Time watermark, Emit& out);
  void Forget(EntityId credential);

  bool Knows(EntityId credential) const;
  void Save(EntityId credential, StateWriter& out) const;
  void Load(EntityId credential, StateReader& in);  // failures: in.status()
  void SaveShared(StateWriter& out) const;
  void LoadShared(StateReader& in);  // failures: in.status()

  // Hints the cache that a note of the token comes soon.
  void Prefetch(PrefetchStep step, EntityId credential) const {
    if (step == PrefetchStep::kElement) tokens_.PrefetchBlock(credential);
    if (step == PrefetchStep::kObject) tokens_.PrefetchValue(credential);
  }

 private:
  static constexpr size_t kMaxWaiting = 64;
  static constexpr size_t kMaxOpen = 32;

  // Of a token that was minted by neither a kubelet nor the control plane.
  struct Mint {
    std::string who;  // minted it
    std::string who_kind;
    std::string account;  // "NAMESPACE/NAME"
    std::string ip;
    Evidence evidence;
  };
  enum Known : uint8_t { kMinted = 1, kUsed = 2 };
  // What is known of a token, and when it was minted, else used.
  struct Token {
    int64_t word = 0;  // the time, in 62 bits, then what is known

    uint8_t known() const { return word & 3; }
    int64_t first_micros() const { return word >> 2; }
  };
  struct OpenCase {
    Finding finding;
    absl::Time since;  // of the last news
  };
  struct Waiting {
    uint64_t credential = 0;       // key
    uint64_t resolved_before = 0;  // resolved_total_ then
    Finding finding;
  };

  void Know(EntityId credential, Known what, absl::Time time);
  bool IsKnown(EntityId credential, Known what) const {
    const Token* token = tokens_.Find(credential);
    return token != nullptr && (token->known() & what) != 0;
  }
  bool IsCovered(absl::Time now) const;
  void CountUse(bool is_resolved);
  void JudgeMint(const DetectorContext& context, const Mint& mint,
                 const Observation& use, Emit& out);
  void JudgeLife(const DetectorContext& context, const Mint& mint,
                 const Observation& use, Emit& out);
  void Open(Finding finding, absl::Time now, Emit& out);

  // By credential id.
  SparseArray<Token> tokens_;
  absl::flat_hash_map<EntityId, Mint> mints_;
  // Minting is known without a gap from then on.
  absl::Time since_ = absl::InfiniteFuture();
  // First uses of tokens behind the first 25 hours.
  uint64_t resolved_ = 0;
  uint64_t unresolved_ = 0;
  uint64_t resolved_total_ = 0;
  // The minting may be in another API server's log, a moment later.
  std::vector<Waiting> waiting_;  // in order of use
  std::vector<OpenCase> open_;
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_TOKEN_PROVENANCE_H_
