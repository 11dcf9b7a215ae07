// One case of attack.sequence: findings that belong together, in the order of
// their events, and the finding made of them. Bounded. One thread.
#ifndef ODDVERB_DETECTORS_ATTACK_CASE_H_
#define ODDVERB_DETECTORS_ATTACK_CASE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "detectors/detector.h"
#include "model/finding.h"

namespace oddverb {

inline constexpr std::string_view kSequenceRule = "attack.sequence";
inline constexpr std::string_view kSequenceDetector = "attack_sequence";

class AttackCase {
 public:
  static constexpr size_t kMaxSteps = 16;
  static constexpr size_t kMaxKeys = 16;
  static constexpr double kThreshold = 8;

  // What it is about.
  bool Shares(const std::vector<uint64_t>& keys) const;
  void AddKeys(const std::vector<uint64_t>& keys);
  const std::vector<uint64_t>& keys() const { return keys_; }

  // A finding, or a later state of one: its gravest is kept. False if it tells
  // nothing new.
  bool Add(const Finding& finding);
  // Takes over the steps and keys of `other`.
  void Join(AttackCase other);

  double RiskAt(absl::Time now) const;
  absl::Time last_seen() const { return last_seen_; }
  bool is_reported() const { return reported_.has_value(); }
  // When there is something to tell: the finding, its state set.
  std::optional<Finding> Judge(const DetectorContext& context);
  // The finding as it was reported last, final. REQUIRES: is_reported().
  Finding Final() const;

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  // A finding, as far as it is told of.
  struct Step {
    Hash128 id;
    std::string rule;
    std::string title;
    std::string who;
    std::string technique;  // the first
    Severity severity = Severity::kInfo;
    bool is_builtin = true;  // no rule of a file
    absl::Time time;         // of its first event
    Evidence evidence;       // its first
  };

  static double WeightOf(const Step& step);
  double RiskAt(const Step& step, absl::Time now) const;
  // Index of the gravest step of each rule, in the order of events.
  std::vector<size_t> Gravest() const;
  bool IsAttack(const std::vector<size_t>& steps) const;
  Finding Write(const DetectorContext& context,
                const std::vector<size_t>& steps) const;
  void Trim();

  std::vector<uint64_t> keys_;
  std::vector<Step> steps_;  // in order of events
  // Who, where and what of the gravest step.
  Finding subject_;
  absl::Time last_seen_ = absl::InfinitePast();
  std::optional<Finding> reported_;
  uint32_t reported_rules_ = 0;
  Hash128 opening_;  // the first finding of it
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_ATTACK_CASE_H_
