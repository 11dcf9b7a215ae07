// A request as handlers see it and the response they give. Plain values that
// own their bytes.
#ifndef ODDVERB_NET_HTTP_MESSAGE_H_
#define ODDVERB_NET_HTTP_MESSAGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/time/time.h"
#include "base/ip_address.h"
#include "base/padded_buffer.h"

namespace oddverb {

struct HttpHeader {
  std::string name = {};
  std::string value = {};
};

// All text is as the client sent it: bounded, but any bytes.
struct HttpRequestHead {
  std::string method = {};  // upper case; GET where the client sent HEAD
  std::string path;         // begins with '/', not percent-decoded
  std::string query;        // behind the '?', not decoded
  std::vector<HttpHeader> headers = {};
  // As sent, before decoding; none if chunked.
  std::optional<uint64_t> content_length = {};
  IpAddress peer;
  // Subject common name of the verified client certificate (mTLS), else empty.
  std::string client_name = {};

  // Value of the first header of this name in any case of letters.
  std::optional<std::string_view> Header(std::string_view name) const
      ABSL_ATTRIBUTE_LIFETIME_BOUND;
};

struct HttpRequest {
  HttpRequestHead head;
  std::unique_ptr<PaddedBuffer> body = {};  // decoded; never null
};

struct HttpResponse {
  int status = 200;  // 200 to 599
  std::string content_type = {};
  std::string body = {};
  // Sent in whole seconds, rounded up.
  std::optional<absl::Duration> retry_after = {};
  // Names and values with control characters are not sent.
  std::vector<HttpHeader> headers = {};
};

// A response of one line of text/plain.
HttpResponse TextResponse(int status, std::string_view line);

enum class ConnectionFate : uint8_t { kKeep, kClose };

// Status line and headers, with the empty line that ends them.
std::string ResponseHead(const HttpResponse& response, ConnectionFate fate);

}  // namespace oddverb

#endif  // ODDVERB_NET_HTTP_MESSAGE_H_
