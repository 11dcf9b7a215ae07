#include "net/listen_socket.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

TEST(ListenAddressTest, ReadsLiteralAddresses) {
  struct Case {
    const char* text;
    const char* host;
    uint16_t port;
    bool every_host;
  } cases[] = {{"127.0.0.1:8443", "127.0.0.1", 8443, false},
               {"localhost:0", "127.0.0.1", 0, false},
               {"0.0.0.0:65535", "0.0.0.0", 65535, false},
               {"[::1]:80", "::1", 80, false},
               {":9464", "::", 9464, true}};
  for (const Case& c : cases) {
    absl::StatusOr<ListenAddress> address = ListenAddress::Parse(c.text);
    ASSERT_THAT(address, IsOk()) << c.text;
    EXPECT_EQ(address->host.ToString(), c.host);
    EXPECT_EQ(address->port, c.port);
    EXPECT_EQ(address->every_host, c.every_host);
  }
}

TEST(ListenAddressTest, RefusesTheRestAndSaysWhatToWrite) {
  for (const char* text :
       {"", "8443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
        "127.0.0.1:-1", "127.0.0.1:0x50", "127.0.0.1: 1", "::1:80", "[::1]",
        "[127.0.0.1]:80", "[fe80::1%eth0]:80", "example.com:80", "[]:80"}) {
    EXPECT_THAT(ListenAddress::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("write 127.0.0.1:8443")))
        << text;
  }
}

}  // namespace
}  // namespace oddverb
