#include "detectors/credential_contacts.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/event_builder.h"
#include "tests/support/random_finding.h"

namespace oddverb {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

const absl::Time kBegan = absl::FromUnixSeconds(1'700'000'000);

CredentialContacts::Use AddAt(CredentialContacts& contacts,
                              const std::string& ip, int second,
                              const std::string& agent = "kubectl") {
  EventBuilder builder;
  builder.SourceIp(ip).UserAgent(agent).At(kBegan + absl::Seconds(second));
  return contacts.Add(builder.Build());
}

std::vector<std::string> IpsOf(const CredentialContacts& contacts) {
  std::vector<std::string> ips;
  for (size_t i = 0; i < contacts.size(); ++i) {
    ips.emplace_back(contacts.contact(i).ip());
  }
  return ips;
}

std::string Saved(const CredentialContacts& contacts) {
  StateWriter writer;
  contacts.Save(writer);
  return writer.Release();
}

TEST(CredentialContactsTest, TellsNewAddressesFromKnownOnes) {
  CredentialContacts contacts;
  EXPECT_EQ(contacts.size(), 0u);
  CredentialContacts::Use first = AddAt(contacts, "10.0.0.1", 1);
  EXPECT_TRUE(first.is_first && first.is_new);
  EXPECT_EQ(first.contact, first.previous);
  CredentialContacts::Use again = AddAt(contacts, "10.0.0.1", 2);
  EXPECT_FALSE(again.is_first || again.is_new);
  CredentialContacts::Use other = AddAt(contacts, "10.0.0.2", 3);
  EXPECT_TRUE(other.is_new && !other.is_first);
  EXPECT_EQ(other.contact, 1u);
  EXPECT_EQ(other.previous, 0u);
  CredentialContacts::Use back = AddAt(contacts, "10.0.0.1", 4);
  EXPECT_EQ(back.previous, 1u);
  EXPECT_EQ(back.last_use, kBegan + absl::Seconds(2));
  EXPECT_EQ(contacts.contact(0).uses(), 3);
  EXPECT_EQ(contacts.contact(1).uses(), 1);
}

TEST(CredentialContactsTest, KeepsWhatAPersonNeedsOfTheFirstUse) {
  CredentialContacts contacts;
  EventBuilder builder;
  builder.SourceIp("10.0.0.1").AuditId("id-1").Verb("list").Code(403);
  builder.Resource("secrets").Ns("web").UserAgent("curl/8").At(kBegan);
  contacts.Add(builder.Build());
  AddAt(contacts, "10.0.0.1", 60);
  const Contact& contact = contacts.contact(0);
  Evidence first = contact.first_use();
  EXPECT_EQ(first.audit_id, "id-1");
  EXPECT_EQ(first.time, kBegan);
  EXPECT_EQ(first.verb, "list");
  EXPECT_EQ(first.uri, "/api/v1/namespaces/web/secrets");
  EXPECT_EQ(first.code, 403);
  EXPECT_EQ(contact.last_use(), kBegan + absl::Seconds(60));
  EXPECT_THAT(contact.user_agents(), ElementsAre("curl/8", "kubectl"));
}

TEST(CredentialContactsTest, CountsChangesWithinASpan) {
  CredentialContacts contacts;
  EXPECT_EQ(contacts.ChangesWithin(kBegan, absl::Hours(1)), 0);
  for (int i = 0; i < 5; ++i) {
    AddAt(contacts, "10.0.0.1", 100 * i);
    AddAt(contacts, "10.0.0.1", 100 * i + 1);
    AddAt(contacts, "10.0.0.2", 100 * i + 50);
  }
  // Changes at 50, 100, 150, ... 450.
  auto changes = [&](int now, int span) {
    return contacts.ChangesWithin(kBegan + absl::Seconds(now),
                                  absl::Seconds(span));
  };
  EXPECT_EQ(changes(450, 0), 1);
  EXPECT_EQ(changes(450, 100), 3);
  EXPECT_EQ(changes(449, 100), 2);
  EXPECT_EQ(changes(450, 10'000), RecentTimes::kCapacity);
}

TEST(CredentialContactsTest, LateLinesAreNoChange) {
  CredentialContacts contacts;
  AddAt(contacts, "10.0.0.1", 0);
  AddAt(contacts, "10.0.0.2", 100);
  struct Case {
    const char* what;
    absl::Time received;
    bool is_change;
  };
  const absl::Time now = kBegan + absl::Seconds(200);
  for (const Case& test :
       {Case{"began before the newest", kBegan + absl::Seconds(99), false},
        Case{"began hours before", kBegan - absl::Hours(5), false},
        Case{"no time of arrival: that of the line", absl::InfinitePast(),
             true}}) {
    CredentialContacts copy;
    std::string state = Saved(contacts);
    StateReader reader(state);
    copy.Load(reader);
    EventBuilder builder;
    builder.SourceIp("10.0.0.1").At(now).Received(test.received);
    CredentialContacts::Use use = copy.Add(builder.Build());
    EXPECT_EQ(use.previous != use.contact, test.is_change) << test.what;
    EXPECT_EQ(copy.contact(0).uses(), 2) << test.what;
  }
}

TEST(CredentialContactsTest, SecondLineOfALongRequestIsARepeat) {
  struct Case {
    const char* verb;
    const char* subresource;
    bool is_long;
  };
  for (const Case& test :
       {Case{"watch", "", true}, Case{"create", "exec", true},
        Case{"get", "exec", true}, Case{"create", "attach", true},
        Case{"create", "portforward", true}, Case{"get", "log", true},
        Case{"get", "proxy", true}, Case{"list", "", false},
        Case{"get", "status", false}}) {
    CredentialContacts contacts;
    auto add = [&](Stage stage) {
      EventBuilder builder;
      builder.Verb(test.verb).Resource("pods").Sub(test.subresource);
      return contacts.Add(builder.Stage(stage).Build());
    };
    EXPECT_FALSE(add(Stage::kResponseComplete).is_repeat);
    EXPECT_FALSE(add(Stage::kResponseStarted).is_repeat);
    EXPECT_EQ(add(Stage::kResponseComplete).is_repeat, test.is_long)
        << test.verb << " " << test.subresource;
  }
}

TEST(CredentialContactsTest, FifthAddressReplacesTheOneUsedLongestAgo) {
  CredentialContacts contacts;
  for (int i = 1; i <= 4; ++i) AddAt(contacts, absl::StrCat("10.0.0.", i), i);
  AddAt(contacts, "10.0.0.2", 10);
  AddAt(contacts, "10.0.0.5", 11);
  EXPECT_THAT(IpsOf(contacts),
              ElementsAre("10.0.0.1", "10.0.0.2", "10.0.0.4", "10.0.0.5"));
  EXPECT_EQ(AddAt(contacts, "10.0.0.2", 12).previous, 3u);
}

TEST(CredentialContactsTest, KnowsThePreviousAddressAfterOneWasReplaced) {
  CredentialContacts contacts;
  for (int i = 1; i <= 4; ++i) AddAt(contacts, absl::StrCat("10.0.0.", i), i);
  // 10.0.0.2 goes, and 10.0.0.4 moves up.
  CredentialContacts::Use use = AddAt(contacts, "10.0.0.5", 5);
  EXPECT_EQ(use.contact, 3u);
  EXPECT_EQ(contacts.contact(use.previous).ip(), "10.0.0.4");
  // The first one goes too, where it is not home.
  CredentialContacts outside;
  AddAt(outside, "203.0.113.1", 0);
  for (int i = 1; i <= 4; ++i) AddAt(outside, absl::StrCat("10.0.0.", i), i);
  EXPECT_THAT(IpsOf(outside),
              ElementsAre("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"));
  EXPECT_EQ(AddAt(outside, "10.0.0.1", 9).previous, 3u);
}

TEST(CredentialContactsTest, HomeIsTheFirstInsideAddressAndStays) {
  CredentialContacts contacts;
  AddAt(contacts, "203.0.113.1", 0);
  EXPECT_EQ(contacts.home(), 0u);
  AddAt(contacts, "203.0.113.2", 1);
  AddAt(contacts, "10.0.0.1", 2);
  EXPECT_EQ(contacts.home(), 2u);
  AddAt(contacts, "10.0.0.2", 3);
  for (int i = 0; i < 50; ++i) {
    AddAt(contacts, absl::StrCat("10.0.1.", i), 10 + i);
    EXPECT_EQ(contacts.contact(contacts.home()).ip(), "10.0.0.1");
    EXPECT_EQ(contacts.size(), 4u);
  }
  // No inside address at all: the first one.
  CredentialContacts outside;
  for (int i = 0; i < 50; ++i) {
    AddAt(outside, absl::StrCat("203.0.113.", i), i);
    EXPECT_EQ(outside.contact(outside.home()).ip(), "203.0.113.0");
  }
}

TEST(CredentialContactsTest, OwnClientsAreThoseOfHomeAndOneStepFurther) {
  CredentialContacts contacts;
  AddAt(contacts, "10.0.0.1", 0, "k9s");  // home
  AddAt(contacts, "10.0.0.2", 1, "k9s");
  AddAt(contacts, "10.0.0.2", 2, "kubectl");
  AddAt(contacts, "10.0.0.3", 3, "kubectl");  // by way of 10.0.0.2
  AddAt(contacts, "203.0.113.1", 4, "curl");
  EXPECT_TRUE(contacts.HasOwnClient(0));
  EXPECT_TRUE(contacts.HasOwnClient(1));
  EXPECT_TRUE(contacts.HasOwnClient(2));
  EXPECT_FALSE(contacts.HasOwnClient(3));

  // Two steps from home are too far.
  CredentialContacts chain;
  AddAt(chain, "10.0.0.1", 0, "a");
  AddAt(chain, "10.0.0.2", 1, "a");
  AddAt(chain, "10.0.0.2", 2, "b");
  AddAt(chain, "10.0.0.3", 3, "b");
  AddAt(chain, "10.0.0.3", 4, "c");
  AddAt(chain, "10.0.0.4", 5, "c");
  EXPECT_TRUE(chain.HasOwnClient(2));
  EXPECT_FALSE(chain.HasOwnClient(3));

  // A thief's two addresses do not vouch for each other.
  CredentialContacts stolen;
  AddAt(stolen, "10.0.0.1", 0, "k9s");
  AddAt(stolen, "203.0.113.1", 1, "curl");
  AddAt(stolen, "203.0.113.2", 2, "curl");
  EXPECT_FALSE(stolen.HasOwnClient(1));
  EXPECT_FALSE(stolen.HasOwnClient(2));
}

TEST(CredentialContactsTest, ClientsAreBoundedInNumberAndLength) {
  CredentialContacts contacts;
  std::string long_agent(5000, 'x');
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 20; ++i) {
      AddAt(contacts, "10.0.0.1", i, absl::StrCat(i, long_agent));
    }
  }
  ASSERT_THAT(contacts.contact(0).user_agents(), SizeIs(Contact::kMaxAgents));
  for (std::string_view agent : contacts.contact(0).user_agents()) {
    EXPECT_EQ(agent.size(), Contact::kMaxAgentBytes);
  }
  // No User-Agent is a client like any other.
  CredentialContacts silent;
  AddAt(silent, "10.0.0.1", 0, "");
  AddAt(silent, "10.0.0.2", 1, "");
  EXPECT_THAT(silent.contact(0).user_agents(), ElementsAre(""));
  EXPECT_TRUE(silent.HasOwnClient(1));
}

TEST(CredentialContactsTest, KnowsALongTextAgain) {
  CredentialContacts contacts;
  std::string address(5000, 'a');
  EXPECT_TRUE(AddAt(contacts, address, 0).is_new);
  EXPECT_FALSE(AddAt(contacts, address, 1).is_new);
  EXPECT_LE(contacts.contact(0).ip().size(), 64u);
  EXPECT_FALSE(contacts.contact(0).is_private());
}

TEST(CredentialContactsTest, OneAddressTakesLittle) {
  // With its text of some 160 bytes, and eight bytes in a table.
  EXPECT_LE(sizeof(CredentialContacts), 80u);
  CredentialContacts contacts;
  std::string huge(100'000, 'x');
  for (int i = 0; i < 100; ++i) {
    EventBuilder builder;
    builder.SourceIp(absl::StrCat(i, huge)).UserAgent(absl::StrCat(i, huge));
    builder.AuditId(huge).Verb(huge).Uri(huge);
    contacts.Add(builder.At(kBegan + absl::Seconds(i)).Build());
  }
  EXPECT_LE(Saved(contacts).size(), 2048u);
}

// Against a model that remembers everything.
TEST(CredentialContactsTest, FollowsItsModel) {
  std::mt19937_64 random(1);
  for (int run = 0; run < 200; ++run) {
    CredentialContacts contacts;
    std::map<std::string, int64_t> uses;
    std::string current;
    int changes = 0;
    for (int i = 0; i < 60; ++i) {
      std::string ip = absl::StrCat("10.0.0.", random() % 4);
      CredentialContacts::Use use = AddAt(contacts, ip, i);
      ASSERT_EQ(use.is_first, uses.empty());
      ASSERT_EQ(use.is_new, !uses.contains(ip));
      ++uses[ip];
      ASSERT_EQ(contacts.contact(use.contact).ip(), ip);
      ASSERT_EQ(contacts.contact(use.contact).uses(), uses[ip]);
      ASSERT_EQ(contacts.size(), uses.size());
      if (!current.empty() && current != ip) ++changes;
      ASSERT_EQ(use.previous != use.contact, !current.empty() && current != ip);
      current = ip;
      ASSERT_EQ(
          contacts.ChangesWithin(kBegan + absl::Seconds(i), absl::Hours(1)),
          std::min(changes, RecentTimes::kCapacity));
    }
  }
}

TEST(CredentialContactsTest, SavedAndLoadedGoesOnTheSame) {
  std::mt19937_64 random(2);
  for (int run = 0; run < 200; ++run) {
    CredentialContacts original, loaded;
    for (int i = 0; i < 40; ++i) {
      EventBuilder builder;
      std::string ip = absl::StrCat("10.0.0.", random() % 7);
      builder.SourceIp(random() % 9 == 0 ? "x" + RandomHostileText(random)
                                         : ip);
      builder.UserAgent(RandomHostileText(random));
      builder.AuditId(RandomHostileText(random)).Code(403);
      builder.At(kBegan + absl::Seconds(random() % 100'000));
      CredentialContacts::Use a = original.Add(builder.Build());
      CredentialContacts::Use b = loaded.Add(builder.Build());
      ASSERT_EQ(a.contact, b.contact);
      ASSERT_EQ(a.previous, b.previous);
      original.contact(a.contact).reported = random() % 2 == 0 ? 1 : 2;
      loaded.contact(a.contact).reported = original.contact(a.contact).reported;
      if (random() % 5 == 0) {
        original.SetRoamingReported();
        loaded.SetRoamingReported();
      }
      ASSERT_EQ(Saved(original), Saved(loaded));
      std::string state = Saved(loaded);
      StateReader reader(state);
      loaded.Load(reader);
      ASSERT_TRUE(reader.status().ok() && reader.AtEnd());
      ASSERT_EQ(Saved(original), Saved(loaded));
      ASSERT_EQ(original.home(), loaded.home());
      ASSERT_EQ(original.roaming_reported(), loaded.roaming_reported());
    }
  }
}

std::string SavedCrowd() {
  CredentialContacts contacts;
  for (int i = 0; i < 6; ++i) {
    AddAt(contacts, absl::StrCat("10.0.0.", i % 5), i, absl::StrCat("a", i));
  }
  return Saved(contacts);
}

TEST(CredentialContactsTest, DamagedStateIsRefused) {
  std::string state = SavedCrowd();
  for (size_t size = 0; size < state.size(); ++size) {
    CredentialContacts loaded;
    StateReader reader(std::string_view(state).substr(0, size));
    loaded.Load(reader);
    EXPECT_FALSE(reader.status().ok());
    EXPECT_EQ(loaded.size(), 0u);
  }
  // The last bytes are the index of the current address and a flag.
  std::string beyond = state;
  beyond[beyond.size() - 2] = 4;
  CredentialContacts loaded;
  StateReader reader(beyond);
  loaded.Load(reader);
  EXPECT_FALSE(reader.status().ok());
}

TEST(CredentialContactsTest, DamagedStateNeverCrashes) {
  std::string state = SavedCrowd();
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = state;
    for (int flips = 0; flips < 3; ++flips) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    CredentialContacts loaded;
    StateReader reader(damaged);
    loaded.Load(reader);
    for (int k = 0; k < 6; ++k) {
      AddAt(loaded, absl::StrCat("10.0.1.", k), k);
      loaded.HasOwnClient(loaded.size() - 1);
      ASSERT_LE(loaded.size(), CredentialContacts::kMaxContacts);
    }
  }
}

}  // namespace
}  // namespace oddverb
