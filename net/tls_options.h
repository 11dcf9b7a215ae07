// Which certificates and keys, as PEM files. TLS 1.2 and 1.3 only; neither
// side can be told to skip the checks. Plain values.
#ifndef ODDVERB_NET_TLS_OPTIONS_H_
#define ODDVERB_NET_TLS_OPTIONS_H_

#include <string>

namespace oddverb {

struct TlsServerOptions {
  std::string certificate_file = {};  // with the intermediates behind it
  std::string key_file = {};
  // Not empty: a client must show a certificate that one of these signed.
  std::string client_ca_file = {};
};

// The server's chain and name are always checked.
struct TlsClientOptions {
  std::string ca_file = {};           // empty: the system's authorities
  std::string certificate_file = {};  // empty: no client certificate
  std::string key_file = {};
};

}  // namespace oddverb

#endif  // ODDVERB_NET_TLS_OPTIONS_H_
