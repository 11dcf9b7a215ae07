// What a running server may be given anew: tokens here, certificates in
// http_server_tls_test.cc.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/http_server.h"
#include "tests/net/http_test_server.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

class HttpServerReloadTest : public ::testing::Test {
 protected:
  static int StatusWith(RawClient& client, const std::string& token) {
    client.Send(token.empty() ? "GET /x HTTP/1.1\r\n\r\n"
                              : "GET /x HTTP/1.1\r\nAuthorization: Bearer " +
                                    token + "\r\n\r\n");
    return client.ReadResponse().status;
  }
  absl::Status Give(const std::vector<std::string>& tokens) {
    return test_.server->Reload({{.tls = {}, .bearer_tokens = tokens}});
  }
  HttpTestServer test_;
};

TEST_F(HttpServerReloadTest, TokensCountFromTheNextRequestOn) {
  test_.options.listeners[0].bearer_tokens = {"old"};
  test_.Start();
  RawClient open(test_.address());
  EXPECT_EQ(StatusWith(open, "old"), 200);
  ASSERT_THAT(Give({"new", "newer"}), IsOk());
  // Also on a connection that was let in before.
  EXPECT_EQ(StatusWith(open, "old"), 401);
  EXPECT_EQ(StatusWith(open, "new"), 200);
  EXPECT_EQ(StatusWith(open, "newer"), 200);
  ASSERT_THAT(Give({}), IsOk());
  EXPECT_EQ(StatusWith(open, ""), 200);
  ASSERT_THAT(Give({"old"}), IsOk());
  EXPECT_EQ(StatusWith(open, ""), 401);
}

TEST_F(HttpServerReloadTest, WhatCannotWorkChangesNothing) {
  test_.options.listeners[0].bearer_tokens = {"old"};
  test_.Start();
  EXPECT_THAT(Give({""}), StatusIs(absl::StatusCode::kInvalidArgument,
                                   HasSubstr("tokens are empty")));
  EXPECT_THAT(test_.server->Reload({}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("not as many listeners")));
  EXPECT_THAT(
      test_.server->Reload(
          {{.tls = TlsServerOptions(), .bearer_tokens = {"new"}}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("next start")));
  RawClient client(test_.address());
  EXPECT_EQ(StatusWith(client, "old"), 200);
  EXPECT_EQ(StatusWith(client, "new"), 401);
}

}  // namespace
}  // namespace oddverb
