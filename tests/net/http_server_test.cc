// Long because: one behaviour of one class after another.
#include "net/http_server.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/net/http_test_server.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(HttpServerTest, EchoesABodyAndKeepsTheConnection) {
  HttpTestServer test;
  test.Start();
  RawClient client(test.address());
  for (const char* body : {"first", "", "third"}) {
    ASSERT_TRUE(client.Send(PostText(body)));
    RawResponse response = client.ReadResponse();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, body);
  }
  EXPECT_EQ(test.counters().connections_total, 1u);
  EXPECT_EQ(test.counters().responses[2], 3u);
}

TEST(HttpServerTest, GivesTheHandlerTheParsedHead) {
  HttpTestServer test;
  HttpRequestHead seen;
  test.handler.handle = [&](HttpRequest request, HttpResponder responder) {
    seen = request.head;
    responder.Respond({.status = 204});
  };
  test.Start();
  RawClient client(test.address());
  client.Send(
      "POST /audit/pr%6fd?timeout=30s&x HTTP/1.1\r\nHost: x\r\n"
      "X-Thing:  a b \r\nContent-Length: 2\r\n\r\nhi");
  RawResponse response = client.ReadHead();
  EXPECT_EQ(response.status, 204);
  EXPECT_THAT(response.head, Not(HasSubstr("Content-Length")));
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/audit/pr%6fd");
  EXPECT_EQ(seen.query, "timeout=30s&x");
  EXPECT_EQ(seen.Header("x-THING"), "a b");
  EXPECT_EQ(seen.Header("nothing"), std::nullopt);
  EXPECT_EQ(seen.content_length, 2u);
  EXPECT_EQ(seen.peer.ToString(), "127.0.0.1");
  EXPECT_EQ(seen.client_name, "");
}

TEST(HttpServerTest, SendsSafeHeadersAndNoBanner) {
  HttpTestServer test;
  test.handler.handle = [](HttpRequest, HttpResponder responder) {
    responder.Respond(
        {.content_type = "text/html",
         .body = "x",
         .retry_after = absl::Milliseconds(1500),
         .headers = {{"X-Good", "yes"}, {"X-Split", "a\r\nX-Injected: b"}}});
  };
  test.Start();
  RawClient client(test.address());
  client.Send(kGet);
  RawResponse response = client.ReadResponse();
  EXPECT_TRUE(response.HasHeader("X-Content-Type-Options: nosniff"));
  EXPECT_TRUE(response.HasHeader("Cache-Control: no-store"));
  EXPECT_TRUE(response.HasHeader("Content-Type: text/html"));
  EXPECT_TRUE(response.HasHeader("Retry-After: 2"));
  EXPECT_TRUE(response.HasHeader("X-Good: yes"));
  EXPECT_THAT(response.head, Not(HasSubstr("Injected")));
  EXPECT_THAT(response.head, Not(HasSubstr("Server:")));
}

