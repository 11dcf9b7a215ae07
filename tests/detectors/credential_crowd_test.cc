// Which addresses of a credential are forgotten for others, and when they are
// more than one person's.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/state_io.h"
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

TEST(CredentialCrowdTest, AsManyAsAVpnGivesInADayAreNone) {
  CredentialContacts contacts;
  for (int i = 0; i < 10; ++i) {
    ComeFrom(contacts, absl::StrCat("10.0.0.", i), 3 * 3600 * i);
    EXPECT_FALSE(contacts.IsCrowded(kFirstCame + absl::Hours(3 * i)));
  }
}

// Four addresses beside home, one after the other with a `pause`.
struct Crowd {
  const char* what;
  std::vector<std::string> ips;
  absl::Duration pause;
  absl::Duration lasts;
};

TEST(CredentialCrowdTest, OfAVpnLastsTwoHoursElseADay) {
  const std::vector<std::string> near = {"10.0.0.1", "10.0.0.2", "10.0.0.3",
                                         "10.0.0.4"};
  const std::vector<std::string> far = {"10.1.0.1", "10.2.0.1", "10.3.0.1",
                                        "10.4.0.1"};
  const std::vector<std::string> mixed = {"203.0.113.7", "10.0.0.2", "10.0.0.3",
                                          "10.0.0.4"};
  const Crowd kCrowds[] = {
      {"logins", near, absl::Minutes(25), absl::Hours(2)},
      {"logins, one elsewhere", mixed, absl::Minutes(25), absl::Hours(2)},
      {"runners, there together", near, absl::Minutes(20), absl::Hours(24)},
      {"elsewhere", far, absl::Hours(5), absl::Hours(24)},
  };
  for (const Crowd& crowd : kCrowds) {
    CredentialContacts contacts;
    ComeFrom(contacts, "10.0.0.0", 0);
    absl::Duration at;
    for (const std::string& ip : crowd.ips) {
      EXPECT_FALSE(contacts.IsCrowded(kFirstCame + at)) << crowd.what;
      at += crowd.pause;
      ComeFrom(contacts, ip, static_cast<int>(at / absl::Seconds(1)));
    }
    const absl::Time end = kFirstCame + at + crowd.lasts;
    EXPECT_TRUE(contacts.IsCrowded(end - absl::Seconds(1))) << crowd.what;
    EXPECT_FALSE(contacts.IsCrowded(end)) << crowd.what;
  }
}

TEST(CredentialCrowdTest, AStateOfTheSecondVersionSaysWhenItBegan) {
  CredentialContacts contacts;
  for (int i = 0; i < 5; ++i) {
    ComeFrom(contacts, absl::StrCat("10.0.0.", i), i);
  }
  StateWriter writer;
  contacts.Save(writer);
  std::string state = writer.Release();
  ASSERT_EQ(state[0], 3);
  state[0] = 2;
  StateReader reader(state);
  contacts.Load(reader);
  ASSERT_TRUE(reader.status().ok()) << reader.status();
  const absl::Time end = kFirstCame + absl::Seconds(4) + absl::Hours(24 + 24);
  EXPECT_TRUE(contacts.IsCrowded(end - absl::Seconds(1)));
  EXPECT_FALSE(contacts.IsCrowded(end));
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
