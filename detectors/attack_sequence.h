// Joins findings into one:
//
//   attack.sequence  several findings of different tactics are about one
//                    identity, credential, pod or address
//
// Each finding adds to a case that shares one of these with it; where it shares
// them with two cases, they become one. Each rule counts once in a case, by its
// gravest finding: in full for an hour, then half after each six. A case is a
// finding at 8, with two tactics of ATT&CK and two rules from medium on, one of
// them high and of oddverb itself: it sums up what was told already and wakes
// nobody for less.
//
// Bounded: cases, steps and keys of each. What is least grave makes room. One
// thread.
#ifndef ODDVERB_DETECTORS_ATTACK_SEQUENCE_H_
#define ODDVERB_DETECTORS_ATTACK_SEQUENCE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/row_numbers.h"
#include "detectors/attack_case.h"
#include "detectors/detector.h"
#include "stats/fingerprint_set.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class AttackSequence final : public CrossDetector {
 public:
  static constexpr size_t kMaxCases = 256;
  // A case ends after this long without a step.
  static constexpr absl::Duration kQuiet = absl::Hours(6);
  // An address of more identities is shared: it joins nothing.
  static constexpr uint32_t kMaxIdentities = 4;

  explicit AttackSequence(const DetectorContext& context) : context_(context) {}

  void Observe(const Observation& observation, const ObservationIds& ids,
               Emit& out) override;
  void ObserveFinding(const Finding& finding, const ObservationIds& ids,
                      Emit& out) override;
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  void Forget(EntityKind kind, EntityId id) override;
  bool CanRest(EntityKind kind, EntityId id) const override;
  void Save(EntityKind kind, EntityId id, StateWriter& out) const override;
  absl::Status Load(EntityKind kind, EntityId id, StateReader& in) override;
  void TakeRows(std::vector<DetectorRow>& out) override;
  absl::Status LoadRow(uint8_t kind, uint32_t number,
                       std::string_view bytes) override;

 private:
  using Cases = std::vector<std::unique_ptr<AttackCase>>;

  std::vector<uint64_t> KeysOf(const Finding& finding, EntityId address) const;
  // The number of the case that shares one of `keys`, joined from all that do;
  // or of a new one.
  uint32_t CaseWith(const std::vector<uint64_t>& keys, absl::Time now,
                    Emit& out);
  void End(uint32_t number, Emit& out);
  void EndLeastGrave(absl::Time now, Emit& out);

  DetectorContext context_;
  // By address id; null: none.
  std::vector<FingerprintSet> identities_;
  Cases cases_;  // by number; null = free
  RowNumbers numbers_;
  size_t count_ = 0;
};

absl::StatusOr<std::unique_ptr<CrossDetector>> MakeAttackSequence(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_ATTACK_SEQUENCE_H_
