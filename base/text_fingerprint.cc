#include "base/text_fingerprint.h"

#include <sys/random.h>

namespace oddverb {

FingerprintKey::FingerprintKey(const KeyedHash& hash) {
  std::array<uint64_t, kWords> random{};
  // The kernel has always some; without it, those of `hash` have to do.
  (void)!::getrandom(random.data(), sizeof(random), GRND_NONBLOCK);
  for (size_t i = 0; i < kWords; ++i) words_[i] = hash.Combine(random[i], i);
}

}  // namespace oddverb
