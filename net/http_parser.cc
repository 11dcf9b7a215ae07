#include "net/http_parser.h"

#include <boost/beast/core/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <utility>

#include "base/uri.h"

namespace oddverb {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using beast::error_code;

// A chunk's size line with its extensions, or all trailers.
constexpr size_t kMaxChunkLineBytes = 4 << 10;
// "0\r\n\r\n". At least so much is to come before a chunked body ends, and
// Beast asserts that it sees so much once it has read the "0".
constexpr size_t kChunkEndBytes = 5;

std::string ToString(beast::string_view text) {
  return std::string(text.data(), text.size());
}

}  // namespace

class HttpParser::Machine final : public http::basic_parser<true> {
 public:
  explicit Machine(size_t max_header_bytes) {
    header_limit(static_cast<uint32_t>(max_header_bytes));
    // The receiver has the limit: it must be told after authentication.
    body_limit(boost::none);
    eager(false);  // stops behind the head
  }

  HttpRequestHead head;
  int version = 0;
  BodyReceiver* receiver = nullptr;

 private:
  void on_request_impl(http::verb, beast::string_view method,
                       beast::string_view target, int http_version,
                       error_code&) override {
    version = http_version;
    std::string text = ToString(target);
    UriParts parts = SplitUri(text);
    head.method = ToString(method);
    head.path = std::string(parts.path);
    head.query = std::string(parts.query);
  }
  void on_field_impl(http::field, beast::string_view name,
                     beast::string_view value, error_code&) override {
    // Trailers come here too: they must not become headers.
    if (is_header_done()) return;
    head.headers.push_back({ToString(name), ToString(value)});
  }
  void on_header_impl(error_code&) override {
    boost::optional<uint64_t> length = content_length();
    if (length.has_value()) head.content_length = *length;
  }
  size_t on_body_impl(beast::string_view bytes, error_code& error) override {
    if (receiver->Put({bytes.data(), bytes.size()}) != BodyOutcome::kOk) {
      error = http::error::body_limit;
    }
    return bytes.size();
  }
  size_t on_chunk_body_impl(uint64_t, beast::string_view bytes,
                            error_code& error) override {
    return on_body_impl(bytes, error);
  }
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&,
                         error_code&) override {}
  void on_chunk_header_impl(uint64_t, beast::string_view,
                            error_code&) override {}
  void on_finish_impl(error_code&) override {}
};

HttpParser::HttpParser(size_t max_header_bytes)
    : machine_(std::make_unique<Machine>(max_header_bytes)),
      max_header_bytes_(max_header_bytes) {}

HttpParser::~HttpParser() = default;

ParseStep HttpParser::Put(std::string_view bytes, size_t& consumed) {
  consumed = 0;
  Machine& machine = *machine_;
  bool in_head = !machine.is_header_done();
  if (!in_head && machine.chunked() && bytes.size() < kChunkEndBytes) {
    return ParseStep::kNeedsMore;
  }
  error_code error;
  consumed = machine.put({bytes.data(), bytes.size()}, error);
  if (in_head) {
    // Beast's limit is for what one call leaves over, not for the sum.
    header_bytes_ += consumed;
    size_t pending = machine.is_header_done() ? 0 : bytes.size() - consumed;
    if (header_bytes_ + pending > max_header_bytes_ ||
        error == http::error::header_limit) {
      return ParseStep::kHeaderTooLarge;
    }
  }
  if (error == http::error::need_more) {
    bool stuck = !in_head && bytes.size() - consumed > kMaxChunkLineBytes;
    return stuck ? ParseStep::kMalformed : ParseStep::kNeedsMore;
  }
  if (error == http::error::body_limit) return ParseStep::kBodyRefused;
  if (error) return ParseStep::kMalformed;
  if (in_head) {
    return machine.is_header_done() ? ParseStep::kHeadDone
                                    : ParseStep::kNeedsMore;
  }
  return machine.is_done() ? ParseStep::kDone : ParseStep::kNeedsMore;
}

void HttpParser::ReadBody(BodyReceiver& receiver) {
  machine_->receiver = &receiver;
  machine_->eager(true);
}

HttpRequestHead HttpParser::TakeHead() { return std::move(machine_->head); }

bool HttpParser::expects_body() const { return !machine_->is_done(); }

bool HttpParser::keep_alive() const {
  return is_http11() && machine_->keep_alive();
}

bool HttpParser::is_http11() const { return machine_->version == 11; }

}  // namespace oddverb
