// Real TLS on loopback, with certificates made here.
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
using ::testing::Not;

constexpr int kTls11 = 0x0302;
constexpr int kTls12 = 0x0303;
constexpr int kTls13 = 0x0304;

class HttpServerTlsTest : public ::testing::Test {
 protected:
  HttpServerTlsTest() {
    CertificateFiles files = authority_.Issue("server", {{"server"}});
    test_.options.listeners[0].tls = {
        .certificate_file = files.certificate_file, .key_file = files.key_file};
    test_.handler.handle = [](HttpRequest request, HttpResponder responder) {
      responder.Respond({.body = "client=" + request.head.client_name});
    };
  }

  // What a client gets; "" where there is no answer.
  std::string Ask(const RawTls& tls) {
    RawClient client(test_.address(), tls);
    if (!client.handshake_error().empty() || !client.Send(kGet)) return "";
    return client.ReadResponse().body;
  }
  RawTls ClientOf(TestAuthority& authority,
                  const TestAuthority::Subject& subject) {
    CertificateFiles files = authority.Issue("client", subject);
    return {.ca_file = authority_.ca_file(),
            .certificate_file = files.certificate_file,
            .key_file = files.key_file};
  }
  void RequireClients() {
    test_.options.listeners[0].tls->client_ca_file = authority_.ca_file();
  }
  bool RefusedHandshakes(uint64_t count) {
    return Becomes([&] {
      return test_.counters().Of(HttpRefusal::kTlsHandshake) == count;
    });
  }

  TempFolder folder_;
  TestAuthority authority_{folder_, "authority"};
  TestAuthority stranger_{folder_, "stranger"};
  HttpTestServer test_;
};

