#include "base/ip_address.h"

#include <arpa/inet.h>

#include <random>
#include <string>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

IpAddress MustParse(std::string_view text) {
  std::optional<IpAddress> address = IpAddress::Parse(text);
  EXPECT_TRUE(address.has_value()) << text;
  return address.value_or(IpAddress());
}

TEST(IpAddressTest, WritesTheCanonicalForm) {
  const struct {
    std::string_view text, canonical;
  } kCases[] = {
      {"10.0.0.1", "10.0.0.1"},
      {"255.255.255.255", "255.255.255.255"},
      {"::ffff:10.0.0.1", "10.0.0.1"},
      {"::FFFF:0A00:1", "10.0.0.1"},
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"fe80::1%eth0", "fe80::1"},
      // RFC 5952 section 4: lower case, no leading zeros, the longest run, the
      // first of equal runs, never a single group.
      {"2001:0DB8::0001", "2001:db8::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
      // Not written as IPv4 (RFC 4291 2.5.5.1 is deprecated); as Go does.
      {"::1.2.3.4", "::102:304"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(MustParse(c.text).ToString(), c.canonical) << c.text;
  }
}

TEST(IpAddressTest, RefusesWhatIsNotAnAddress) {
  const std::string_view kBad[] = {"",
                                   "1",
                                   "1.2.3",
                                   "1.2.3.4.5",
                                   "1.2.3.256",
                                   "01.2.3.4",
                                   "1.2.3.04",
                                   "0x1.2.3.4",
                                   " 1.2.3.4",
                                   "1.2.3.4 ",
                                   "1.2.3.4\n",
                                   "1.2.3.4:443",
                                   "1.2.3.4%eth0",
                                   "-1.2.3.4",
                                   "1..3.4",
                                   ":",
                                   ":::",
                                   "1:2",
                                   "1:2:3:4:5:6:7:8:9",
                                   "1:2:3:4:5:6:7::8",
                                   "1::2::3",
                                   "12345::",
                                   "g::",
                                   "fe80::1%",
                                   "[::1]",
                                   "::1.2.3",
                                   "unknown",
                                   std::string_view("1.2.3.4\0", 8),
                                   std::string_view("::1\0::2", 7)};
  for (std::string_view text : kBad) {
    EXPECT_FALSE(IpAddress::Parse(text).has_value()) << text;
  }
  EXPECT_FALSE(IpAddress::Parse(std::string(100'000, ':')).has_value());
  EXPECT_FALSE(IpAddress::Parse(std::string(100'000, '1')).has_value());
}

TEST(IpAddressTest, BothSpellingsOfAnIpv4AddressAreEqual) {
  IpAddress plain = MustParse("192.0.2.7");
  EXPECT_EQ(plain, MustParse("::ffff:192.0.2.7"));
  EXPECT_TRUE(plain.is_v4());
  EXPECT_EQ(plain.v4(), 0xc0000207);
  EXPECT_FALSE(MustParse("::192.0.2.7").is_v4());
}

TEST(IpAddressTest, AnythingReadsBackFromItsText) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20'000; ++i) {
    IpAddress address;
    // Mostly zeros, so that runs of every kind come up.
    for (uint8_t& byte : address.bytes) {
      byte = random() % 4 == 0 ? static_cast<uint8_t>(random()) : 0;
    }
    std::string text = address.ToString();
    EXPECT_EQ(MustParse(text), address) << text;
    std::array<uint8_t, 16> system{};
    ASSERT_EQ(inet_pton(AF_INET6, text.c_str(), system.data()), 1) << text;
    EXPECT_EQ(system, address.bytes) << text;
  }
}

TEST(IpAddressTest, AreInTheOrderOfTheirBytes) {
  std::mt19937_64 random(3);
  IpAddress a, b;
  for (int i = 0; i < 20'000; ++i) {
    // Mostly one that differs from the other in a byte, or in none.
    a = b;
    b.bytes[random() % b.bytes.size()] = static_cast<uint8_t>(random() % 256);
    EXPECT_EQ(a < b, a.bytes < b.bytes) << a.ToString() << " " << b.ToString();
    EXPECT_EQ(a > b, a.bytes > b.bytes) << a.ToString() << " " << b.ToString();
  }
}

TEST(IpAddressTest, PrivateRangesEndWhereTheirDocumentsSay) {
  const struct {
    std::string_view text;
    bool is_private;
  } kCases[] = {
      {"9.255.255.255", false},
      {"10.0.0.0", true},
      {"10.255.255.255", true},
      {"11.0.0.0", false},
      {"172.15.255.255", false},
      {"172.16.0.0", true},
      {"172.31.255.255", true},
      {"172.32.0.0", false},
      {"192.167.255.255", false},
      {"192.168.0.0", true},
      {"192.168.255.255", true},
      {"192.169.0.0", false},
      {"126.255.255.255", false},
      {"127.0.0.1", true},
      {"128.0.0.0", false},
      {"169.253.255.255", false},
      {"169.254.169.254", true},
      {"169.255.0.0", false},
      {"100.63.255.255", false},
      {"100.64.0.0", true},
      {"100.127.255.255", true},
      {"100.128.0.0", false},
      {"8.8.8.8", false},
      {"::ffff:10.0.0.1", true},
      {"::1", true},
      {"::2", false},
      {"::", false},
      {"fbff::", false},
      {"fc00::", true},
      {"fdff::1", true},
      {"fe00::", false},
      {"fe7f::", false},
      {"fe80::", true},
      {"febf::1", true},
      {"fec0::", false},
      {"2001:db8::1", false},
      {"::1:0:0:1", false},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(MustParse(c.text).is_private(), c.is_private) << c.text;
    EXPECT_EQ(IsPrivateAddress(c.text), c.is_private) << c.text;
    EXPECT_EQ(IsPublicAddress(c.text), !c.is_private) << c.text;
  }
}

TEST(MayBeDualStackTest, TwoFamiliesButNotInsideIpv6WithOutsideIpv4) {
  struct Case {
    const char* text;
    const char* other;
    bool expected;
  };
  for (const Case& c :
       {Case{"10.0.1.7", "fd00::7", true},
        Case{"10.0.1.7", "2001:db8::7", true},
        Case{"203.0.113.7", "2001:db8::7", true},
        Case{"203.0.113.7", "fd00::7", false},
        Case{"10.0.1.7", "10.0.1.8", false}, Case{"fd00::7", "fd00::8", false},
        Case{"10.0.1.7", "::ffff:10.0.1.7", false},
        Case{"nowhere", "fd00::7", false}}) {
    EXPECT_EQ(MayBeDualStack(c.text, c.other), c.expected) << c.text;
    EXPECT_EQ(MayBeDualStack(c.other, c.text), c.expected) << c.other;
  }
}

TEST(IpNetworkTest, ContainsItsFirstAndLastAddressOnly) {
  const struct {
    std::string_view network, first, last, before, after;
  } kCases[] = {
      {"10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
      {"10.1.2.3/20", "10.1.0.0", "10.1.15.255", "10.0.255.255", "10.1.16.0"},
      {"10.1.2.3/32", "10.1.2.3", "10.1.2.3", "10.1.2.2", "10.1.2.4"},
      {"10.1.2.3", "10.1.2.3", "10.1.2.3", "10.1.2.2", "10.1.2.4"},
      {"0.0.0.0/0", "0.0.0.0", "255.255.255.255", "::fffe:ffff:ffff",
       "::1:0:0:0"},
      {"2001:db8::/33", "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff",
       "2001:db7:ffff::", "2001:db8:8000::"},
      {"fd00::1/128", "fd00::1", "fd00::1", "fd00::", "fd00::2"},
  };
  for (const auto& c : kCases) {
    std::optional<IpNetwork> network = IpNetwork::Parse(c.network);
    ASSERT_TRUE(network.has_value()) << c.network;
    EXPECT_EQ(network->base, MustParse(c.first)) << c.network;
    EXPECT_TRUE(network->Contains(MustParse(c.first))) << c.network;
    EXPECT_TRUE(network->Contains(MustParse(c.last))) << c.network;
    EXPECT_FALSE(network->Contains(MustParse(c.before))) << c.network;
    EXPECT_FALSE(network->Contains(MustParse(c.after))) << c.network;
  }
}

TEST(IpNetworkTest, RefusesBadText) {
  for (std::string_view text :
       {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1",
        "10.0.0.0/+8", "10.0.0.0/8x", "10.0.0.0/8/8", "::/129", "10.0.0/8",
        "::/99999999999999999999"}) {
    EXPECT_FALSE(IpNetwork::Parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace oddverb
