// The correlator's part of metadata_access: remembers which network policies
// keep pods from the metadata service, whoever wrote them, and finds who takes
// that away (metadata.guard_removed): the `except` removed, the policy deleted,
// a rule added that lets through. What an identity takes away within half an
// hour is one case.
//
// A policy counts from the first write that shows an `except` on; what its own
// maker takes away within the hour was on trial. Bounded: policies, and open
// cases. When all are taken, a policy of a namespace that has the most makes
// room, so that whoever makes policies without end displaces only their own.
// One thread.
#ifndef ODDVERB_DETECTORS_METADATA_GUARDS_H_
#define ODDVERB_DETECTORS_METADATA_GUARDS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/row_numbers.h"
#include "detectors/detector.h"
#include "detectors/metadata_access.h"
#include "detectors/metadata_target.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class MetadataGuards final : public CrossDetector {
 public:
  // Some 150 bytes each.
  static constexpr size_t kMaxPolicies = 4096;
  // A policy of which nothing was seen for so long counts no more.
  static constexpr absl::Duration kRemembered = absl::Hours(24 * 90);
  static constexpr absl::Duration kTrial = absl::Hours(1);
  static constexpr absl::Duration kCaseWindow = absl::Minutes(30);
  // Some 4 KiB each. Beyond it, the longest quiet case ends early.
  static constexpr size_t kMaxCases = 32;

  explicit MetadataGuards(const MetadataAccess::Options& options)
      : targets_(options.extra_hosts) {}

  void Observe(const Observation& observation, const ObservationIds& ids,
               Emit& out) override;
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  // Policies are none of the tables' entities.
  void Forget(EntityKind, EntityId) override {}
  void Save(EntityKind, EntityId, StateWriter&) const override {}
  absl::Status Load(EntityKind, EntityId, StateReader&) override {
    return absl::OkStatus();
  }
  void SaveShared(StateWriter& out) const override;
  absl::Status LoadShared(StateReader& in) override;
  void TakeRows(std::vector<DetectorRow>& out) override;
  absl::Status LoadRow(uint8_t kind, uint32_t number,
                       std::string_view bytes) override;

  size_t policies() const { return guards_.size(); }

 private:
  // (namespace, policy), both hashed.
  using PolicyKey = std::pair<uint64_t, uint64_t>;
  struct Guard {
    uint64_t targets = 0;  // that it holds back: MetadataTargets::BitsIn()
    uint64_t maker = 0;    // actor that created it; 0 = not seen
    absl::Time since;      // when it was seen first
    absl::Time seen;       // when last
    uint32_t row = 0;
  };
  using Guards = std::map<PolicyKey, Guard>;
  struct Case {
    Finding finding;
    int64_t reported_count = 1;
  };
  struct Loss {
    uint64_t targets = 0;
    size_t policies = 0;
    absl::Time since = absl::InfiniteFuture();  // of the oldest
    void Add(uint64_t lost, absl::Time known_since);
  };

  Loss Apply(const PolicyChange& change, const Observation& observation);
  void ApplyTo(Guards::iterator it, const PolicyChange& change,
               const Observation& observation, Loss& loss);
  void Remember(const PolicyChange& change, const Observation& observation);
  // False if the namespace of `change` has the most itself.
  bool MakeRoomFor(const PolicyChange& change, absl::Time now);
  void Erase(Guards::iterator it);
  void Tell(const Loss& loss, const Observation& observation, Emit& out);
  void EndLongestQuiet(Emit& out);

  const MetadataTargets targets_;
  Guards guards_;
  std::map<uint64_t, uint32_t> sizes_;  // policies of each namespace
  RowNumbers numbers_;
  std::vector<const Guards::value_type*> rows_;  // by number; null: free
  std::map<uint64_t, Case> cases_;               // by actor
};

absl::StatusOr<std::unique_ptr<CrossDetector>> MakeMetadataGuards(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_METADATA_GUARDS_H_
