// Secrets of a configuration: what each kind may look like, and files of them.
// No message holds any part of a secret. Thread-safe.
#ifndef ODDVERB_APP_CONFIG_SECRETS_H_
#define ODDVERB_APP_CONFIG_SECRETS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace oddverb {

enum class SecretKind : uint8_t {
  kToken,   // a bearer token, RFC 6750 2.1
  kUrl,     // http or https; its path is often a secret (Slack)
  kHeader,  // "Name: value" of an HTTP request
  kPassword,
};

// OK for what `kind` may be, up to 4 KiB.
absl::Status CheckSecret(SecretKind kind, std::string_view text);

// One a line; blank lines and blanks at the ends do not count. At least one and
// at most `max_secrets`, each as CheckSecret() wants it.
absl::StatusOr<std::vector<std::string>> ReadSecretFile(SecretKind kind,
                                                        const std::string& path,
                                                        size_t max_secrets);

}  // namespace oddverb

#endif  // ODDVERB_APP_CONFIG_SECRETS_H_
