#include "detectors/host_spelling.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

constexpr uint32_t kMetadata = 0xa9fea9fe;  // 169.254.169.254

bool Reads(std::string_view host, const IpAddress& address) {
  HostReadings readings = ReadHost(host);
  return std::any_of(
      readings.begin(), readings.end(),
      [&](const HostReading& r) { return r.address == address; });
}

bool ReadsAs(std::string_view host, std::string_view address) {
  return Reads(host, IpAddress::Parse(address).value());
}

HostSpelling SpellingOf(std::string_view host, std::string_view address) {
  for (const HostReading& reading : ReadHost(host)) {
    if (reading.address == IpAddress::Parse(address)) return reading.spelling;
  }
  ADD_FAILURE() << host << " is not read as " << address;
  return HostSpelling::kCanonical;
}

std::string Format(const char* format, unsigned value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

// All spellings of `v4` in `parts` parts, each part in each of `formats`.
std::vector<std::string> SpellingsOf(uint32_t v4, int parts,
                                     const std::vector<const char*>& formats) {
  std::vector<std::string> spellings = {""};
  for (int i = 0; i < parts; ++i) {
    bool is_last = i + 1 == parts;
    uint32_t value =
        is_last ? v4 & (0xffffffffu >> (8 * i)) : v4 >> (24 - 8 * i) & 0xff;
    std::vector<std::string> longer;
    for (const std::string& head : spellings) {
      for (const char* format : formats) {
        longer.push_back(head + (i > 0 ? "." : "") + Format(format, value));
      }
    }
    spellings = std::move(longer);
  }
  return spellings;
}

TEST(HostSpellingTest, ReadsAllRadixesInAllNumbersOfParts) {
  int count = 0;
  for (int parts = 1; parts <= 4; ++parts) {
    // 3 + 9 + 27 + 81 = 120 plain ones, and more with zeros and capitals.
    for (const std::vector<const char*>& formats :
         {std::vector<const char*>{"%u", "0%o", "0x%x"},
          std::vector<const char*>{"0X%X", "0x0000%x", "00000%o"}}) {
      for (const std::string& spelling :
           SpellingsOf(kMetadata, parts, formats)) {
        EXPECT_TRUE(ReadsAs(spelling, "169.254.169.254")) << spelling;
        EXPECT_TRUE(ReadsAs(spelling + ".", "169.254.169.254")) << spelling;
        ++count;
      }
    }
  }
  EXPECT_EQ(count, 240);
}

TEST(HostSpellingTest, CallsOnlyTheUsualFormCanonical) {
  EXPECT_EQ(SpellingOf("169.254.169.254", "169.254.169.254"),
            HostSpelling::kCanonical);
  for (std::string_view unusual :
       {"169.254.169.254.", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
        "169.254.43518", "169.16689662", "0xa9.254.169.254", "0169.254.169.254",
        "425.510.425.510", "18446744073709551785.254.169.254"}) {
    EXPECT_EQ(SpellingOf(unusual, "169.254.169.254"), HostSpelling::kNumeric)
        << unusual;
  }
  EXPECT_EQ(SpellingOf("fd00:ec2::254", "fd00:ec2::254"),
            HostSpelling::kCanonical);
  EXPECT_EQ(SpellingOf("[FD00:EC2::254]", "fd00:ec2::254"),
            HostSpelling::kCanonical);
  EXPECT_EQ(SpellingOf("fd00:0ec2:0:0::0:254", "fd00:ec2::254"),
            HostSpelling::kIpv6Form);
  EXPECT_EQ(SpellingOf("[fd00:ec2::254%25eth0]", "fd00:ec2::254"),
            HostSpelling::kIpv6Form);
}

TEST(HostSpellingTest, ReadsLeadingZerosBothWays) {
  EXPECT_TRUE(ReadsAs("0100.0100.0100.0310", "64.64.64.200"));
  EXPECT_TRUE(ReadsAs("0100.0100.0100.0200", "100.100.100.200"));
  EXPECT_TRUE(ReadsAs("0144.0144.0144.0310", "100.100.100.200"));
  // 9 is no octal digit: libc refuses it, others ignore the zero.
  EXPECT_TRUE(ReadsAs("0169.0254.0169.0254", "169.254.169.254"));
}

// The oracle is libc itself: whatever inet_aton() takes, a program would
// connect to.
TEST(HostSpellingTest, ReadsWhateverInetAtonReads) {
  std::mt19937_64 random(1);
  constexpr std::string_view kAlphabet = "0123456789012345678xXabcdefAF....";
  int accepted = 0;
  for (int i = 0; i < 400'000; ++i) {
    std::string text;
    for (size_t length = 1 + random() % 16; length > 0; --length) {
      text += kAlphabet[random() % kAlphabet.size()];
    }
    in_addr value;
    if (inet_aton(text.c_str(), &value) == 0) continue;
    ++accepted;
    IpAddress address;
    address.bytes[10] = address.bytes[11] = 0xff;
    uint32_t v4 = ntohl(value.s_addr);
    for (size_t b = 0; b < 4; ++b) {
      address.bytes[12 + b] = static_cast<uint8_t>(v4 >> (24 - 8 * b));
    }
    ASSERT_TRUE(Reads(text, address)) << text;
  }
  EXPECT_GT(accepted, 10'000);
}

TEST(HostSpellingTest, ReadsRandomSpellingsThatInetAtonConfirms) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20'000; ++i) {
    auto v4 = static_cast<uint32_t>(random());
    int parts = 1 + static_cast<int>(random() % 4);
    std::vector<const char*> formats;
    for (int f = 0; f < 2; ++f) {
      constexpr const char* kFormats[] = {"%u",     "0%o",   "0x%x",
                                          "0x00%X", "000%o", "0X%x"};
      formats.push_back(kFormats[random() % std::size(kFormats)]);
    }
    std::vector<std::string> spellings = SpellingsOf(v4, parts, formats);
    const std::string& text = spellings[random() % spellings.size()];
    in_addr value;
    ASSERT_EQ(inet_aton(text.c_str(), &value), 1) << text;
    ASSERT_EQ(ntohl(value.s_addr), v4) << text;
    char usual[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &value, usual, sizeof(usual));
    ASSERT_TRUE(ReadsAs(text, usual)) << text;
  }
}

