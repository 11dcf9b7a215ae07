// Findings that a person has decided not to be told of, for a while and with a
// reason. Immutable, so thread-safe.
#ifndef ODDVERB_PIPELINE_SUPPRESSION_H_
#define ODDVERB_PIPELINE_SUPPRESSION_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "model/finding.h"

namespace oddverb {

// What a matcher looks at. Nothing that a client may write as it likes (user
// agent, claimed addresses, names of objects): an attacker would choose it.
enum class SuppressedBy : uint8_t {
  kRule,
  kDetector,
  kEntity,
  kEntityKind,
  kNamespace,  // every namespace of the finding must match
  kSourceIp,   // also a network: 10.0.0.0/8
  kCluster,
  kId,
  kCount,
};
// Names in the configuration, in the order of the enumeration.
std::span<const std::string_view> SuppressedByNames();

struct Suppression {
  std::string name;  // in metrics and messages
  // "*" stands for any text, "?" for one byte. Empty: does not matter.
  std::string patterns[static_cast<size_t>(SuppressedBy::kCount)];
  std::string reason;
  // Findings of this time (event time, so that a log gives the same findings
  // whenever it is read) and later ones are told again.
  absl::Time expires = absl::InfiniteFuture();
};

class SuppressionList {
 public:
  SuppressionList() = default;
  explicit SuppressionList(std::vector<Suppression> entries)
      : entries_(std::move(entries)) {}

  // The first entry that matches in all that it names; null = none.
  const Suppression* Find(const Finding& finding) const;

 private:
  std::vector<Suppression> entries_;
};

// Whether all of `text` is what `pattern` describes. At most the product of
// their lengths in steps.
bool MatchesGlob(std::string_view pattern, std::string_view text);

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_SUPPRESSION_H_
