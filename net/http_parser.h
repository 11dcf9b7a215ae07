// Incremental parser of one HTTP/1.x request, for bytes from anyone: Beast's
// basic_parser with the total limits that it leaves to its user.
//
// One thread. For the next request on a connection make a new one.
#ifndef ODDVERB_NET_HTTP_PARSER_H_
#define ODDVERB_NET_HTTP_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "net/http_body.h"
#include "net/http_message.h"

namespace oddverb {

enum class ParseStep : uint8_t {
  kNeedsMore,
  kHeadDone,  // once; TakeHead(), then ReadBody() if expects_body()
  kDone,      // the body has ended
  // The request cannot go on, nor the connection:
  kHeaderTooLarge,
  kMalformed,
  kBodyRefused,  // by the BodyReceiver, which knows why
};

class HttpParser {
 public:
  explicit HttpParser(size_t max_header_bytes);
  ~HttpParser();
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;

  // Reads what it can of `bytes` and says in `consumed` how much that was; the
  // rest must come again, with more behind it.
  // REQUIRES: no final step was returned before.
  ParseStep Put(std::string_view bytes, size_t& consumed);

  // After kHeadDone. `receiver` must outlive the parser.
  void ReadBody(BodyReceiver& receiver);
  HttpRequestHead TakeHead();
  bool expects_body() const;
  // HTTP/1.1 without "Connection: close".
  bool keep_alive() const;
  bool is_http11() const;

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
  const size_t max_header_bytes_;
  size_t header_bytes_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_NET_HTTP_PARSER_H_
