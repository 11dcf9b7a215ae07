#include "net/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/listen_socket.h"
#include "tests/net/http_test_server.h"
#include "tests/support/input_files.h"
#include "tests/support/raw_server.h"
#include "tests/support/test_certificates.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kLong = absl::Seconds(30);

std::unique_ptr<HttpClient> MakeClient(const HttpClientOptions& options = {}) {
  absl::StatusOr<std::unique_ptr<HttpClient>> made = HttpClient::Make(options);
  EXPECT_THAT(made, IsOk());
  return *std::move(made);
}

// Listens, lets connect, and never says a word.
ListenSocket SilentServer() {
  absl::StatusOr<ListenSocket> socket =
      OpenListenSocket(*ListenAddress::Parse("127.0.0.1:0"));
  EXPECT_THAT(socket, IsOk());
  return *std::move(socket);
}

TEST(HttpClientTest, SendsMethodHeadersAndBodyAndReadsTheAnswer) {
  HttpTestServer test;
  test.handler.handle = [](HttpRequest request, HttpResponder responder) {
    const HttpRequestHead& head = request.head;
    responder.Respond(
        {.status = 429,
         .content_type = "text/x",
         .body = head.method + " " + head.path + "?" + head.query + " " +
                 std::string(head.Header("X-A").value_or("none")) + "|" +
                 std::string(head.Header("X-Empty").value_or("none")) + "|" +
                 std::string(head.Header("Expect").value_or("none")) + " " +
                 std::string(request.body->view()),
         .retry_after = absl::Seconds(7)});
  };
  test.options.listeners[0].routes[0].methods = {"GET", "POST", "PUT",
                                                 "DELETE"};
  test.Start();
  auto client = MakeClient();
  std::string url = "http://" + test.address() + "/p?q=1";
  struct Case {
    const char* method;
    const char* body;
    const char* answer;
  } cases[] = {{"POST", "hello", "POST /p?q=1 a b||none hello"},
               {"POST", "", "POST /p?q=1 a b||none "},
               {"PUT", "x", "PUT /p?q=1 a b||none x"},
               {"GET", "", "GET /p?q=1 a b||none "},
               {"DELETE", "", "DELETE /p?q=1 a b||none "}};
  for (const Case& c : cases) {
    auto result = client->Send({.method = c.method,
                                .url = url,
                                .headers = {{"X-A", "a b"}, {"X-Empty", ""}},
                                .body = c.body},
                               kLong);
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->status, 429);
    EXPECT_EQ(result->retry_after, "7");
    EXPECT_EQ(result->content_type, "text/x");
    EXPECT_EQ(result->body, c.answer);
  }
  auto head = client->Send({.method = "HEAD", .url = url}, kLong);
  ASSERT_THAT(head, IsOk());
  EXPECT_EQ(head->status, 429);
  EXPECT_EQ(test.counters().connections_total, 1u) << "kept open";
}

TEST(HttpClientTest, CarriesLargeBodiesBothWays) {
  HttpTestServer test;
  test.Start();
  auto client = MakeClient();
  for (size_t bytes : {size_t{1} << 20, (size_t{1} << 20) + 1}) {
    std::string body;
    while (body.size() < bytes) body += std::to_string(body.size()) + ",";
    body.resize(bytes);
    auto result = client->Send(
        {.url = "http://" + test.address() + "/x", .body = body}, kLong);
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->body, body.substr(0, 1 << 20));
    EXPECT_EQ(result->body_is_cut, bytes > (1 << 20));
    EXPECT_EQ(result->status, 200);
  }
}

TEST(HttpClientTest, DoesNotFollowRedirects) {
  HttpTestServer test;
  test.handler.handle = [](HttpRequest request, HttpResponder responder) {
    EXPECT_EQ(request.head.path, "/a");
    responder.Respond({.status = 302, .headers = {{"Location", "/b"}}});
  };
  test.Start();
  std::string url = "http://" + test.address() + "/a";
  auto result = MakeClient()->Send({.url = url}, kLong);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->status, 302);
}

TEST(HttpClientTest, UsesAProxyOfTheEnvironmentOnlyIfAsked) {
  HttpTestServer proxy;
  proxy.handler.handle = [](HttpRequest, HttpResponder responder) {
    responder.Respond({.body = "by proxy"});
  };
  proxy.Start();
  HttpTestServer direct;
  direct.Start();
  setenv("http_proxy", ("http://" + proxy.address()).c_str(), 1);
  unsetenv("no_proxy");
  unsetenv("NO_PROXY");
  std::string url = "http://" + direct.address() + "/x";
  auto unasked = MakeClient()->Send({.url = url, .body = "direct"}, kLong);
  auto asked = MakeClient({.proxy = ProxyUse::kFromEnvironment})
                   ->Send({.url = url, .body = "direct"}, kLong);
  unsetenv("http_proxy");
  ASSERT_THAT(unasked, IsOk());
  EXPECT_EQ(unasked->body, "direct");
  // A proxy gets the whole URL as the path, which our server refuses.
  ASSERT_THAT(asked, IsOk());
  EXPECT_EQ(asked->status, 400);
}

