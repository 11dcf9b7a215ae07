// The secret key of a state's hashes, as it is kept. Thread-safe.
#ifndef ODDVERB_PIPELINE_HASH_KEY_H_
#define ODDVERB_PIPELINE_HASH_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/keyed_hash.h"

namespace oddverb {

// A new one, 32 hexadecimal digits. Internal: the kernel gives no random bytes.
absl::StatusOr<std::string> RandomHashKey();

// DataLoss: no such digits.
absl::StatusOr<KeyedHash> ParseHashKey(const std::string& hex);

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_HASH_KEY_H_
