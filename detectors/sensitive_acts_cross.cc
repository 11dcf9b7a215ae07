#include "detectors/sensitive_acts_cross.h"

#include "base/status_macros.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;
// Sensitivity() of secrets, code execution, cluster-wide rights.
constexpr double kReachFrom = 1.5;

}  // namespace

void SensitiveActsCross::Observe(const Observation& observation,
                                 const ObservationIds&, Emit& out) {
  switch (observation.kind) {
    case ObservationKind::kFirstSuccess:
      if (observation.weight >= kReachFrom) reach_.NoteReach(observation);
      rare_.Note(context_, observation, out);
      break;
    case ObservationKind::kMintedFirst:
      reach_.NoteMinted(context_, observation, out);
      break;
    case ObservationKind::kTokenFirstUsed:
      reach_.NoteUsed(observation, out);
      break;
    case ObservationKind::kCertificateIssued:
      certificates_.NoteIssued(observation);
      break;
    case ObservationKind::kCredentialAtAddress:
      certificates_.NoteUsed(context_, observation, out);
      break;
    default:
      break;
  }
}

void SensitiveActsCross::AdvanceTo(absl::Time watermark, Emit& out) {
  reach_.AdvanceTo(watermark, out);
  certificates_.AdvanceTo(watermark, out);
  rare_.AdvanceTo(watermark, out);
}

void SensitiveActsCross::SaveShared(StateWriter& out) const {
  out.PutU64(kStateVersion);
  reach_.SaveShared(out);
  certificates_.Save(out);
  rare_.Save(out);
}

absl::Status SensitiveActsCross::LoadShared(StateReader& in) {
  if (in.GetU64() != kStateVersion) in.Fail();
  reach_.LoadShared(in);
  certificates_.Load(in);
  rare_.Load(in);
  return in.status();
}

absl::Status SensitiveActsCross::LoadRow(uint8_t kind, uint32_t number,
                                         std::string_view bytes) {
  if (kind != kReachRow) return absl::DataLossError("unknown row");
  return reach_.LoadRow(number, bytes);
}

// Its options are those of the shards' part, which is where they are checked.
absl::StatusOr<std::unique_ptr<CrossDetector>> MakeSensitiveActsCross(
    const DetectorContext& context, const YamlNode&) {
  return std::make_unique<SensitiveActsCross>(context);
}

}  // namespace oddverb
