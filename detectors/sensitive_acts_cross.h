// The correlator's part of sensitive_acts: what several identities do together.
//
//   client_certificate.used  (issued_certificates.h)
//   operation.rare           (rare_operations.h)
//   token.minting_reach      (minting_reach.h)
//
// One thread.
#ifndef ODDVERB_DETECTORS_SENSITIVE_ACTS_CROSS_H_
#define ODDVERB_DETECTORS_SENSITIVE_ACTS_CROSS_H_

#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "detectors/detector.h"
#include "detectors/issued_certificates.h"
#include "detectors/minting_reach.h"
#include "detectors/rare_operations.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class SensitiveActsCross final : public CrossDetector {
 public:
  explicit SensitiveActsCross(const DetectorContext& context)
      : context_(context), rare_(context.hash) {}

  void Observe(const Observation& observation, const ObservationIds& ids,
               Emit& out) override;
  void ObserveFinding(const Finding& finding, const ObservationIds&,
                      Emit&) override {
    certificates_.NoteFinding(finding);
    rare_.NoteFinding(finding);
  }
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  // Nothing is kept by the tables' entities.
  void Forget(EntityKind, EntityId) override {}
  void Save(EntityKind, EntityId, StateWriter&) const override {}
  absl::Status Load(EntityKind, EntityId, StateReader&) override {
    return absl::OkStatus();
  }
  void SaveShared(StateWriter& out) const override;
  absl::Status LoadShared(StateReader& in) override;
  void TakeRows(std::vector<DetectorRow>& out) override {
    reach_.TakeRows(kReachRow, out);
  }
  absl::Status LoadRow(uint8_t kind, uint32_t number,
                       std::string_view bytes) override;

 private:
  static constexpr uint8_t kReachRow = 1;

  DetectorContext context_;
  MintingReach reach_;
  IssuedCertificates certificates_;
  RareOperations rare_;
};

absl::StatusOr<std::unique_ptr<CrossDetector>> MakeSensitiveActsCross(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_SENSITIVE_ACTS_CROSS_H_
