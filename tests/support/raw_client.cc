#include "tests/support/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace oddverb {
namespace {

// Nothing waits longer: a test that hangs should say where.
constexpr time_t kSafetySeconds = 30;

int ConnectTo(std::string_view address) {
  size_t colon = address.rfind(':');
  std::string host(address.substr(0, colon));
  auto port = static_cast<uint16_t>(
      std::atoi(std::string(address.substr(colon + 1)).c_str()));
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  bool is_v6 = host.front() == '[';
  if (is_v6) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr);
  } else {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    inet_pton(AF_INET, host.c_str(), &v4.sin_addr);
  }
  int opened =
      socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr* name = is_v6 ? reinterpret_cast<sockaddr*>(&v6)
                               : reinterpret_cast<sockaddr*>(&v4);
  socklen_t name_bytes = is_v6 ? sizeof(v6) : sizeof(v4);
  timeval safety{.tv_sec = kSafetySeconds, .tv_usec = 0};
  setsockopt(opened, SOL_SOCKET, SO_RCVTIMEO, &safety, sizeof(safety));
  setsockopt(opened, SOL_SOCKET, SO_SNDTIMEO, &safety, sizeof(safety));
  if (connect(opened, name, name_bytes) != 0) {
    close(opened);
    return -1;
  }
  return opened;
}

std::string ErrorText() {
  unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "connection ended";
}

}  // namespace

bool RawResponse::HasHeader(std::string_view line) const {
  return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
}

// OpenSSL writes with write(), which would kill the test when the server has
// closed: so its bytes go through a pair of memory buffers and send().
struct RawClient::Tls {
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;
  BIO* in = nullptr;   // owned by ssl
  BIO* out = nullptr;  // owned by ssl
  ~Tls() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }

  bool Flush(int socket) const {
    char bytes[16 << 10];
    int count;
    while ((count = BIO_read(out, bytes, sizeof(bytes))) > 0) {
      for (int sent = 0; sent < count;) {
        ssize_t now = send(socket, bytes + sent,
                           static_cast<size_t>(count - sent), MSG_NOSIGNAL);
        if (now <= 0) return false;
        sent += static_cast<int>(now);
      }
    }
    return true;
  }
  bool Fill(int socket) const {
    char bytes[16 << 10];
    ssize_t count = recv(socket, bytes, sizeof(bytes), 0);
    if (count <= 0) return false;
    BIO_write(in, bytes, static_cast<int>(count));
    return true;
  }
};

RawClient::RawClient(std::string_view address, const std::optional<RawTls>& tls)
    : socket_(ConnectTo(address)) {
  if (connected() && tls.has_value()) Handshake(*tls);
}

RawClient::~RawClient() {
  if (socket_ >= 0) close(socket_);
}

void RawClient::Handshake(const RawTls& tls) {
  tls_ = std::make_unique<Tls>();
  tls_->context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_security_level(tls_->context, 0);  // lets us offer TLS 1.1
  SSL_CTX_set_min_proto_version(tls_->context, tls.version);
  SSL_CTX_set_max_proto_version(tls_->context, tls.version);
  SSL_CTX_load_verify_file(tls_->context, tls.ca_file.c_str());
  SSL_CTX_set_verify(tls_->context, SSL_VERIFY_PEER, nullptr);
  if (!tls.certificate_file.empty()) {
    SSL_CTX_use_certificate_chain_file(tls_->context,
                                       tls.certificate_file.c_str());
    SSL_CTX_use_PrivateKey_file(tls_->context, tls.key_file.c_str(),
                                SSL_FILETYPE_PEM);
  }
  tls_->ssl = SSL_new(tls_->context);
  tls_->in = BIO_new(BIO_s_mem());
  tls_->out = BIO_new(BIO_s_mem());
  SSL_set_bio(tls_->ssl, tls_->in, tls_->out);
  if (!tls.alpn.empty()) {
    std::string wire;
    for (size_t at = 0; at < tls.alpn.size();) {
      size_t end = std::min(tls.alpn.find(',', at), tls.alpn.size());
      wire += static_cast<char>(end - at);
      wire += tls.alpn.substr(at, end - at);
      at = end + 1;
    }
    SSL_set_alpn_protos(tls_->ssl,
                        reinterpret_cast<const unsigned char*>(wire.data()),
                        static_cast<unsigned>(wire.size()));
  }
  ERR_clear_error();
  while (true) {
    int result = SSL_connect(tls_->ssl);
    bool flushed = tls_->Flush(socket_);
    if (result == 1) return;
    if (SSL_get_error(tls_->ssl, result) != SSL_ERROR_WANT_READ || !flushed ||
        !tls_->Fill(socket_)) {
      handshake_error_ = ErrorText();
      return;
    }
  }
}

std::string RawClient::tls_version() const {
  return SSL_get_version(tls_->ssl);
}

std::string RawClient::alpn() const {
  const unsigned char* name = nullptr;
  unsigned bytes = 0;
  SSL_get0_alpn_selected(tls_->ssl, &name, &bytes);
  return std::string(reinterpret_cast<const char*>(name), bytes);
}

bool RawClient::Send(std::string_view bytes) {
  if (tls_ != nullptr) {
    return SSL_write(tls_->ssl, bytes.data(), static_cast<int>(bytes.size())) >
               0 &&
           tls_->Flush(socket_);
  }
  while (!bytes.empty()) {
    ssize_t now = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (now <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(now));
  }
  return true;
}

bool RawClient::Receive() {
  std::vector<char> bytes(64 << 10);
  if (tls_ == nullptr) {
    ssize_t count = recv(socket_, bytes.data(), bytes.size(), 0);
    if (count <= 0) return false;
    received_.append(bytes.data(), static_cast<size_t>(count));
    return true;
  }
  while (true) {
    int count =
        SSL_read(tls_->ssl, bytes.data(), static_cast<int>(bytes.size()));
    if (count > 0) {
      received_.append(bytes.data(), static_cast<size_t>(count));
      return true;
    }
    if (SSL_get_error(tls_->ssl, count) != SSL_ERROR_WANT_READ) return false;
    tls_->Flush(socket_);
    if (!tls_->Fill(socket_)) return false;
  }
}

RawResponse RawClient::ReadHead() {
  RawResponse response;
  size_t end;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!Receive()) return response;
  }
  response.head = received_.substr(0, end + 2);
  received_.erase(0, end + 4);
  response.status = std::atoi(response.head.substr(9, 3).c_str());
  return response;
}

RawResponse RawClient::ReadResponse() {
  RawResponse response = ReadHead();
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  size_t at = response.head.find(kLength);
  if (response.status == 0 || at == std::string::npos) return response;
  size_t length = 0;
  std::from_chars(response.head.data() + at + kLength.size(),
                  response.head.data() + response.head.size(), length);
  while (received_.size() < length) {
    if (!Receive()) return {};
  }
  response.body = received_.substr(0, length);
  received_.erase(0, length);
  return response;
}

std::string RawClient::ReadToEnd() {
  while (Receive()) {
  }
  return std::exchange(received_, "");
}

bool RawClient::WaitReadable(absl::Duration timeout) const {
  pollfd poll_one{.fd = socket_, .events = POLLIN, .revents = 0};
  return poll(&poll_one, 1,
              static_cast<int>(absl::ToInt64Milliseconds(timeout))) > 0;
}

}  // namespace oddverb
