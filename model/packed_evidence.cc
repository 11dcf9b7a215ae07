#include "model/packed_evidence.h"

#include <utility>
#include <vector>

#include "base/packed_texts.h"
#include "model/finding_state.h"

namespace oddverb {

PackedEvidence::PackedEvidence(const Evidence& evidence)
    : time_(evidence.time),
      texts_(PackTexts({evidence.audit_id, evidence.verb, evidence.uri})),
      code_(evidence.code) {}

Evidence PackedEvidence::Get() const {
  auto [audit_id, verb, uri] = UnpackTexts<3>(texts_);
  return {.audit_id = std::move(audit_id),
          .time = time_,
          .verb = std::move(verb),
          .uri = std::move(uri),
          .code = code_};
}

std::vector<Evidence> AllOf(const std::vector<PackedEvidence>& packed) {
  std::vector<Evidence> all;
  for (const PackedEvidence& item : packed) all.push_back(item.Get());
  return all;
}

void PackedEvidence::Save(StateWriter& out) const {
  if (!out.rests()) return SaveEvidence(Get(), out);
  out.PutTime(time_);
  texts_.Save(out);
  out.PutI64(code_);
}

void PackedEvidence::Load(StateReader& in) {
  if (!in.rests()) {
    *this = PackedEvidence(LoadEvidence(in));
    return;
  }
  time_ = in.GetTime();
  texts_.Load(in, PackedText::kMaxBytes);
  code_ = static_cast<int32_t>(in.GetI64());
}

}  // namespace oddverb
