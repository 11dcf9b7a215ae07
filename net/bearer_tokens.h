// The tokens that a listener accepts. Only their hashes are kept, and each
// look-up compares with every one of them in constant time, so that neither
// the time of an answer nor a core file tells a token. Immutable.
#ifndef ODDVERB_NET_BEARER_TOKENS_H_
#define ODDVERB_NET_BEARER_TOKENS_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

class BearerTokens {
 public:
  // Empty tokens are left out: an empty file must not open the door.
  explicit BearerTokens(const std::vector<std::string>& tokens);

  // Value of an Authorization header ("Bearer abc"; RFC 6750).
  bool Accepts(std::string_view authorization) const;
  // The token itself, for senders that have another header for it.
  bool AcceptsToken(std::string_view token) const;
  bool empty() const { return digests_.empty(); }

 private:
  using Digest = std::array<uint8_t, 32>;
  static Digest Sha256(std::string_view text);
  std::vector<Digest> digests_;
};

}  // namespace oddverb

#endif  // ODDVERB_NET_BEARER_TOKENS_H_
