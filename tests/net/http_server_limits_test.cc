// Clients that are slow, silent, too many, too large, or not HTTP at all.
#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/http_server.h"
#include "tests/net/http_test_server.h"
#include "tests/support/input_files.h"
#include "tests/support/test_certificates.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(HttpServerLimitsTest, ABodyAtTheLimitIsReadAndOneAboveGets413) {
  HttpTestServer test;
  test.options.limits.max_body_bytes = 1000;
  test.Start();
  const std::string at_limit(1000, 'x');
  const std::string above(1001, 'x');
  RawClient client(test.address());
  client.Send(PostText(at_limit));
  EXPECT_EQ(client.ReadResponse().body, at_limit);
  client.Send(PostText(above));
  RawResponse response = client.ReadResponse();
  EXPECT_EQ(response.status, 413);
  EXPECT_TRUE(response.HasHeader("Connection: close"));
  EXPECT_EQ(client.ReadToEnd(), "");

  // An announced length is enough: of this body not a byte is sent.
  RawClient announcing(test.address());
  announcing.Send("POST /x HTTP/1.1\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_EQ(announcing.ReadResponse().status, 413);

  // Without a length the limit is met on the way.
  auto chunked = [&](size_t bytes) {
    RawClient another(test.address());
    std::string body = "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (size_t i = 0; i < bytes; ++i) body += "1\r\nx\r\n";
    another.Send(body + "0\r\n\r\n");
    return another.ReadResponse().status;
  };
  EXPECT_EQ(chunked(1000), 200);
  EXPECT_EQ(chunked(1001), 413);
  EXPECT_EQ(test.counters().Of(HttpRefusal::kBodyTooLarge), 3u);
}