TEST_F(HttpServerTlsTest, SpeaksTls12And13) {
  test_.Start();
  for (auto [version, name] :
       {std::pair(kTls12, "TLSv1.2"), std::pair(kTls13, "TLSv1.3")}) {
    RawClient client(test_.address(), RawTls{.ca_file = authority_.ca_file(),
                                             .version = version});
    ASSERT_EQ(client.handshake_error(), "");
    EXPECT_EQ(client.tls_version(), name);
    for (int i = 0; i < 3; ++i) {
      client.Send(PostText(std::string(100'000, 'x')));
      EXPECT_EQ(client.ReadResponse().body, "client=");
    }
  }
  EXPECT_TRUE(RefusedHandshakes(0));
}

TEST_F(HttpServerTlsTest, RefusesTls11) {
  test_.Start();
  RawClient client(test_.address(),
                   RawTls{.ca_file = authority_.ca_file(), .version = kTls11});
  EXPECT_THAT(client.handshake_error(), HasSubstr("protocol version"));
  EXPECT_TRUE(RefusedHandshakes(1));
}

TEST_F(HttpServerTlsTest, OffersHttp11Only) {
  test_.Start();
  RawClient both(test_.address(), RawTls{.ca_file = authority_.ca_file(),
                                         .alpn = "h2,http/1.1"});
  EXPECT_EQ(both.handshake_error(), "");
  EXPECT_EQ(both.alpn(), "http/1.1");
  RawClient only_h2(test_.address(),
                    RawTls{.ca_file = authority_.ca_file(), .alpn = "h2"});
  EXPECT_THAT(only_h2.handshake_error(), HasSubstr("no application protocol"));
}

TEST_F(HttpServerTlsTest, AsksForAClientCertificateAndTellsItsName) {
  RequireClients();
  test_.Start();
  for (int version : {kTls12, kTls13}) {
    RawTls tls = ClientOf(authority_, {{"system:masters", "kube-apiserver"}});
    tls.version = version;
    EXPECT_EQ(Ask(tls), "client=kube-apiserver") << "the last one counts";
  }
  EXPECT_EQ(Ask(ClientOf(authority_, {{}})), "client=") << "a nameless one";
  EXPECT_EQ(Ask(ClientOf(authority_, {{std::string("a\0b", 3)}})), "client=");
}

TEST_F(HttpServerTlsTest, RefusesWrongClientCertificates) {
  RequireClients();
  test_.Start();
  RawTls none{.ca_file = authority_.ca_file()};
  RawTls forged = ClientOf(stranger_, {{"kube-apiserver"}});
  RawTls expired = ClientOf(
      authority_, {.common_names = {"old"}, .valid_for = -absl::Hours(1)});
  uint64_t refused = 0;
  for (int version : {kTls12, kTls13}) {
    for (RawTls tls : {none, forged, expired}) {
      tls.version = version;
      EXPECT_EQ(Ask(tls), "");
      EXPECT_TRUE(RefusedHandshakes(++refused));
    }
  }
  EXPECT_EQ(test_.counters().responses[2], 0u);
}

TEST_F(HttpServerTlsTest, WantsTheTokenBesidesTheCertificate) {
  RequireClients();
  test_.options.listeners[0].bearer_tokens = {"secret"};
  test_.Start();
  RawClient client(test_.address(), ClientOf(authority_, {{"a"}}));
  client.Send(kGet);
  EXPECT_EQ(client.ReadResponse().status, 401);
  client.Send("GET /x HTTP/1.1\r\nAuthorization: Bearer secret\r\n\r\n");
  EXPECT_EQ(client.ReadResponse().body, "client=a");
}

TEST_F(HttpServerTlsTest, PlainHttpOnATlsPortIsRefused) {
  test_.Start();
  RawClient client(test_.address());
  client.Send(kGet);
  EXPECT_THAT(client.ReadToEnd(), Not(HasSubstr("HTTP/1.1")));
  EXPECT_TRUE(RefusedHandshakes(1));
}

TEST_F(HttpServerTlsTest, ARefusalReachesAClientThatIsStillSending) {
  test_.options.limits.max_body_bytes = 1000;
  test_.options.deadlines.linger = absl::Seconds(30);
  test_.Start();
  RawClient client(test_.address(), RawTls{.ca_file = authority_.ca_file()});
  client.Send("POST /x HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n");
  // A reset would make one of them fail, and could overtake the response.
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(client.Send(std::string(100'000, 'x')));
  }
  EXPECT_EQ(client.ReadResponse().status, 413);
}

TEST_F(HttpServerTlsTest, ReloadsCertificatesForNewConnections) {
  test_.Start();
  RawTls trusts_stranger{.ca_file = stranger_.ca_file()};
  RawClient open(test_.address(), RawTls{.ca_file = authority_.ca_file()});
  EXPECT_EQ(Ask(trusts_stranger), "");
  stranger_.Issue("server", {{"server"}});  // into the same files
  EXPECT_EQ(Ask(trusts_stranger), "");
  const std::vector<HttpAccess> same = {
      {.tls = test_.options.listeners[0].tls, .bearer_tokens = {}}};
  ASSERT_THAT(test_.server->Reload(same), IsOk());
  EXPECT_EQ(Ask(trusts_stranger), "client=");
  open.Send(kGet);
  EXPECT_EQ(open.ReadResponse().status, 200);
  // What cannot be read changes nothing.
  folder_.Write("server.key", "no key");
  EXPECT_THAT(
      test_.server->Reload(same),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("key_file")));
  EXPECT_EQ(Ask(trusts_stranger), "client=");
}

TEST_F(HttpServerTlsTest, RefusesAKeyOfAnotherCertificateAtTheStart) {
  CertificateFiles other = authority_.Issue("other", {{"other"}});
  test_.options.listeners[0].tls->key_file = other.key_file;
  EXPECT_THAT(HttpServer::Start(test_.options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("key values mismatch")));
  test_.options.listeners[0].tls->client_ca_file = other.key_file;
  test_.options.listeners[0].tls->key_file = folder_.path("server.key");
  EXPECT_THAT(HttpServer::Start(test_.options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("client_ca_file")));
}

}  // namespace
}  // namespace oddverb
