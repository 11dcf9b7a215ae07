#include "net/http_client.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/uri.h"

namespace oddverb {
namespace {

// libcurl's own timers and Abort() end a wait before.
constexpr int kPollMilliseconds = 60'000;

// CURL and CURLM are both void.
struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           std::strchr("!#$%&'*+-.^_`|~", c) != nullptr;
  });
}

bool IsHeaderValue(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

absl::Status CheckRequest(const HttpClientRequest& request) {
  // A header with a line break would be two.
  if (!IsToken(request.method)) {
    return absl::InvalidArgumentError("not an HTTP method");
  }
  if (!IsHeaderValue(request.url)) {
    return absl::InvalidArgumentError("the URL has control characters");
  }
  for (const HttpHeader& header : request.headers) {
    if (!IsToken(header.name) || !IsHeaderValue(header.value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("not an HTTP header: \"",
                       IsToken(header.name) ? header.name : "", "\""));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckReadable(std::string_view option, const std::string& file) {
  if (file.empty() || access(file.c_str(), R_OK) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(A(option), ": ", std::strerror(errno), ": \"", file, "\""));
}

std::string_view CureOf(CURLcode code, std::string_view detail) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      if (absl::StrContains(A(detail), "subject name")) {
        return "the URL's host must be a subject alternative name of the "
               "server's certificate";
      }
      if (absl::StrContains(A(detail), "expired")) {
        return "renew the server's certificate";
      }
      return "ca_file must hold the authority that signed the server's "
             "certificate";
    case CURLE_SSL_CERTPROBLEM:
      return "check certificate_file and key_file";
    case CURLE_SSL_CACERT_BADFILE:
      return "ca_file must be a readable PEM file";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_RECV_ERROR:
      if (absl::StrContains(A(detail), "certificate required")) {
        return "the server wants a client certificate: set certificate_file "
               "and key_file";
      }
      if (absl::StrContains(A(detail), "alert")) {
        return "the server has refused our certificate or TLS version";
      }
      if (absl::StrContains(A(detail), "wrong version number")) {
        return "the server does not speak TLS here: use http, or another port";
      }
      return "";
    case CURLE_UNSUPPORTED_PROTOCOL:
      // What curl calls an answer without a status line.
      if (absl::StrContains(A(detail), "HTTP/0.9")) {
        return "the server does not speak HTTP here: use https, or another "
               "port";
      }
      return "";
    case CURLE_COULDNT_RESOLVE_HOST:
      return "check the host name";
    case CURLE_COULDNT_CONNECT:
      return "is it running, and is the port right?";
    case CURLE_OPERATION_TIMEDOUT:
      return "it is down, overloaded, or behind a firewall";
    default:
      return "";
  }
}

absl::StatusCode CodeOf(CURLcode code, std::string_view cure) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
      return absl::StatusCode::kInvalidArgument;
    case CURLE_UNSUPPORTED_PROTOCOL:
      // Of the URL, which is our mistake, or of the answer.
      return cure.empty() ? absl::StatusCode::kInvalidArgument
                          : absl::StatusCode::kUnavailable;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return absl::StatusCode::kFailedPrecondition;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_RECV_ERROR:
      // A cut connection heals, a refused certificate does not.
      return cure.empty() ? absl::StatusCode::kUnavailable
                          : absl::StatusCode::kFailedPrecondition;
    case CURLE_OUT_OF_MEMORY:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

absl::Status ErrorOf(CURLcode code, std::string_view url,
                     std::string_view detail) {
  if (detail.empty()) detail = curl_easy_strerror(code);
  std::string_view cure = CureOf(code, detail);
  return absl::Status(
      CodeOf(code, cure),
      absl::StrCat(A(detail), cure.empty() ? "" : " (", A(cure),
                   cure.empty() ? "" : ")", ": ", UriOrigin(url)));
}

}  // namespace

class HttpClient::Impl {
 public:
  explicit Impl(const HttpClientOptions& options)
      : options_(options), easy_(curl_easy_init()), multi_(curl_multi_init()) {}

  bool ready() const { return easy_ != nullptr && multi_ != nullptr; }

  absl::StatusOr<HttpResult> Send(const HttpClientRequest& request,
                                  absl::Duration timeout) {
    ODDVERB_RETURN_IF_ERROR(CheckRequest(request));
    std::unique_ptr<curl_slist, ListDeleter> headers = HeaderList(request);
    if (headers == nullptr) {
      return absl::ResourceExhaustedError("out of memory for HTTP headers");
    }
    result_ = {};
    is_head_whole_ = false;
    error_text_[0] = '\0';
    Configure(request, headers.get(), timeout);
    CURLcode code = Perform();
    if (abort_) {
      return absl::CancelledError(
          absl::StrCat("aborted: ", UriOrigin(request.url)));
    }
    // What is cut off by ourselves is a success.
    if (code != CURLE_OK && !result_.body_is_cut) {
      return ErrorOf(code, request.url, error_text_.data());
    }
    // libcurl takes a connection that ends inside of the head for the end of
    // the response.
    if (!is_head_whole_) {
      return absl::UnavailableError(absl::StrCat(
          "the response ends inside of its head: ", UriOrigin(request.url)));
    }
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    result_.status = static_cast<int>(status);
    return std::move(result_);
  }

  void Abort() {
    abort_ = true;
    curl_multi_wakeup(multi_.get());
  }

 private:
  static std::unique_ptr<curl_slist, ListDeleter> HeaderList(
      const HttpClientRequest& request) {
    // libcurl would ask 100-continue for large bodies, and wait for a second
    // where the server does not know of it.
    std::unique_ptr<curl_slist, ListDeleter> list(
        curl_slist_append(nullptr, "Expect:"));
    for (const HttpHeader& header : request.headers) {
      // "Name;" is how libcurl wants a header without a value.
      std::string line = header.value.empty()
                             ? absl::StrCat(header.name, ";")
                             : absl::StrCat(header.name, ": ", header.value);
      curl_slist* grown = curl_slist_append(list.get(), line.c_str());
      if (grown == nullptr) return nullptr;
      list.release();
      list.reset(grown);
    }
    return list;
  }

  void Configure(const HttpClientRequest& request, curl_slist* headers,
                 absl::Duration timeout) {
    CURL* easy = easy_.get();
    curl_easy_reset(easy);  // keeps connections
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_URL, std::string(request.url).c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     static_cast<long>(CURL_HTTP_VERSION_1_1));
    if (options_.proxy == ProxyUse::kNone) {
      curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }
    long milliseconds = static_cast<long>(std::clamp<int64_t>(
        absl::ToInt64Milliseconds(timeout), 1, int64_t{24} * 3600 * 1000));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds);
    curl_easy_setopt(
        easy, CURLOPT_CONNECTTIMEOUT_MS,
        static_cast<long>(std::max<int64_t>(
            absl::ToInt64Milliseconds(options_.connect_timeout), 1)));
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    ConfigureTls();

    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    if (!request.body.empty() || request.method == "POST" ||
        request.method == "PUT") {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                       request.body.empty() ? "" : request.body.data());
    }
    if (request.method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
                     std::string(request.method).c_str());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &TakeBody);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &TakeHeader);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text_.data());
  }

  void ConfigureTls() {
    CURL* easy = easy_.get();
    const TlsClientOptions& tls = options_.tls;
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                     static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!tls.ca_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_CAINFO, tls.ca_file.c_str());
      // Only these: the system's authorities sign for anyone.
      curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    }
    if (!tls.certificate_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_SSLCERT, tls.certificate_file.c_str());
      curl_easy_setopt(easy, CURLOPT_SSLKEY, tls.key_file.c_str());
    }
  }

  // The multi interface, as only it can be woken up by another thread.
  CURLcode Perform() {
    if (curl_multi_add_handle(multi_.get(), easy_.get()) != CURLM_OK) {
      return CURLE_FAILED_INIT;
    }
    absl::Cleanup remove = [this] {
      curl_multi_remove_handle(multi_.get(), easy_.get());
    };
    while (!abort_) {
      int running = 0;
      if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) break;
      if (running == 0) {
        int left = 0;
        const CURLMsg* message = curl_multi_info_read(multi_.get(), &left);
        return message != nullptr ? message->data.result : CURLE_FAILED_INIT;
      }
      if (curl_multi_poll(multi_.get(), nullptr, 0, kPollMilliseconds,
                          nullptr) != CURLM_OK) {
        break;
      }
    }
    return CURLE_ABORTED_BY_CALLBACK;
  }

  static size_t TakeBody(char* bytes, size_t, size_t count, void* user) {
    Impl& self = *static_cast<Impl*>(user);
    size_t room = self.options_.max_response_bytes - self.result_.body.size();
    size_t taken = std::min(room, count);
    self.result_.body.append(bytes, taken);
    // Taking less than offered ends the transfer.
    self.result_.body_is_cut = taken < count;
    return taken;
  }

  static size_t TakeHeader(char* bytes, size_t, size_t count, void* user) {
    Impl& self = *static_cast<Impl*>(user);
    HttpResult& result = self.result_;
    std::string_view line(bytes, count);
    // An interim response has a head of its own.
    if (line.starts_with("HTTP/")) self.is_head_whole_ = false;
    if (line == "\r\n" || line == "\n") self.is_head_whole_ = true;
    size_t colon = line.find(':');
    if (colon == std::string_view::npos) return count;
    absl::string_view name = A(line.substr(0, colon));
    absl::string_view value =
        absl::StripAsciiWhitespace(A(line.substr(colon + 1)));
    if (absl::EqualsIgnoreCase(name, "Retry-After")) {
      result.retry_after = std::string(value);
    } else if (absl::EqualsIgnoreCase(name, "Content-Type")) {
      result.content_type = std::string(value);
    }
    return count;
  }

  const HttpClientOptions options_;
  std::unique_ptr<CURL, EasyDeleter> easy_;
  std::unique_ptr<CURLM, MultiDeleter> multi_;
  std::atomic<bool> abort_{false};

  // The request under way.
  HttpResult result_;
  bool is_head_whole_ = false;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
};

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpClient::~HttpClient() = default;

