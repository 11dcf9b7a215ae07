#include "detectors/refused_kind.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/packed_texts.h"

namespace oddverb {
namespace {

constexpr size_t kTexts = 5;  // of RefusedKind::Texts, in its order

}  // namespace

RefusedKind::Texts RefusedKind::texts() const {
  auto [verb, resource, ns, name, text] = UnpackTexts<kTexts>(packed);
  return {.verb = std::move(verb),
          .resource = std::move(resource),
          .ns = std::move(ns),
          .name = std::move(name),
          .text = std::move(text)};
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
    for (const std::string& text : UnpackTexts<kTexts>(packed)) {
      out.PutString(text);
    }
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
    std::array<std::string_view, kTexts> texts;
    for (std::string_view& text : texts) text = in.GetString();
    packed = PackTexts(texts);
  }
  weight = in.GetDouble();
  count = static_cast<uint32_t>(in.GetU64());
  first = in.GetTime();
  last = in.GetTime();
}

}  // namespace oddverb
