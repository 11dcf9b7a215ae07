#include "net/bearer_tokens.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "absl/strings/match.h"
#include "base/strings.h"

namespace oddverb {

BearerTokens::BearerTokens(const std::vector<std::string>& tokens) {
  for (const std::string& token : tokens) {
    if (!token.empty()) digests_.push_back(Sha256(token));
  }
}

BearerTokens::Digest BearerTokens::Sha256(std::string_view text) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         digest.data());
  return digest;
}

bool BearerTokens::Accepts(std::string_view authorization) const {
  constexpr std::string_view kScheme = "Bearer ";
  if (!absl::StartsWithIgnoreCase(A(authorization), A(kScheme))) return false;
  std::string_view token = authorization.substr(kScheme.size());
  while (token.starts_with(' ')) token.remove_prefix(1);
  return AcceptsToken(token);
}

bool BearerTokens::AcceptsToken(std::string_view token) const {
  const Digest shown = Sha256(token);
  bool accepted = false;
  for (const Digest& digest : digests_) {
    accepted |= CRYPTO_memcmp(shown.data(), digest.data(), shown.size()) == 0;
  }
  return accepted;
}

}  // namespace oddverb