TEST(HttpClientTest, RefusesWhatIsNoRequest) {
  auto client = MakeClient();
  const std::string url = "http://127.0.0.1:1/";
  struct Case {
    HttpClientRequest request;
    const char* message;
  } cases[] = {
      {{.method = "GET /x", .url = url}, "not an HTTP method"},
      {{.method = "", .url = url}, "not an HTTP method"},
      {{.url = url, .headers = {{"A", "b\r\nC: d"}}}, "not an HTTP header"},
      {{.url = url, .headers = {{"A b", "c"}}}, "not an HTTP header"},
      {{.url = "http://127.0.0.1:1/\n"}, "control characters"},
      {{.url = "file:///etc/passwd"}, "not supported"},
      {{.url = "gopher://127.0.0.1:1/"}, "not supported"},
      {{.url = "http://127.0.0.1:99999999/"}, "illegal format"},
      {{.url = ""}, "no URL"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(
        client->Send(c.request, kLong),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)))
        << c.message;
  }
}

TEST(HttpClientTest, ARefusedConnectionIsUnavailableAndNamesTheOrigin) {
  std::string address;
  {
    ListenSocket gone = SilentServer();
    address = gone.address;
  }
  EXPECT_THAT(
      MakeClient()->Send({.url = "http://me:pass@" + address + "/T0/secret?q"},
                         kLong),
      StatusIs(
          absl::StatusCode::kUnavailable,
          AllOf(HasSubstr("is it running"), HasSubstr(": http://" + address),
                Not(HasSubstr("pass")), Not(HasSubstr("secret")))));
}

TEST(HttpClientTest, NoAnswerInTimeIsUnavailable) {
  ListenSocket silent = SilentServer();
  auto client = MakeClient();
  EXPECT_THAT(
      client->Send({.url = "http://" + silent.address}, absl::Milliseconds(50)),
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr("timed out"), HasSubstr(silent.address))));
  // A handshake that stalls is cut by the time for connecting.
  auto hasty = MakeClient({.connect_timeout = absl::Milliseconds(50)});
  EXPECT_THAT(hasty->Send({.url = "https://" + silent.address}, kLong),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("timeout")));
}

TEST(HttpClientTest, WhatIsNoWholeResponseIsUnavailable) {
  struct Case {
    const char* name;
    std::string bytes;
  } cases[] = {
      {"nothing", ""},
      {"garbage", std::string(10'000, '\xff')},
      {"another protocol", "220 mail ESMTP\r\n"},
      {"half a status line", "HTTP/1.1 2"},
      {"a status line", "HTTP/1.1 200 OK\r\n"},
      {"half a head", "HTTP/1.1 200 OK\r\nContent-"},
      {"an interim response", "HTTP/1.1 100 Continue\r\n\r\n"},
      {"half of a body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"},
      {"half of a chunk",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na"}};
  for (const Case& c : cases) {
    RawServer server(c.bytes, RawServer::Then::kClose);
    EXPECT_THAT(MakeClient()->Send({.url = server.url(), .body = "x"}, kLong),
                StatusIs(absl::StatusCode::kUnavailable, ::testing::_))
        << c.name;
  }
}

TEST(HttpClientTest, ATrickleEndsAtTheDeadline) {
  HttpTestServer test;
  test.handler.handle = [](HttpRequest, HttpResponder responder) {
    responder.Respond({.body = std::string(64 << 20, 'x')});
  };
  test.Start();
  // What is beyond the cap is not waited for.
  auto result = MakeClient({.max_response_bytes = 10})
                    ->Send({.url = "http://" + test.address() + "/x"}, kLong);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->body, "xxxxxxxxxx");
  EXPECT_TRUE(result->body_is_cut);
}

TEST(HttpClientTest, AbortEndsTheRequestUnderWayAndTheNext) {
  HttpTestServer test;
  std::promise<HttpResponder> parked;
  test.handler.handle = [&](HttpRequest, HttpResponder responder) {
    parked.set_value(std::move(responder));
  };
  test.Start();
  auto client = MakeClient();
  std::thread aborter([&] {
    HttpResponder responder = parked.get_future().get();
    client->Abort();
  });
  std::string url = "http://" + test.address() + "/x";
  absl::Time start = absl::Now();
  EXPECT_THAT(client->Send({.url = url}, absl::Hours(1)),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("aborted")));
  // It is woken up, and does not find out when it looks the next time.
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
  aborter.join();
  EXPECT_THAT(client->Send({.url = url}, absl::Hours(1)),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("aborted")));
}

TEST(HttpClientTest, SurvivesAServerThatClosesIdleConnections) {
  HttpTestServer test;
  test.options.deadlines.idle = absl::Milliseconds(1);
  test.Start();
  auto client = MakeClient();
  for (int i = 0; i < 5; ++i) {
    auto result = client->Send(
        {.url = "http://" + test.address() + "/x", .body = "x"}, kLong);
    EXPECT_THAT(result, IsOk());
    EXPECT_TRUE(Becomes([&] { return test.counters().connections_open == 0; }));
  }
}

class HttpClientTlsTest : public ::testing::Test {
 protected:
  void StartWith(const TestAuthority::Subject& subject) {
    CertificateFiles files = authority_.Issue("server", subject);
    test_.options.listeners[0].tls = {
        .certificate_file = files.certificate_file, .key_file = files.key_file};
    if (require_clients_) {
      test_.options.listeners[0].tls->client_ca_file = authority_.ca_file();
    }
    test_.handler.handle = [](HttpRequest request, HttpResponder responder) {
      responder.Respond({.body = "client=" + request.head.client_name});
    };
    test_.Start();
  }
  absl::StatusOr<HttpResult> Send(const TlsClientOptions& tls) {
    return MakeClient({.tls = tls})
        ->Send({.url = "https://" + test_.address() + "/x", .body = "x"},
               kLong);
  }
  TlsClientOptions Trusting(const TestAuthority& authority) {
    return {.ca_file = authority.ca_file()};
  }

  TempFolder folder_;
  TestAuthority authority_{folder_, "authority"};
  TestAuthority stranger_{folder_, "stranger"};
  HttpTestServer test_;
  bool require_clients_ = false;
};

TEST_F(HttpClientTlsTest, TrustsTheGivenAuthority) {
  StartWith({{"server"}});
  auto result = Send(Trusting(authority_));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->body, "client=");
}