TEST(HttpServerTest, AnswersHeadAsGetWithoutTheBody) {
  HttpTestServer test;
  test.handler.handle = [](HttpRequest request, HttpResponder responder) {
    responder.Respond({.body = request.head.method + " body"});
  };
  test.Start();
  RawClient client(test.address());
  client.Send("HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.ReadHead().HasHeader("Content-Length: 8"));
  client.Send(kGet);  // the next response begins where the head has ended
  EXPECT_EQ(client.ReadResponse().body, "GET body");
}

TEST(HttpServerTest, ChoosesTheExactRouteThenTheLongestPrefix) {
  HttpTestServer test;
  std::vector<std::unique_ptr<FunctionHandler>> handlers = {};
  auto route = [&](std::string path, PathMatch match,
                   std::vector<std::string> methods) {
    handlers.push_back(std::make_unique<FunctionHandler>());
    std::string name = path + (match == PathMatch::kPrefix ? "*" : "");
    handlers.back()->handle = [name](HttpRequest, HttpResponder responder) {
      responder.Respond({.body = name});
    };
    return HttpRoute{.path = path,
                     .match = match,
                     .methods = std::move(methods),
                     .handler = handlers.back().get()};
  };
  test.options.listeners[0].routes = {
      route("/a", PathMatch::kPrefix, {"GET"}),
      route("/a/b", PathMatch::kPrefix, {"GET"}),
      route("/a/b/c", PathMatch::kExact, {"GET"}),
      route("/post", PathMatch::kExact, {"POST", "PUT"})};
  test.Start();
  RawClient client(test.address());
  struct Case {
    const char* request;
    int status;
    const char* body;
  } cases[] = {
      {"GET /a", 200, "/a*"},
      {"GET /a?q=/a/b/c", 200, "/a*"},
      {"GET /a/b/", 200, "/a/b*"},
      {"GET /a/b/c", 200, "/a/b/c"},
      {"GET /a/b/c/", 200, "/a/b*"},
      {"GET /", 404, "no such path\n"},
      {"GET /post", 405, "no such method here\n"},
      {"BREW /a", 405, "no such method here\n"},
      {"POST /post", 200, "/post"},
      {"GET http://x/a", 400, "the path must begin with /\n"},
      {"OPTIONS *", 400, "the path must begin with /\n"},
  };
  for (const Case& c : cases) {
    client.Send(std::string(c.request) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    RawResponse response = client.ReadResponse();
    EXPECT_EQ(response.status, c.status) << c.request;
    EXPECT_EQ(response.body, c.body) << c.request;
    if (c.status == 405 && c.request[0] == 'G') {
      EXPECT_TRUE(response.HasHeader("Allow: POST, PUT"));
    }
  }
  EXPECT_EQ(test.counters().Of(HttpRefusal::kUnknownRoute), 3u);
  EXPECT_EQ(test.counters().Of(HttpRefusal::kMalformed), 2u);
}

TEST(HttpServerTest, AScreenAnswersBeforeTheBodyIsSent) {
  HttpTestServer test;
  test.handler.screen =
      [](const HttpRequestHead& head) -> std::optional<HttpResponse> {
    if (head.path == "/stop") return TextResponse(403, "stop");
    return std::nullopt;
  };
  test.handler.handle = [](HttpRequest request, HttpResponder responder) {
    EXPECT_NE(request.head.path, "/stop");
    responder.Respond({.status = 200, .body = "handled"});
  };
  test.Start();
  RawClient client(test.address());
  // A million bytes are announced, none is sent.
  client.Send("POST /stop HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n");
  RawResponse response = client.ReadResponse();
  EXPECT_EQ(response.status, 403);
  EXPECT_TRUE(response.HasHeader("Connection: close"));
  // Without a body the connection lives on.
  RawClient second(test.address());
  second.Send("GET /stop HTTP/1.1\r\n\r\n");
  EXPECT_EQ(second.ReadResponse().status, 403);
  second.Send("GET /go HTTP/1.1\r\n\r\n");
  EXPECT_EQ(second.ReadResponse().body, "handled");
}

TEST(HttpServerTest, TakesABearerTokenOverTheRightListenerOnly) {
  HttpTestServer test;
  HttpListener other = test.options.listeners[0];
  test.options.listeners[0].bearer_tokens = {"old-token", "new-token"};
  test.options.listeners[0].routes.push_back({.path = "/livez",
                                              .handler = &test.handler,
                                              .access = RouteAccess::kOpen});
  other.bearer_tokens = {"other-token"};
  test.options.listeners.push_back(other);
  test.Start();
  struct Case {
    size_t listener;
    const char* header;
    int status;
  } cases[] = {
      {0, "", 401},
      {0, "Authorization: Bearer new-token\r\n", 200},
      {0, "authorization: bearer  old-token\r\n", 200},
      {0, "x-amz-firehose-access-key: new-token\r\n", 200},
      {0, "x-amz-firehose-access-key: other-token\r\n", 401},
      {0, "x-amz-firehose-access-key: \r\n", 401},
      {0, "Authorization: Bearer new-toke\r\n", 401},
      {0, "Authorization: Bearer new-tokenx\r\n", 401},
      {0, "Authorization: Bearer \r\n", 401},
      {0, "Authorization: Basic new-token\r\n", 401},
      {0, "Authorization: new-token\r\n", 401},
      {0, "Authorization: Bearer other-token\r\n", 401},
      {1, "Authorization: Bearer other-token\r\n", 200},
      {1, "Authorization: Bearer new-token\r\n", 401},
  };
  for (const Case& c : cases) {
    RawClient client(test.address(c.listener));
    client.Send(std::string("GET /x HTTP/1.1\r\n") + c.header + "\r\n");
    RawResponse response = client.ReadResponse();
    EXPECT_EQ(response.status, c.status) << c.listener << c.header;
    EXPECT_EQ(response.HasHeader("WWW-Authenticate: Bearer"), c.status == 401);
  }
  EXPECT_EQ(test.counters().Of(HttpRefusal::kUnauthorized), 10u);

  RawClient client(test.address());
  client.Send("GET /livez HTTP/1.1\r\n\r\n");  // an open route
  EXPECT_EQ(client.ReadResponse().status, 200);
  // Refused before the body, of which not a byte is there.
  client.Send("POST /x HTTP/1.1\r\nContent-Length: 9\r\n\r\n");
  EXPECT_EQ(client.ReadResponse().status, 401);
}

TEST(HttpServerTest, ServesOnIpv6) {
  HttpTestServer test;
  test.options.listeners[0].address = "[::1]:0";
  std::string peer = {};
  test.handler.handle = [&](HttpRequest request, HttpResponder responder) {
    responder.Respond({.body = request.head.peer.ToString()});
  };
  test.Start();
  EXPECT_EQ(test.address(), "[::1]:" + std::to_string(test.server->port(0)));
  RawClient client(test.address());
  client.Send(kGet);
  EXPECT_EQ(client.ReadResponse().body, "::1");
}

TEST(HttpServerTest, ReadsChunkedBodies) {
  HttpTestServer test;
  test.Start();
  RawClient client(test.address());
  const std::string head =
      "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  client.Send(head + "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n");
  EXPECT_EQ(client.ReadResponse().body, "hello world");
  client.Send(head + "0\r\n\r\n");
  EXPECT_EQ(client.ReadResponse().body, "");
  client.Send(head + "xyz\r\n");
  EXPECT_EQ(client.ReadResponse().status, 400);
}

TEST(HttpServerTest, ReadsGzipBodies) {
  HttpTestServer test;
  test.Start();
  RawClient client(test.address());
  std::string text = {};
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i);
  std::string packed = GzipOf(text);
  auto post = [&](std::string_view coding, std::string_view body) {
    client.Send("POST /x HTTP/1.1\r\nContent-Encoding: " + std::string(coding) +
                "\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + std::string(body));
    return client.ReadResponse();
  };
  EXPECT_EQ(post("gzip", packed).body, text);
  EXPECT_EQ(post("X-Gzip", packed).body, text);
  EXPECT_EQ(post("identity", "plain").body, "plain");
  RawResponse damaged = post("gzip", "not gzip");
  EXPECT_EQ(damaged.status, 400);
  RawClient second(test.address());
  second.Send(
      "POST /x HTTP/1.1\r\nContent-Encoding: zstd\r\n"
      "Content-Length: 3\r\n\r\nabc");
  RawResponse refused = second.ReadResponse();
  EXPECT_EQ(refused.status, 415);
  EXPECT_TRUE(refused.HasHeader("Accept-Encoding: gzip"));
}

TEST(HttpServerTest, SendsContinueWhenAsked) {
  HttpTestServer test;
  test.Start();
  RawClient client(test.address());
  client.Send(
      "POST /x HTTP/1.1\r\nExpect: 100-continue\r\n"
      "Content-Length: 4\r\n\r\n");
  RawResponse interim = client.ReadHead();
  EXPECT_EQ(interim.status, 100);
  EXPECT_EQ(interim.head, "HTTP/1.1 100 Continue\r\n");
  client.Send("body");
  EXPECT_EQ(client.ReadResponse().body, "body");
  client.Send("POST /x HTTP/1.1\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n");
  EXPECT_EQ(client.ReadResponse().status, 417);
}

TEST(HttpServerTest, AnswersSeveralRequestsSentAtOnce) {
  HttpTestServer test;
  test.Start();
  RawClient client(test.address());
  client.Send(PostText("one") + PostText("two") + PostText("three"));
  for (const char* body : {"one", "two", "three"}) {
    EXPECT_EQ(client.ReadResponse().body, body);
  }
}

TEST(HttpServerTest, ClosesAfterHttp10AndWhenAsked) {
  HttpTestServer test;
  test.options.deadlines.linger = absl::Seconds(5);
  test.Start();
  for (const char* request :
       {"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET /x HTTP/1.1\r\nConnection: close\r\n\r\n"}) {
    RawClient client(test.address());
    client.Send(request);
    std::string all = client.ReadToEnd();
    EXPECT_THAT(all, HasSubstr("HTTP/1.1 200 OK"));
    EXPECT_THAT(all, HasSubstr("Connection: close"));
  }
  // The client has seen the end, and not waited for the deadline.
  EXPECT_TRUE(Becomes([&] { return test.counters().connections_open == 0; }));
  EXPECT_EQ(test.counters().Of(HttpPhase::kLinger), 0u);
}

TEST(HttpServerTest, ServesWithSeveralIoThreads) {
  HttpTestServer test;
  test.options.io_threads = 3;
  test.Start();
  std::vector<std::thread> clients = {};
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      RawClient client(test.address());
      for (int k = 0; k < 50; ++k) {
        std::string body(static_cast<size_t>(100 * i + k), 'x');
        if (client.Send(PostText(body)) && client.ReadResponse().body == body) {
          ++good;
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 400);
}

TEST(HttpServerTest, RefusesOptionsThatCannotWork) {
  FunctionHandler handler;
  struct Case {
    const char* what;
    std::function<void(HttpServerOptions&)> change;
    absl::StatusCode code;
    const char* message;
  } cases[] = {
      {"no listener", [](auto& o) { o.listeners.clear(); },
       absl::StatusCode::kInvalidArgument, "without a listener"},
      {"no handler",
       [](auto& o) { o.listeners[0].routes[0].handler = nullptr; },
       absl::StatusCode::kInvalidArgument, "needs a handler"},
      {"empty tokens", [](auto& o) { o.listeners[0].bearer_tokens = {""}; },
       absl::StatusCode::kInvalidArgument, "tokens are empty"},
      {"budget", [](auto& o) { o.limits.max_body_bytes_in_flight = 1; },
       absl::StatusCode::kInvalidArgument, "at least as much as one"},
      {"address", [](auto& o) { o.listeners[0].address = "example.com:1"; },
       absl::StatusCode::kInvalidArgument, "not an address"},
      {"not ours", [](auto& o) { o.listeners[0].address = "192.0.2.1:0"; },
       absl::StatusCode::kUnavailable, "not an address of this machine"},
      {"key", [](auto& o) { o.listeners[0].tls.emplace(); },
       absl::StatusCode::kInvalidArgument, "both certificate_file and"},
      {"file",
       [](auto& o) {
         o.listeners[0].tls = {.certificate_file = "/nowhere/a.crt",
                               .key_file = "/nowhere/a.key"};
       },
       absl::StatusCode::kInvalidArgument, "No such file"},
  };
  for (const Case& c : cases) {
    HttpTestServer test;
    c.change(test.options);
    EXPECT_THAT(HttpServer::Start(test.options),
                StatusIs(c.code, HasSubstr(c.message)))
        << c.what;
  }
}

TEST(HttpServerTest, NamesThePortThatIsTaken) {
  HttpTestServer first;
  first.Start();
  HttpTestServer second;
  second.options.listeners[0].address = first.address();
  EXPECT_THAT(HttpServer::Start(second.options),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("another process has this port): " +
                                 first.address())));
}

}  // namespace
}  // namespace oddverb
