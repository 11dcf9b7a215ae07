#include "detectors/known_places.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/detectors/forbidden_stream.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

KnownPlaces::Place PlaceOf(const std::string& address,
                           const std::string& agent = "app/v1 (linux/amd64)") {
  EventBuilder event;
  event.SourceIp(address).UserAgent(agent);
  return KnownPlaces::Of(event.Build());
}

constexpr absl::Duration kHour = absl::Hours(1);

bool IsNewNetwork(const KnownPlaces& places, const std::string& address,
                  absl::Time now) {
  return places.IsNewNetwork(PlaceOf(address), now, kForbiddenStart, kHour);
}

TEST(KnownPlacesTest, NetworksAreWideAndProgramsHaveNoVersion) {
  struct Case {
    const char* a;
    const char* b;
    bool same;
  };
  for (const Case& c : {Case{"10.244.3.7", "10.244.19.250", true},
                        Case{"10.244.3.7", "10.24.43.7", false},
                        Case{"10.1.2.3", "10.11.2.3", false},
                        Case{"10.1.2.3", "::ffff:10.1.9.9", true},
                        Case{"2001:db8:1::5", "2001:db8:1:ff::9", true},
                        Case{"2001:db8:1::5", "2001:db8:2::5", false}}) {
    EXPECT_EQ(PlaceOf(c.a).network == PlaceOf(c.b).network, c.same)
        << c.a << " " << c.b;
  }
  EXPECT_EQ(PlaceOf("", "").network, 0U);
  EXPECT_EQ(PlaceOf("not an address: really").network, 0U);
  EXPECT_EQ(PlaceOf("", "kubectl/v1.30").program,
            PlaceOf("", "kubectl/v1.34 (linux)").program);
  EXPECT_NE(PlaceOf("", "kubectl/v1.30").program,
            PlaceOf("", "curl/8.5.0").program);
}

TEST(KnownPlacesTest, WhatIsSeenInTheFirstHourIsHome) {
  KnownPlaces places;
  places.See(PlaceOf("10.1.0.1"), kForbiddenStart);
  places.See(PlaceOf("10.2.0.1"), kForbiddenStart + absl::Minutes(59));
  EXPECT_FALSE(
      IsNewNetwork(places, "10.2.0.1", kForbiddenStart + absl::Minutes(59)));
  places.See(PlaceOf("10.3.0.1"), kForbiddenStart + absl::Minutes(61));
  EXPECT_TRUE(
      IsNewNetwork(places, "10.3.0.1", kForbiddenStart + absl::Minutes(61)));
  EXPECT_FALSE(
      IsNewNetwork(places, "10.1.0.1", kForbiddenStart + absl::Minutes(61)));
}

TEST(KnownPlacesTest, ANewPlaceIsOneOfManyAfterADay) {
  KnownPlaces places;
  places.See(PlaceOf("10.1.0.1"), kForbiddenStart);
  absl::Time moved = kForbiddenStart + absl::Hours(5);
  places.See(PlaceOf("10.3.0.1"), moved);
  places.See(PlaceOf("10.3.0.1"), moved + absl::Hours(23));
  EXPECT_TRUE(IsNewNetwork(places, "10.3.0.1", moved + absl::Hours(23)));
  EXPECT_FALSE(IsNewNetwork(places, "10.3.0.1", moved + absl::Hours(24)));
}

TEST(KnownPlacesTest, MadeUpPlacesDriveOutOnlyTheirOwnKind) {
  KnownPlaces places;
  for (int i = 0; i < 4; ++i) {
    places.See(PlaceOf(absl::StrCat("10.", i, ".0.1")), kForbiddenStart);
  }
  absl::Time now = kForbiddenStart + absl::Hours(30);
  for (int i = 0; i < 100; ++i) {
    places.See(PlaceOf(absl::StrCat("172.", i, ".0.1")), now);
    EXPECT_TRUE(IsNewNetwork(places, absl::StrCat("172.", i, ".0.1"), now));
  }
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(IsNewNetwork(places, absl::StrCat("10.", i, ".0.1"), now));
  }
}

TEST(KnownPlacesTest, NothingIsNewToAnActorOfManyPlaces) {
  KnownPlaces places;
  for (int i = 0; i < 8; ++i) {
    places.See(PlaceOf(absl::StrCat("10.", i, ".0.1")), kForbiddenStart);
  }
  absl::Time now = kForbiddenStart + absl::Hours(30);
  places.See(PlaceOf("10.99.0.1"), now);
  EXPECT_FALSE(IsNewNetwork(places, "10.99.0.1", now));
}

TEST(KnownPlacesTest, DamagedStateIsRefused) {
  StateWriter out;
  out.PutU64(17);
  StateReader in(out.bytes());
  KnownPlaces places;
  places.Load(in);
  EXPECT_FALSE(in.status().ok());
}

// Saved states hold these keys, so they must not change. Written down once more
// byte by byte.
TEST(KnownPlacesTest, KeysAreTheSameAsEver) {
  auto hash_of = [](std::string_view bytes) {
    uint64_t hash = bytes.size();
    for (size_t at = 0; at <= bytes.size(); at += 8) {
      uint64_t word = 0;
      std::string_view part = bytes.substr(at, 8);
      for (size_t i = 0; i < part.size(); ++i) {
        uint64_t c = static_cast<unsigned char>(part[i]);
        // Whole words from the front, the rest from behind.
        word = part.size() == 8 ? word | c << (8 * i) : word << 8 | c;
      }
      hash = (hash ^ word) * 0xff51afd7ed558ccdU;
      hash ^= hash >> 33;
    }
    return static_cast<uint32_t>(hash ^ hash >> 32);
  };
  const char* const kPrograms[] = {"k",
                                   "kubectl",
                                   "kubectl1",
                                   "kubelet-",
                                   "kube-controller-",
                                   "kube-scheduler-and-more-of-it",
                                   "",
                                   "a-name-of-two-and-thirty-letters"};
  const char* const kRests[] = {"", "/v1.29 (linux/amd64)", " 1", "/"};
  for (std::string program : kPrograms) {
    for (const char* rest : kRests) {
      KnownPlaces::Place place = PlaceOf("10.1.2.3", program + rest);
      uint32_t key = hash_of(program) & ~1U;
      EXPECT_EQ(place.program, key == 0 ? 2 : key) << program << rest;
    }
  }
  const struct {
    const char* address;
    const char* network;
  } kNetworks[] = {{"1.2.3.4", "1.2"},
                   {"10.244.13.7", "10.244"},
                   {"192.168.100.200", "192.168"},
                   {"1.2", "1.2"},
                   {"no-address-at-all", "no-address-at-all"},
                   {"..........", "."}};
  for (const auto& row : kNetworks) {
    EXPECT_EQ(PlaceOf(row.address, "x").network, hash_of(row.network) | 1U)
        << row.address;
  }
  const char prefix[] = {'\x20', '\x01', '\x0d', '\xb8', '\x00', '\x01'};
  EXPECT_EQ(PlaceOf("2001:db8:1::1.2.3.4", "x").network,
            hash_of({prefix, sizeof(prefix)}) | 1U);
}

}  // namespace
}  // namespace oddverb