TEST(HostSpellingTest, FindsIpv4InsideOfIpv6) {
  for (std::string_view host : {"::ffff:169.254.169.254",
                                "[::ffff:169.254.169.254]",
                                "::ffff:a9fe:a9fe",
                                "::FFFF:A9FE:A9FE",
                                "0:0:0:0:0:ffff:a9fe:a9fe",
                                "0000:0000:0000:0000:0000:ffff:169.254.169.254",
                                "::169.254.169.254",
                                "::a9fe:a9fe",
                                "::ffff:0:169.254.169.254",
                                "64:ff9b::169.254.169.254",
                                "64:ff9b::a9fe:a9fe",
                                "0064:FF9B::A9FE:A9FE",
                                "64:ff9b:1::169.254.169.254",
                                "64:ff9b:1:a9fe:a9:fe00::",
                                "64:ff9b:1:ca9:fe:a9fe::",
                                "64:ff9b:1:abcd:a9:fea9:fe00::",
                                "2002:a9fe:a9fe::",
                                "2002:a9fe:a9fe::1",
                                "2002:A9FE:A9FE:1:2:3:4:5",
                                "fe80::5efe:169.254.169.254",
                                "fe80::200:5efe:a9fe:a9fe",
                                "2001:db8::5efe:a9fe:a9fe",
                                "[::ffff:169.254.169.254%eth0]",
                                "[::ffff:a9fe:a9fe%251]"}) {
    EXPECT_EQ(SpellingOf(host, "169.254.169.254"), HostSpelling::kEmbeddedV4)
        << host;
  }
}

TEST(HostSpellingTest, ReadsPublicAliasNames) {
  for (std::string_view host :
       {"169.254.169.254.nip.io", "169-254-169-254.nip.io", "a9fea9fe.nip.io",
        "A9FEA9FE.NIP.IO", "www.169.254.169.254.nip.io",
        "app-169-254-169-254.nip.io", "a.b.c-a9fea9fe.nip.io",
        "169.254.169.254.sslip.io", "www-169-254-169-254.sslip.io",
        "169.254.169.254.xip.io", "x.169.254.169.254.xip.io",
        "169.254.169.254.nip.io.", "--ffff-a9fe-a9fe.sslip.io",
        "1.1.1.1.1.1.1.1.1.1.1.1.1.169.254.169.254.nip.io"}) {
    EXPECT_EQ(SpellingOf(host, "169.254.169.254"), HostSpelling::kDnsAlias)
        << host;
  }
  EXPECT_EQ(SpellingOf("fd00-ec2--254.sslip.io", "fd00:ec2::254"),
            HostSpelling::kDnsAlias);
}

TEST(HostSpellingTest, ReadsNoAddressInOtherHosts) {
  for (std::string_view host : {"",
                                ".",
                                "..",
                                "...",
                                "1..2",
                                ".1",
                                "1.2.3.4.5",
                                "0xg",
                                "12a",
                                "a9fe",
                                "a9fea9fe",
                                "example.com",
                                "169.254.169.254.example.com",
                                "v1.2.3",
                                "-1",
                                "+1",
                                " 1",
                                "1 ",
                                "1.2.3.4/32",
                                "::g",
                                ":::",
                                "1:2",
                                "[",
                                "[]",
                                "]",
                                "nip.io",
                                ".nip.io",
                                "example.nip.io",
                                "169.254.169.254.nip.io.example.com",
                                "169.254.nip.io",
                                "host:80",
                                "::ffff:0251.0376.0251.0376",
                                "09x",
                                "1.2.3.4.."}) {
    EXPECT_TRUE(ReadHost(host).empty()) << host;
  }
  EXPECT_FALSE(ReadsAs("::1212:a9fe:a9fe", "169.254.169.254"));
  EXPECT_FALSE(ReadsAs("::1", "0.0.0.0") &&
               ReadsAs("64:ff9c::a9fe:a9fe", "169.254.169.254"));
  EXPECT_FALSE(ReadsAs("2003:a9fe:a9fe::", "169.254.169.254"));
}

TEST(HostSpellingTest, TellsFourPartsFromOtherNumbers) {
  for (std::string_view host : {"1.2.3.4", "1.2.3.4.", "0251.0376.0251.0376",
                                "0xa9.254.0251.0xFE", "0169.254.169.254"}) {
    EXPECT_TRUE(HasFourNumericParts(host)) << host;
  }
  for (std::string_view host : {"1", "1.2.3", "1.2.3.4.5", "1.2.3.a", "",
                                "a.1.2.3", "1.2.3.", "1.2.3.."}) {
    EXPECT_FALSE(HasFourNumericParts(host)) << host;
  }
}

TEST(HostSpellingTest, BoundsLongHosts) {
  std::string zeros(1000, '0');
  EXPECT_TRUE(ReadsAs("0x" + zeros + "a9fea9fe", "169.254.169.254"));
  EXPECT_TRUE(ReadHost(std::string(1'000'000, '1')).empty());
  EXPECT_TRUE(ReadHost(std::string(1'000'000, ':')).empty());
}

}  // namespace
}  // namespace oddverb