TEST_F(HttpClientTlsTest, RefusesAnUnknownAuthority) {
  StartWith({{"server"}});
  for (const TlsClientOptions& tls :
       {Trusting(stranger_), TlsClientOptions{}}) {
    EXPECT_THAT(Send(tls), StatusIs(absl::StatusCode::kFailedPrecondition,
                                    AllOf(HasSubstr("ca_file must hold"),
                                          HasSubstr(test_.address()))));
  }
}

TEST_F(HttpClientTlsTest, RefusesACertificateOfAnotherName) {
  StartWith({{"127.0.0.1"}, "DNS:example.com"});
  EXPECT_THAT(Send(Trusting(authority_)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("subject alternative name of the")));
}

TEST_F(HttpClientTlsTest, RefusesAnExpiredCertificate) {
  StartWith({.common_names = {"server"}, .valid_for = -absl::Hours(1)});
  EXPECT_THAT(Send(Trusting(authority_)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("renew the server's certificate")));
}

TEST_F(HttpClientTlsTest, ShowsItsCertificate) {
  require_clients_ = true;
  StartWith({{"server"}});
  TlsClientOptions tls = Trusting(authority_);
  CertificateFiles files = authority_.Issue("client", {{"sidecar"}});
  tls.certificate_file = files.certificate_file;
  tls.key_file = files.key_file;
  auto result = Send(tls);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->body, "client=sidecar");
}

TEST_F(HttpClientTlsTest, SaysThatACertificateIsWanted) {
  require_clients_ = true;
  StartWith({{"server"}});
  EXPECT_THAT(Send(Trusting(authority_)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("set certificate_file and key_file")));
  TlsClientOptions tls = Trusting(authority_);
  CertificateFiles files = stranger_.Issue("client", {{"sidecar"}});
  tls.certificate_file = files.certificate_file;
  tls.key_file = files.key_file;
  EXPECT_THAT(Send(tls), StatusIs(absl::StatusCode::kFailedPrecondition,
                                  HasSubstr("refused our certificate")));
}

TEST_F(HttpClientTlsTest, SaysThatThePortDoesNotSpeakTls) {
  test_.Start();
  EXPECT_THAT(Send(Trusting(authority_)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("does not speak TLS")));
}

TEST_F(HttpClientTlsTest, NamesAFileThatCannotBeUsed) {
  EXPECT_THAT(HttpClient::Make({.tls = {.ca_file = "/nowhere/ca.crt"}}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("ca_file: No such file or directory: "
                                 "\"/nowhere/ca.crt\"")));
  EXPECT_THAT(HttpClient::Make({.tls = {.certificate_file = "/a"}}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("both certificate_file and key_file")));
  StartWith({{"server"}});
  TlsClientOptions tls = Trusting(authority_);
  CertificateFiles one = authority_.Issue("one", {{"one"}});
  tls.certificate_file = one.certificate_file;
  tls.key_file = authority_.Issue("two", {{"two"}}).key_file;
  EXPECT_THAT(Send(tls), StatusIs(absl::StatusCode::kFailedPrecondition,
                                  HasSubstr("check certificate_file")));
  tls = {.ca_file = folder_.Write("empty.crt", "nothing")};
  EXPECT_THAT(Send(tls), StatusIs(absl::StatusCode::kFailedPrecondition,
                                  HasSubstr("readable PEM file")));
}

}  // namespace
}  // namespace oddverb
