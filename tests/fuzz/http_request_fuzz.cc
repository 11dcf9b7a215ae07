// Any bytes as an HTTP connection, through the parser and the body's decoder;
// and that a request is read the same in one piece and byte by byte, which is
// what request smuggling lives on.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_body.h"
#include "net/http_parser.h"

namespace oddverb {
namespace {

constexpr size_t kMaxBodyBytes = 64 << 10;
// Below the bounds of what may be pending, which do depend on the pieces.
constexpr size_t kMaxComparedBytes = 4 << 10;

struct Parsed {
  ParseStep step = ParseStep::kNeedsMore;
  std::string text;  // all that was read, to be compared
  size_t used_bytes = 0;
};

std::string TextOf(const HttpRequestHead& head) {
  std::string text = head.method + "|" + head.path + "|" + head.query + "|" +
                     std::to_string(head.content_length.value_or(0));
  for (const HttpHeader& header : head.headers) {
    text += "|" + header.name + "=" + header.value;
  }
  return text;
}

Parsed Parse(std::string_view bytes, size_t piece_bytes) {
  Parsed parsed;
  HttpParser parser(8 << 10);
  auto budget = std::make_shared<ByteBudget>(kMaxBodyBytes);
  std::unique_ptr<BodyReceiver> receiver;
  for (size_t end = 0; end < bytes.size();) {
    end = std::min(end + piece_bytes, bytes.size());
    while (parsed.used_bytes < end) {
      size_t consumed = 0;
      parsed.step = parser.Put(
          bytes.substr(parsed.used_bytes, end - parsed.used_bytes), consumed);
      parsed.used_bytes += consumed;
      if (parsed.step == ParseStep::kNeedsMore) break;
      if (parsed.step != ParseStep::kHeadDone) {
        if (receiver != nullptr && receiver->Finish() == BodyOutcome::kOk) {
          parsed.text += receiver->TakeBody()->view();
        }
        return parsed;
      }
      HttpRequestHead head = parser.TakeHead();
      parsed.text = TextOf(head);
      if (!parser.expects_body()) return parsed;
      receiver = std::make_unique<BodyReceiver>(
          BodyReceiver::Start{
              .coding = head.Header("Content-Encoding") == "gzip"
                            ? ContentCoding::kGzip
                            : ContentCoding::kIdentity,
              .max_bytes = kMaxBodyBytes},
          ByteLease(budget));
      parser.ReadBody(*receiver);
    }
  }
  return parsed;
}

bool IsRequest(const Parsed& parsed) {
  return parsed.step == ParseStep::kDone || parsed.step == ParseStep::kHeadDone;
}

void Check(std::string_view bytes) {
  Parsed whole = Parse(bytes, bytes.size());
  if (bytes.size() > kMaxComparedBytes) return;
  Parsed single = Parse(bytes, 1);
  // How early a bad request is known to be one may differ.
  if (!IsRequest(whole) && !IsRequest(single)) return;
  if (whole.step != single.step || whole.text != single.text ||
      whole.used_bytes != single.used_bytes) {
    std::abort();
  }
}

}  // namespace
}  // namespace oddverb

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  oddverb::Check({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
