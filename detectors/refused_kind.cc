#include "detectors/refused_kind.h"

#include <utility>
#include <vector>

#include "base/packed_texts.h"

namespace oddverb {

RefusedKind::Texts RefusedKind::texts() const {
  std::vector<std::string> all = UnpackTexts(packed);
  all.resize(5);
  return {.verb = std::move(all[0]),
          .resource = std::move(all[1]),
          .ns = std::move(all[2]),
          .name = std::move(all[3]),
          .text = std::move(all[4])};
}

void RefusedKind::SetTexts(const Texts& texts) {
  packed =
      PackTexts({texts.verb, texts.resource, texts.ns, texts.name, texts.text});
}

void RefusedKind::Save(StateWriter& out) const {
  out.PutFixed64(tuple);
  if (out.rests()) {
    packed.Save(out);
  } else {
    const Texts all = texts();
    out.PutString(all.verb);
    out.PutString(all.resource);
    out.PutString(all.ns);
    out.PutString(all.name);
    out.PutString(all.text);
  }
  out.PutDouble(weight);
  out.PutU64(count);
  out.PutTime(first);
  out.PutTime(last);
}

void RefusedKind::Load(StateReader& in) {
  tuple = in.GetFixed64();
  if (in.rests()) {
    packed.Load(in, PackedText::kMaxBytes);
  } else {
    Texts all;
    all.verb = in.GetString();
    all.resource = in.GetString();
    all.ns = in.GetString();
    all.name = in.GetString();
    all.text = in.GetString();
    SetTexts(all);
  }
  weight = in.GetDouble();
  count = static_cast<uint32_t>(in.GetU64());
  first = in.GetTime();
  last = in.GetTime();
}

}  // namespace oddverb
