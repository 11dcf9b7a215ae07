// Payloads inside of records as bytes again: base64 and compression. What comes
// out lies in an arena, with readable padding behind it, and is bounded: the
// sender of a record decides what stands in it. Pure functions.
#ifndef ODDVERB_INGEST_PAYLOAD_BYTES_H_
#define ODDVERB_INGEST_PAYLOAD_BYTES_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "base/arena.h"

namespace oddverb {

// The name of the compression that the first bytes tell, "" = none. Neither
// form can be JSON: its second byte is no UTF-8.
std::string_view CompressionOf(std::string_view bytes);

struct Decompressed {
  std::string_view text;  // also what could be read before an error
  // DataLoss: the data are damaged or cut off. ResourceExhausted: there are
  // more than `most_bytes`.
  absl::Status status;
};
// REQUIRES: CompressionOf(stored) tells one.
Decompressed Decompress(std::string_view stored, size_t most_bytes,
                        Arena& arena ABSL_ATTRIBUTE_LIFETIME_BOUND);

// nullopt: `text` is no base64 (RFC 4648, section 4; padding may be missing).
std::optional<std::string_view> DecodeBase64(
    std::string_view text, Arena& arena ABSL_ATTRIBUTE_LIFETIME_BOUND);

// A copy with kJsonStringPadding readable bytes behind it.
std::string_view CopyPadded(std::string_view text,
                            Arena& arena ABSL_ATTRIBUTE_LIFETIME_BOUND);

}  // namespace oddverb

#endif  // ODDVERB_INGEST_PAYLOAD_BYTES_H_