absl::StatusOr<std::unique_ptr<HttpClient>> HttpClient::Make(
    const HttpClientOptions& options) {
  // Thread-safe since libcurl 7.84, and once in a process.
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialized != CURLE_OK) {
    return absl::InternalError(absl::StrCat("cannot set up libcurl: ",
                                            curl_easy_strerror(initialized)));
  }
  const TlsClientOptions& tls = options.tls;
  if (tls.certificate_file.empty() != tls.key_file.empty()) {
    return absl::FailedPreconditionError(
        "a client certificate needs both certificate_file and key_file");
  }
  ODDVERB_RETURN_IF_ERROR(CheckReadable("ca_file", tls.ca_file));
  ODDVERB_RETURN_IF_ERROR(
      CheckReadable("certificate_file", tls.certificate_file));
  ODDVERB_RETURN_IF_ERROR(CheckReadable("key_file", tls.key_file));
  auto impl = std::make_unique<Impl>(options);
  if (!impl->ready()) return absl::InternalError("cannot set up libcurl");
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

absl::StatusOr<HttpResult> HttpClient::Send(const HttpClientRequest& request,
                                            absl::Duration timeout) {
  return impl_->Send(request, timeout);
}

void HttpClient::Abort() { impl_->Abort(); }

}  // namespace oddverb
