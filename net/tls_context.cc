#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstring>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace oddverb {
namespace {

// A client's chain: leaf, two intermediates, root.
constexpr int kMaxChainDepth = 4;

// The oldest queued error, as text; empties the queue of this thread.
std::string TakeOpensslError() {
  unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  // A system error (file not found) has no reason text of OpenSSL's own.
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : absl::StrCat("OpenSSL error ", code);
}

absl::Status FileError(std::string_view option, std::string_view file,
                       std::string_view cure) {
  return absl::InvalidArgumentError(
      absl::StrCat(A(option), ": ", TakeOpensslError(), " (", A(cure), "): \"",
                   A(file), "\""));
}

// OpenSSL would ask the terminal for the passphrase of an encrypted key.
int RefusePassphrase(char*, int, int, void*) { return 0; }

int ChooseHttp11(SSL*, const unsigned char** out, unsigned char* out_bytes,
                 const unsigned char* offered, unsigned int offered_bytes,
                 void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  int found = SSL_select_next_proto(
      &chosen, out_bytes, kHttp11, sizeof(kHttp11) - 1, offered, offered_bytes);
  *out = chosen;
  // RFC 7301 3.2: no protocol in common is a fatal alert.
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK
                                         : SSL_TLSEXT_ERR_ALERT_FATAL;
}

absl::Status LoadCertificate(SSL_CTX* context,
                             const TlsServerOptions& options) {
  if (options.certificate_file.empty() || options.key_file.empty()) {
    return absl::InvalidArgumentError(
        "TLS needs both certificate_file and key_file");
  }
  if (SSL_CTX_use_certificate_chain_file(
          context, options.certificate_file.c_str()) != 1) {
    return FileError("certificate_file", options.certificate_file,
                     "a readable PEM file, the server's certificate first");
  }
  if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(),
                                  SSL_FILETYPE_PEM) != 1) {
    return FileError("key_file", options.key_file,
                     "a readable PEM key without a passphrase that belongs to "
                     "certificate_file");
  }
  return absl::OkStatus();
}

absl::Status RequireClientCertificate(SSL_CTX* context,
                                      const std::string& ca_file) {
  if (SSL_CTX_load_verify_file(context, ca_file.c_str()) != 1) {
    return FileError("client_ca_file", ca_file,
                     "a readable PEM file of certificate authorities");
  }
  // The names are sent to the client, which chooses its certificate by them.
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(ca_file.c_str());
  if (names == nullptr) {
    return FileError("client_ca_file", ca_file,
                     "a readable PEM file of certificate authorities");
  }
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     nullptr);
  SSL_CTX_set_verify_depth(context, kMaxChainDepth);
  return absl::OkStatus();
}

}  // namespace

void TlsDeleter::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

void TlsDeleter::operator()(ssl_st* connection) const { SSL_free(connection); }

TlsConnection NewTlsConnection(ssl_ctx_st* context) {
  return TlsConnection(SSL_new(context));
}

absl::StatusOr<TlsContext> MakeTlsContext(const TlsServerOptions& options) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) {
    return absl::InternalError(
        absl::StrCat("cannot set up TLS: ", TakeOpensslError()));
  }
  SSL_CTX* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                               SSL_OP_NO_TICKET |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  // 34 KiB less for each connection that waits.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(raw, &ChooseHttp11, nullptr);
  SSL_CTX_set_default_passwd_cb(raw, &RefusePassphrase);

  ODDVERB_RETURN_IF_ERROR(LoadCertificate(raw, options));
  if (!options.client_ca_file.empty()) {
    ODDVERB_RETURN_IF_ERROR(
        RequireClientCertificate(raw, options.client_ca_file));
  }
  return context;
}

std::string PeerCommonName(const ssl_st* connection) {
  const X509* certificate = SSL_get0_peer_certificate(connection);
  if (certificate == nullptr) return "";
  const X509_NAME* subject = X509_get_subject_name(certificate);
  int last = -1;
  for (int at = -1;
       (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
    last = at;
  }
  if (last < 0) return "";
  unsigned char* text = nullptr;
  int bytes = ASN1_STRING_to_UTF8(
      &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
  if (bytes < 0) {
    ERR_clear_error();
    return "";
  }
  std::string name(reinterpret_cast<const char*>(text),
                   static_cast<size_t>(bytes));
  OPENSSL_free(text);
  if (name.find('\0') != std::string::npos) return "";
  return name;
}

}  // namespace oddverb
