#include "pipeline/hash_key.h"

#include <sys/random.h>

#include "absl/strings/numbers.h"

namespace oddverb {

absl::StatusOr<std::string> RandomHashKey() {
  Hash128 key;
  if (::getrandom(&key, sizeof(key), 0) != sizeof(key)) {
    return absl::InternalError("the kernel gives no random bytes");
  }
  return key.ToHex();
}

// The other direction of Hash128::ToHex().
absl::StatusOr<KeyedHash> ParseHashKey(const std::string& hex) {
  uint64_t high = 0;
  uint64_t low = 0;
  if (hex.size() != 32 || !absl::SimpleHexAtoi(hex.substr(0, 16), &high) ||
      !absl::SimpleHexAtoi(hex.substr(16), &low)) {
    return absl::DataLossError("the hash key of the state is damaged");
  }
  return KeyedHash(high, low);
}

}  // namespace oddverb
