#include "model/packed_evidence.h"

#include <string>
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
  std::vector<std::string> texts = UnpackTexts(texts_);
  texts.resize(3);
  return {.audit_id = std::move(texts[0]),
          .time = time_,
          .verb = std::move(texts[1]),
          .uri = std::move(texts[2]),
          .code = code_};
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
