#include "net/http_parser.h"

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

struct Parsed {
  ParseStep step = ParseStep::kNeedsMore;
  HttpRequestHead head;
  std::string body;
  size_t rest = 0;  // bytes that were not taken
};

// Feeds `pieces` as a connection does: what is left over comes again.
Parsed Parse(const std::vector<std::string>& pieces,
             size_t max_header_bytes = 8192, size_t max_body_bytes = 1 << 20) {
  Parsed parsed;
  HttpParser parser(max_header_bytes);
  auto budget = std::make_shared<ByteBudget>(size_t{1} << 30);
  BodyReceiver receiver({.max_bytes = max_body_bytes}, ByteLease(budget));
  std::string pending;
  for (const std::string& piece : pieces) {
    pending += piece;
    while (!pending.empty() &&
           (parsed.step == ParseStep::kNeedsMore ||
            (parsed.step == ParseStep::kHeadDone && parser.expects_body()))) {
      size_t consumed = 0;
      parsed.step = parser.Put(pending, consumed);
      pending.erase(0, consumed);
      if (parsed.step == ParseStep::kHeadDone) {
        parsed.head = parser.TakeHead();
        if (parser.expects_body()) parser.ReadBody(receiver);
      } else if (parsed.step == ParseStep::kNeedsMore) {
        break;
      }
    }
  }
  parsed.body = std::string(receiver.TakeBody()->view());
  parsed.rest = pending.size();
  return parsed;
}

const std::string kChunked =
    "POST /a?b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    "X-A: 1\r\n\r\n3\r\nabc\r\n1;e=\"v\"\r\nd\r\n00\r\nX-A: trailer\r\n\r\n";
const std::string kLength =
    "POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
    "X-A: 1\r\n\r\nabcd";

TEST(HttpParserTest, ReadsTheSameHoweverTheBytesAreCut) {
  for (const std::string& request : {kChunked, kLength}) {
    std::vector<std::vector<std::string>> ways;
    std::vector<std::string> bytes;
    for (size_t i = 0; i < request.size(); ++i) {
      ways.push_back({request.substr(0, i), request.substr(i)});
      bytes.push_back(request.substr(i, 1));
    }
    ways.push_back(bytes);
    for (const auto& way : ways) {
      Parsed parsed = Parse(way);
      ASSERT_EQ(parsed.step, ParseStep::kDone) << way[0];
      EXPECT_EQ(parsed.head.path, "/a");
      EXPECT_EQ(parsed.head.query, "b");
      EXPECT_EQ(parsed.head.Header("X-A"), "1") << "not the trailer";
      EXPECT_EQ(parsed.body, "abcd");
      EXPECT_EQ(parsed.rest, 0u);
    }
  }
}

TEST(HttpParserTest, LeavesTheNextRequestAlone) {
  for (const std::string& request : {kChunked, kLength}) {
    Parsed parsed = Parse({request + "GET / HTTP/1.1\r\n\r\n"});
    EXPECT_EQ(parsed.step, ParseStep::kDone);
    EXPECT_EQ(parsed.rest, 18u);
  }
}

TEST(HttpParserTest, HeadersInManyPiecesCountTogether) {
  std::vector<std::string> pieces = {"GET / HTTP/1.1\r\n"};
  for (int i = 0; i < 100; ++i) pieces.push_back("a: 12345\r\n");
  pieces.push_back("\r\n");
  EXPECT_EQ(Parse(pieces, 1018).step, ParseStep::kHeadDone);
  EXPECT_EQ(Parse(pieces, 1017).step, ParseStep::kHeaderTooLarge);
}

TEST(HttpParserTest, BoundsWhatAChunkedBodyMayHoldBesidesItsBytes) {
  const std::string head =
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(Parse({head, "3;" + std::string(5000, 'e')}).step,
            ParseStep::kMalformed);
  EXPECT_EQ(Parse({head, "0\r\na: " + std::string(5000, 't')}).step,
            ParseStep::kMalformed);
  std::vector<std::string> pieces = {head, "0\r\n"};
  for (int i = 0; i < 2000; ++i) pieces.push_back("a: 1\r\n");
  EXPECT_EQ(Parse(pieces).step, ParseStep::kMalformed);
}

TEST(HttpParserTest, RefusesSizesThatAreNone) {
  const std::string head =
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* size : {"-1\r\nabc", "0x3\r\nabc", " 3\r\nabc", "\r\nabcde",
                           "10000000000000000\r\n", "3 \nabcd"}) {
    EXPECT_EQ(Parse({head + size + "\r\n\r\n"}).step, ParseStep::kMalformed)
        << size;
  }
}

TEST(HttpParserTest, TheReceiverEndsABodyThatIsTooLarge) {
  EXPECT_EQ(Parse({kLength}, 8192, 4).step, ParseStep::kDone);
  EXPECT_EQ(Parse({kLength}, 8192, 3).step, ParseStep::kBodyRefused);
  EXPECT_EQ(Parse({kChunked}, 8192, 3).step, ParseStep::kBodyRefused);
}

// Mutations of good requests: any outcome is right that is reached without a
// crash and without more memory than allowed (the sanitizers watch).
TEST(HttpParserTest, SurvivesMutatedRequests) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string request = random() % 2 == 0 ? kChunked : kLength;
    for (size_t k = random() % 6 + 1; k > 0; --k) {
      size_t at = random() % request.size();
      switch (random() % 4) {
        case 0:
          request[at] = static_cast<char>(random());
          break;
        case 1:
          request.erase(at, random() % 5);
          break;
        case 2:
          request.insert(at, request.substr(random() % request.size(), 9));
          break;
        default:
          request.insert(at, "\r\n");
      }
      if (request.empty()) request = "\r";
    }
    size_t cut = random() % request.size();
    Parsed parsed = Parse({request.substr(0, cut), request.substr(cut)}, 200);
    ASSERT_LE(parsed.body.size(), request.size());
  }
}

}  // namespace
}  // namespace oddverb