TEST(HttpServerLimitsTest, AGzipBombGets413) {
  HttpTestServer test;
  test.options.limits.max_body_bytes = 100'000;
  test.Start();
  auto post = [&](const std::string& body) {
    RawClient client(test.address());
    client.Send(
        "POST /x HTTP/1.1\r\nContent-Encoding: gzip\r\n"
        "Content-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
    return client.ReadResponse();
  };
  EXPECT_EQ(post(GzipOf(std::string(100'000, '0'))).body,
            std::string(100'000, '0'));
  EXPECT_EQ(post(GzipOf(std::string(100'001, '0'))).status, 413);
  std::string bomb = GzipOf(std::string(50 << 20, '0'));
  ASSERT_LT(bomb.size(), 100'000u);
  EXPECT_EQ(post(bomb).status, 413);
}

TEST(HttpServerLimitsTest, AHeaderAtTheLimitIsReadAndOneAboveGets431) {
  HttpTestServer test;
  test.Start();
  auto get = [&](size_t bytes, size_t header_bytes) {
    std::string request = "GET /x HTTP/1.1\r\n";
    while (request.size() + 2 < bytes) {
      size_t line = std::min(header_bytes, bytes - 2 - request.size());
      // What is left over goes to the last line.
      if (bytes - 2 - request.size() - line < 6) {
        line = bytes - 2 - request.size();
      }
      request += "a: " + std::string(line - 5, 'x') + "\r\n";
    }
    request += "\r\n";
    EXPECT_EQ(request.size(), bytes);
    RawClient client(test.address());
    client.Send(request);
    return client.ReadResponse().status;
  };
  for (size_t header_bytes : {10'000, 1000, 50}) {
    EXPECT_EQ(get(8192, header_bytes), 200) << header_bytes;
    EXPECT_EQ(get(8193, header_bytes), 431) << header_bytes;
  }
  EXPECT_EQ(test.counters().Of(HttpRefusal::kHeaderTooLarge), 3u);
}

TEST(HttpServerLimitsTest, HeadersInManySmallPiecesCountTogether) {
  HttpTestServer test;
  test.Start();
  RawClient client(test.address());
  client.Send("GET /x HTTP/1.1\r\n");
  while (!client.WaitReadable(absl::ZeroDuration()) &&
         client.Send("a: 1\r\n")) {
  }
  EXPECT_EQ(client.ReadResponse().status, 431);
}

TEST(HttpServerLimitsTest, WhatIsNotHttp11Gets400) {
  HttpTestServer test;
  test.Start();
  std::vector<std::string> requests = {
      "GET /x\r\n\r\n",  // HTTP/0.9
      "GET /x HTTP/2.0\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "\r\n\r\n\r\n\r\n",
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15),
      "GET /x HTTP/1.1\nHost: x\n\n",
      "GET /x y HTTP/1.1\r\n\r\n",
      "GET /x HTTP/1.1\r\nbad header\r\n\r\n",
      "GET /x HTTP/1.1\r\nna me: x\r\n\r\n",
      "POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      "POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
      "POST /x HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "POST /x HTTP/1.1\r\nContent-Length: 3\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  };
  for (const std::string& request : requests) {
    RawClient client(test.address());
    client.Send(request);
    EXPECT_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 400 Bad Request"))
        << request;
  }
  EXPECT_EQ(test.counters().Of(HttpRefusal::kMalformed), requests.size());
}

TEST(HttpServerLimitsTest, RefusesOtherTransferCodings) {
  HttpTestServer test;
  test.Start();
  for (const char* coding : {"gzip, chunked", "gzip", "chunked, identity"}) {
    RawClient client(test.address());
    client.Send(std::string("POST /x HTTP/1.1\r\nTransfer-Encoding: ") +
                coding + "\r\nConnection: close\r\n\r\n0\r\n\r\n");
    EXPECT_EQ(client.ReadResponse().status, 501) << coding;
  }
}

// What a client does, and the phase in which it is cut off.
struct SlowCase {
  const char* name;
  HttpPhase phase;
  std::function<void(HttpDeadlines&)> shorten;
  std::string first;
  const char* drip;  // sent again and again; empty: silence
};

class SlowClientTest : public ::testing::TestWithParam<SlowCase> {};

TEST_P(SlowClientTest, IsCutOffAtTheDeadline) {
  const SlowCase& c = GetParam();
  HttpTestServer test;
  c.shorten(test.options.deadlines);
  test.Start();
  RawClient client(test.address());
  ASSERT_TRUE(client.Send(c.first));
  // The pauses keep the drip far below any limit of size.
  while (!client.WaitReadable(absl::Milliseconds(5)) && client.Send(c.drip)) {
  }
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_TRUE(Becomes([&] { return test.counters().Of(c.phase) == 1; }));
  EXPECT_TRUE(Becomes([&] { return test.counters().connections_open == 0; }));
}

constexpr absl::Duration kShort = absl::Milliseconds(100);

INSTANTIATE_TEST_SUITE_P(
    Clients, SlowClientTest,
    ::testing::Values(
        SlowCase{"Silent", HttpPhase::kHeader,
                 [](auto& d) { d.header = kShort; }, "", ""},
        SlowCase{"HalfRequest", HttpPhase::kHeader,
                 [](auto& d) { d.header = kShort; }, "GET /x HTT", ""},
        SlowCase{"DrippedHeader", HttpPhase::kHeader,
                 [](auto& d) { d.header = kShort; },
                 "GET /x HTTP/1.1\r\na: ", "x"},
        SlowCase{"HalfBody", HttpPhase::kBody, [](auto& d) { d.body = kShort; },
                 "POST /x HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc", ""},
        SlowCase{"DrippedBody", HttpPhase::kBody,
                 [](auto& d) { d.body = kShort; },
                 "POST /x HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", "x"},
        SlowCase{"DrippedChunks", HttpPhase::kBody,
                 [](auto& d) { d.body = kShort; },
                 "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                 "1\r\nx\r\n"}),
    [](const auto& test_case) { return test_case.param.name; });

TEST(HttpServerLimitsTest, AnIdleConnectionIsClosed) {
  HttpTestServer test;
  test.options.deadlines.idle = kShort;
  test.Start();
  RawClient client(test.address());
  client.Send(kGet);
  EXPECT_EQ(client.ReadResponse().status, 200);
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_EQ(test.counters().Of(HttpPhase::kIdle), 1u);
}

TEST(HttpServerLimitsTest, AClientThatDoesNotReadIsCutOff) {
  HttpTestServer test;
  test.options.deadlines.write = kShort;
  test.handler.handle = [](HttpRequest, HttpResponder responder) {
    responder.Respond({.body = std::string(64 << 20, 'x')});
  };
  test.Start();
  RawClient client(test.address());
  client.Send(kGet);
  EXPECT_TRUE(
      Becomes([&] { return test.counters().Of(HttpPhase::kWrite) == 1; }));
  EXPECT_TRUE(Becomes([&] { return test.counters().connections_open == 0; }));
}

TEST(HttpServerLimitsTest, AHandshakeThatStallsIsCutOff) {
  TempFolder folder;
  TestAuthority authority(folder, "authority");
  CertificateFiles files = authority.Issue("server", {{"server"}});
  HttpTestServer test;
  test.options.deadlines.tls_handshake = kShort;
  test.options.listeners[0].tls = {.certificate_file = files.certificate_file,
                                   .key_file = files.key_file};
  test.Start();
  RawClient client(test.address());
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_EQ(test.counters().Of(HttpPhase::kTlsHandshake), 1u);
}

TEST(HttpServerLimitsTest, ManySilentConnectionsDoNotStopAGoodRequest) {
  TempFolder folder;
  TestAuthority authority(folder, "authority");
  CertificateFiles files = authority.Issue("server", {{"server"}});
  HttpTestServer test;
  test.options.listeners[0].tls = {.certificate_file = files.certificate_file,
                                   .key_file = files.key_file};
  test.Start();
  std::vector<std::unique_ptr<RawClient>> silent;
  RawTls tls{.ca_file = authority.ca_file()};
  for (int i = 0; i < 150; ++i) {
    // Half of them stop before the handshake, half in the middle of a body.
    if (i % 2 == 0) {
      silent.push_back(std::make_unique<RawClient>(test.address()));
    } else {
      silent.push_back(std::make_unique<RawClient>(test.address(), tls));
      silent.back()->Send("POST /x HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc");
    }
  }
  RawClient good(test.address(), tls);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(good.Send(PostText("good")));
    EXPECT_EQ(good.ReadResponse().body, "good");
  }
  EXPECT_EQ(test.counters().connections_open, 151u);
}

TEST(HttpServerLimitsTest, CapsConnectionsPerPeerAndInAll) {
  struct Case {
    size_t max_connections, max_per_peer;
    HttpRefusal reason;
  } cases[] = {{2, 99, HttpRefusal::kConnections},
               {99, 2, HttpRefusal::kPeerConnections}};
  for (const Case& c : cases) {
    HttpTestServer test;
    test.options.limits.max_connections = c.max_connections;
    test.options.limits.max_connections_per_peer = c.max_per_peer;
    test.Start();
    RawClient first(test.address());
    auto second = std::make_unique<RawClient>(test.address());
    for (RawClient* client : {&first, second.get()}) {
      client->Send(kGet);
      EXPECT_EQ(client->ReadResponse().status, 200);
    }
    RawClient third(test.address());
    EXPECT_EQ(third.ReadToEnd(), "");
    EXPECT_EQ(test.counters().Of(c.reason), 1u);
    // A place that is left can be taken.
    second.reset();
    EXPECT_TRUE(Becomes([&] { return test.counters().connections_open == 1; }));
    RawClient fourth(test.address());
    fourth.Send(kGet);
    EXPECT_EQ(fourth.ReadResponse().status, 200);
    EXPECT_EQ(test.counters().connections_total, 3u);
  }
}

TEST(HttpServerLimitsTest, BodiesInFlightHaveABudget) {
  HttpTestServer test;
  test.options.limits.max_body_bytes = 100;
  test.options.limits.max_body_bytes_in_flight = 150;
  test.Start();
  RawClient holder(test.address());
  holder.Send(
      "POST /x HTTP/1.1\r\nExpect: 100-continue\r\n"
      "Content-Length: 100\r\n\r\n");
  ASSERT_EQ(holder.ReadHead().status, 100);  // its 100 bytes are taken
  RawClient client(test.address());
  client.Send("POST /x HTTP/1.1\r\nContent-Length: 51\r\n\r\n");
  RawResponse refused = client.ReadResponse();
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.HasHeader("Retry-After: 5"));
  RawClient small(test.address());
  small.Send(PostText(std::string(50, 'x')));
  EXPECT_EQ(small.ReadResponse().status, 200);
  EXPECT_EQ(test.counters().Of(HttpRefusal::kBodyBudget), 1u);
  // Once it is answered, its bytes are free again.
  holder.Send(std::string(100, 'x'));
  EXPECT_EQ(holder.ReadResponse().status, 200);
  RawClient again(test.address());
  again.Send(PostText(std::string(100, 'x')));
  EXPECT_EQ(again.ReadResponse().status, 200);
}

TEST(HttpServerLimitsTest, ABodyIsInFlightUntilItIsAnswered) {
  HttpTestServer test;
  test.options.limits.max_body_bytes = 100;
  test.options.limits.max_body_bytes_in_flight = 100;
  std::promise<HttpResponder> parked;
  test.handler.handle = [&](HttpRequest request, HttpResponder responder) {
    if (request.head.path == "/park") {
      parked.set_value(std::move(responder));
    } else {
      responder.Respond({.status = 204});
    }
  };
  test.Start();
  RawClient parking(test.address());
  parking.Send("POST /park HTTP/1.1\r\nContent-Length: 100\r\n\r\n" +
               std::string(100, 'x'));
  HttpResponder responder = parked.get_future().get();
  RawClient refused(test.address());
  refused.Send(PostText("x"));
  EXPECT_EQ(refused.ReadResponse().status, 503);
  responder.Respond({.status = 204});
  RawClient accepted(test.address());
  accepted.Send(PostText("x"));
  EXPECT_EQ(accepted.ReadHead().status, 204);
}

TEST(HttpServerLimitsTest, ARefusedBodyGivesItsBudgetBackAtOnce) {
  HttpTestServer test;
  test.options.limits.max_body_bytes = 100;
  test.options.limits.max_body_bytes_in_flight = 100;
  test.options.deadlines.linger = absl::Seconds(30);
  test.Start();
  RawClient refused(test.address());
  refused.Send("POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" +
               std::string("c8\r\n") + std::string(200, 'x'));
  EXPECT_EQ(refused.ReadResponse().status, 413);  // and stays connected
  RawClient client(test.address());
  client.Send(PostText(std::string(100, 'x')));
  EXPECT_EQ(client.ReadResponse().status, 200);
}

TEST(HttpServerLimitsTest, AClientThatLeavesGivesItsBudgetBack) {
  HttpTestServer test;
  test.options.limits.max_body_bytes = 100;
  test.options.limits.max_body_bytes_in_flight = 100;
  test.Start();
  {
    RawClient leaver(test.address());
    leaver.Send(
        "POST /x HTTP/1.1\r\nExpect: 100-continue\r\n"
        "Content-Length: 100\r\n\r\n");
    ASSERT_EQ(leaver.ReadHead().status, 100);
  }
  ASSERT_TRUE(Becomes([&] { return test.counters().connections_open == 0; }));
  RawClient client(test.address());
  client.Send(PostText(std::string(100, 'x')));
  EXPECT_EQ(client.ReadResponse().status, 200);
}

}  // namespace
}  // namespace oddverb
