// Which tokens of a pod were used lately. The kubelet renews a pod's token each
// hour, and the program in it uses the old one until it reads the file again;
// a pod has one more for each audience that asks for its own. Plain state, one
// thread.
#ifndef ODDVERB_DETECTORS_POD_TOKENS_H_
#define ODDVERB_DETECTORS_POD_TOKENS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/state_io.h"

namespace oddverb {

class PodTokens {
 public:
  // Of more that take turns each use looks like a first one.
  static constexpr size_t kMany = 4;

  // Whether the token, of this key, is none of the last kMany that were used.
  // By 32 bits: one token in a billion is missed.
  bool Note(uint64_t key) {
    auto token = static_cast<uint32_t>(key ^ key >> 32);
    if (token == 0) token = 1;
    const auto found = std::find(tokens_.begin(), tokens_.end(), token);
    const bool is_new = found == tokens_.end();
    // What was used last stands first.
    const auto last = is_new ? tokens_.end() - 1 : found;
    std::copy_backward(tokens_.begin(), last, last + 1);
    tokens_[0] = token;
    return is_new;
  }

  void Save(StateWriter& out) const {
    const auto end = std::find(tokens_.begin(), tokens_.end(), 0u);
    out.PutU64(static_cast<uint64_t>(end - tokens_.begin()));
    for (auto token = tokens_.begin(); token != end; ++token) {
      out.PutFixed32(*token);
    }
  }
  void Load(StateReader& in) {  // failures show in in.status()
    tokens_ = {};
    const uint64_t many = in.GetCount(sizeof(uint32_t));
    if (many > kMany) return in.Fail();
    for (size_t i = 0; i < many; ++i) tokens_[i] = in.GetFixed32();
  }

 private:
  std::array<uint32_t, kMany> tokens_{};  // that was used last first; 0 = none
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_POD_TOKENS_H_
