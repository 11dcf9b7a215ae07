// Which addresses of a credential are forgotten for others, and when they are
// more than one person's.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "detectors/credential_contacts.h"
#include "gtest/gtest.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

const absl::Time kFirstCame = absl::FromUnixSeconds(1'700'000'000);

void ComeFrom(CredentialContacts& contacts, const std::string& ip, int second) {
  EventBuilder builder;
  builder.SourceIp(ip).At(kFirstCame + absl::Seconds(second));
  contacts.Add(builder.Build());
}

TEST(CredentialCrowdTest, CrowdIsOfOneDay) {
  // As of a person behind a VPN that gives another with each login.
  CredentialContacts slow;
  for (int i = 0; i < 10; ++i) {
    ComeFrom(slow, absl::StrCat("10.0.0.", i), 3 * 3600 * i);
    EXPECT_FALSE(slow.IsCrowded(kFirstCame + absl::Hours(3 * i)));
  }

  CredentialContacts fast;
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(fast.IsCrowded(kFirstCame + absl::Seconds(i)));
    ComeFrom(fast, absl::StrCat("10.0.0.", i), i);
  }
  EXPECT_TRUE(fast.IsCrowded(kFirstCame + absl::Seconds(5)));
  EXPECT_TRUE(fast.IsCrowded(kFirstCame + absl::Hours(24)));
  EXPECT_FALSE(fast.IsCrowded(kFirstCame + absl::Hours(25)));
}

// The address that a person had elsewhere yesterday stays known for a day, and
// those of the VPN, one for each login, are no crowd beside it.
TEST(CredentialCrowdTest, ALoginElsewhereAmongManyOfAVpnIsNoCrowd) {
  CredentialContacts contacts;
  ComeFrom(contacts, "10.8.0.1", 0);
  ComeFrom(contacts, "203.0.113.7", 60);
  for (int i = 1; i < 8; ++i) {
    ComeFrom(contacts, absl::StrCat("10.8.", i, ".1"), 3 * 3600 * i);
    EXPECT_FALSE(contacts.IsCrowded(kFirstCame + absl::Hours(3 * i))) << i;
    EXPECT_EQ(contacts.contact(1).ip(), "203.0.113.7") << i;
  }
  // In the hours after that it is the oldest of those out of use.
  for (int i = 8; i < 12; ++i) {
    ComeFrom(contacts, absl::StrCat("10.8.", i, ".1"), 3 * 3600 * i);
  }
  EXPECT_NE(contacts.contact(1).ip(), "203.0.113.7");
  EXPECT_FALSE(contacts.IsCrowded(kFirstCame + absl::Hours(33)));
}

}  // namespace
}  // namespace oddverb
