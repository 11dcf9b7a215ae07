// Turns TlsServerOptions into an OpenSSL context: TLS 1.2 and 1.3, ALPN
// "http/1.1" only, no resumption (a resumed session would skip the check of
// the client's certificate), no renegotiation. A context is immutable.
#ifndef ODDVERB_NET_TLS_CONTEXT_H_
#define ODDVERB_NET_TLS_CONTEXT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "net/tls_options.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX
struct ssl_st;      // OpenSSL's SSL

namespace oddverb {

struct TlsDeleter {
  void operator()(ssl_ctx_st* context) const;
  void operator()(ssl_st* connection) const;
};
using TlsContext = std::unique_ptr<ssl_ctx_st, TlsDeleter>;
using TlsConnection = std::unique_ptr<ssl_st, TlsDeleter>;

// Reads the files now; InvalidArgument names the file that is to blame.
absl::StatusOr<TlsContext> MakeTlsContext(const TlsServerOptions& options);

// Shares the context, which may go first. Null when out of memory.
TlsConnection NewTlsConnection(ssl_ctx_st* context);

// Common name of the certificate that the peer has shown and that was
// verified; the last one if there are several (as Go reads it, so that the
// API server and we agree). Empty without a certificate, without a name, and
// for a name with a NUL inside.
std::string PeerCommonName(const ssl_st* connection);

}  // namespace oddverb

#endif  // ODDVERB_NET_TLS_CONTEXT_H_
