// SHA-256 (FIPS 180-4), for names that others made with it: the credential-id
// of a client certificate is that of its DER. Nothing is kept secret by it
// here, and nothing decides by it but equality. Pure function; thread-safe.
#ifndef ODDVERB_BASE_SHA256_H_
#define ODDVERB_BASE_SHA256_H_

#include <string>
#include <string_view>

namespace oddverb {

// 64 lower-case hex digits.
std::string Sha256Hex(std::string_view bytes);

}  // namespace oddverb

#endif  // ODDVERB_BASE_SHA256_H_
