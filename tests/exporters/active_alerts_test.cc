#include "exporters/active_alerts.h"

#include <atomic>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/exporters/alert_findings.h"
#include "tests/support/random_finding.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);
constexpr absl::Duration kHold = absl::Minutes(15);

std::vector<ActiveAlert> AddOne(ActiveAlerts& alerts, const Finding& finding,
                                absl::Time now) {
  return alerts.Add({&finding, 1}, now);
}

// "SUBJECT LEVEL firing|resolved" of each.
std::vector<std::string> Told(const std::vector<ActiveAlert>& alerts) {
  std::vector<std::string> told;
  for (const ActiveAlert& active : alerts) {
    const AlertTexts& labels = active.alert->labels;
    told.push_back(absl::StrCat(std::string(TextOf(labels, "subject")), " ",
                                std::string(TextOf(labels, "level")), " ",
                                active.is_resolved ? "resolved" : "firing"));
  }
  return told;
}

TEST(ActiveAlertsTest, FiresUntilTheHoldAfterTheLastEvidence) {
  ActiveAlerts alerts({});
  EXPECT_TRUE(alerts.is_empty());
  EXPECT_EQ(alerts.next_change(), absl::InfiniteFuture());
  EXPECT_THAT(Told(AddOne(alerts, FindingOf("a"), kStart)),
              ElementsAre("a high firing"));
  absl::Time second = kStart + absl::Minutes(10);
  AddOne(alerts, FindingOf("a", Severity::kHigh, 2), second);
  EXPECT_EQ(alerts.next_change(), second + kHold);
  EXPECT_THAT(alerts.Advance(second + kHold - absl::Nanoseconds(1)), IsEmpty());

  std::vector<ActiveAlert> all = alerts.All();
  ASSERT_THAT(Told(all), ElementsAre("a high firing"));
  EXPECT_EQ(all[0].starts_at, kStart);
  EXPECT_EQ(all[0].updated_at, second);
  EXPECT_EQ(all[0].ends_at, second + kHold);
  EXPECT_THAT(alerts.FiringAt(second + kHold - absl::Seconds(1)), SizeIs(1));
  EXPECT_THAT(alerts.FiringAt(second + kHold), IsEmpty())
      << "before Advance() is called";

  // However late the call comes, the end is when it was over.
  absl::Time late = second + kHold + absl::Minutes(3);
  std::vector<ActiveAlert> over = alerts.Advance(late);
  ASSERT_THAT(Told(over), ElementsAre("a high resolved"));
  EXPECT_EQ(over[0].starts_at, kStart);
  EXPECT_EQ(over[0].ends_at, second + kHold);
  EXPECT_THAT(Told(alerts.All()), ElementsAre("a high resolved"));
  EXPECT_EQ(alerts.next_change(), late + absl::Minutes(5));
  EXPECT_THAT(alerts.Advance(late + absl::Minutes(5)), IsEmpty());
  EXPECT_TRUE(alerts.is_empty());
}

TEST(ActiveAlertsTest, NewEvidenceAfterTheEndIsANewAlert) {
  ActiveAlerts alerts({});
  AddOne(alerts, FindingOf("a"), kStart);
  absl::Time again = kStart + kHold + absl::Minutes(1);
  // The end is told with it, as nobody has called Advance().
  EXPECT_THAT(Told(AddOne(alerts, FindingOf("a"), again)),
              ElementsAre("a high resolved", "a high firing"));
  std::vector<ActiveAlert> all = alerts.All();
  ASSERT_THAT(Told(all), ElementsAre("a high firing"));
  EXPECT_EQ(all[0].starts_at, again);
}

TEST(ActiveAlertsTest, AWorseFindingReplacesAndALesserOneProlongs) {
  ActiveAlerts alerts({});
  AddOne(alerts, FindingOf("a", Severity::kMedium), kStart);
  absl::Time worse = kStart + absl::Minutes(1);
  EXPECT_THAT(
      Told(AddOne(alerts, FindingOf("a", Severity::kCritical, 2), worse)),
      ElementsAre("a medium resolved", "a critical firing"));
  absl::Time lesser = worse + absl::Minutes(1);
  Finding low = FindingOf("a", Severity::kLow, 3);
  low.summary = "less";
  EXPECT_THAT(Told(AddOne(alerts, low, lesser)),
              ElementsAre("a critical firing"));
  std::vector<ActiveAlert> all = alerts.All();
  ASSERT_THAT(Told(all), ElementsAre("a critical firing", "a medium resolved"));
  EXPECT_EQ(all[0].starts_at, kStart) << "the trouble is not new";
  EXPECT_EQ(all[0].ends_at, lesser + kHold);
  EXPECT_EQ(TextOf(all[0].alert->annotations, "summary"), "a probes");
  EXPECT_EQ(all[1].ends_at, worse);
  EXPECT_THAT(alerts.counts(), ElementsAre(0, 0, 0, 0, 1));
}

TEST(ActiveAlertsTest, TellsTheNewestWords) {
  ActiveAlerts alerts({});
  AddOne(alerts, FindingOf("a"), kStart);
  Finding newer = FindingOf("a", Severity::kHigh, 2);
  newer.summary = "more";
  std::vector<ActiveAlert> changed = AddOne(alerts, newer, kStart);
  ASSERT_THAT(changed, SizeIs(1));
  EXPECT_EQ(TextOf(changed[0].alert->annotations, "summary"), "more");
}

TEST(ActiveAlertsTest, TooManyBecomeOneAlertWithACount) {
  ActiveAlerts alerts({.max_per_detector = 3});
  for (int i = 0; i < 3; ++i) {
    AddOne(alerts, FindingOf(absl::StrCat("s", i)), kStart);
  }
  Finding fourth = FindingOf("s3");
  std::vector<ActiveAlert> changed = AddOne(alerts, fourth, kStart);
  ASSERT_THAT(changed, SizeIs(1));
  AddOne(alerts, fourth, kStart);  // tried again: the same one
  changed = AddOne(alerts, FindingOf("s4"), kStart);
  ASSERT_THAT(changed, SizeIs(1));
  const Alert& overflow = *changed[0].alert;
  EXPECT_EQ(TextOf(overflow.labels, "alertname"), "OddverbAlertsOverflow");
  EXPECT_EQ(TextOf(overflow.labels, "severity"), "critical");
  EXPECT_EQ(TextOf(overflow.labels, "detector"), "forbidden_burst");
  EXPECT_EQ(TextOf(overflow.labels, "subject"), "");
  EXPECT_THAT(std::string(TextOf(overflow.annotations, "summary")),
              HasSubstr("2 findings of forbidden_burst"));
  EXPECT_THAT(std::string(TextOf(overflow.annotations, "description")),
              HasSubstr("s4 probes"));
  EXPECT_THAT(alerts.All(), SizeIs(4));

  // Known ones go on; another detector and another severity have their own
  // room, so a flood of small ones hides nothing.
  AddOne(alerts, FindingOf("s1", Severity::kHigh, 2), kStart);
  Finding other = FindingOf("s9");
  other.detector = "metadata_access";
  AddOne(alerts, other, kStart);
  AddOne(alerts, FindingOf("s9", Severity::kMedium), kStart);
  EXPECT_THAT(alerts.All(), SizeIs(6));

  // Room again after the end.
  absl::Time later = kStart + kHold;
  EXPECT_THAT(alerts.Advance(later), SizeIs(6));
  AddOne(alerts, FindingOf("s4"), later);
  EXPECT_THAT(Told(alerts.FiringAt(later)), ElementsAre("s4 high firing"));
}

TEST(ActiveAlertsTest, HoldsWhatNobodyHasTakenYet) {
  ActiveAlerts alerts({.hold_from = HoldFrom::kEvidenceAndTaken});
  std::vector<ActiveAlert> changed = AddOne(alerts, FindingOf("a"), kStart);
  absl::Time next_day = kStart + absl::Hours(24);
  EXPECT_THAT(alerts.Advance(next_day), IsEmpty());
  EXPECT_EQ(alerts.next_change(), absl::InfiniteFuture());
  alerts.MarkTaken(changed, next_day);
  alerts.MarkTaken(changed, next_day + absl::Minutes(5));  // a resend
  EXPECT_EQ(alerts.next_change(), next_day + kHold);
  // Worse is a new label set, which has to be taken too.
  changed = AddOne(alerts, FindingOf("a", Severity::kCritical, 2), next_day);
  ASSERT_THAT(changed, SizeIs(2));
  alerts.MarkTaken({&changed[0], 1}, next_day);
  EXPECT_EQ(alerts.next_change(), next_day + absl::Minutes(5))
      << "only the resolved one is forgotten then";
  EXPECT_THAT(alerts.Advance(next_day + absl::Hours(24)), IsEmpty());
}

TEST(ActiveAlertsTest, SurvivesARestart) {
  const ActiveAlertsOptions options = {
      .max_per_detector = 2, .hold_from = HoldFrom::kEvidenceAndTaken};
  ActiveAlerts before(options);
  before.MarkTaken(AddOne(before, FindingOf("a"), kStart), kStart);
  AddOne(before, FindingOf("a\"\n\xff", Severity::kHigh), kStart);
  AddOne(before, FindingOf("c"), kStart);  // to the overflow
  AddOne(before, FindingOf("m", Severity::kMedium), kStart);
  AddOne(before, FindingOf("m", Severity::kCritical),
         kStart + absl::Minutes(1));
  StateWriter saved;
  before.Save(saved);

  ActiveAlerts after(options);
  AddOne(after, FindingOf("to be replaced"), kStart);
  StateReader in(saved.bytes());
  ASSERT_THAT(after.Load(in), IsOk());
  EXPECT_TRUE(in.AtEnd());
  StateWriter again;
  after.Save(again);
  EXPECT_EQ(again.bytes(), saved.bytes());

  absl::Time later = kStart + absl::Minutes(2);
  Finding fourth = FindingOf("d");
  for (ActiveAlerts* alerts : {&before, &after}) {
    AddOne(*alerts, FindingOf("a", Severity::kHigh, 2), later);
    AddOne(*alerts, fourth, later);
  }
  EXPECT_EQ(Told(before.All()), Told(after.All()));
  EXPECT_EQ(after.All()[0].starts_at, kStart);
  EXPECT_EQ(Told(after.Advance(later + kHold)),
            std::vector<std::string>{"a high resolved"});
}

TEST(ActiveAlertsTest, RefusesDamagedStateAndIsThenEmpty) {
  ActiveAlerts alerts({});
  std::mt19937_64 random(3);
  for (int i = 0; i < 5; ++i) {
    AddOne(alerts, RandomFinding(random), kStart);
  }
  StateWriter saved;
  alerts.Save(saved);
  const std::string& bytes = saved.bytes();
  for (size_t cut = 0; cut < bytes.size(); cut += 7) {
    StateReader in(std::string_view(bytes).substr(0, cut));
    EXPECT_THAT(alerts.Load(in), StatusIs(absl::StatusCode::kDataLoss, _));
    EXPECT_TRUE(alerts.is_empty());
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(random());
    StateReader in(damaged);
    (void)alerts.Load(in);  // whatever it is, it does not crash
    alerts.Advance(kStart);
    alerts.All();
  }
}

TEST(ActiveAlertsTest, AClockThatIsSetBackTakesTheAlertsWithIt) {
  ActiveAlerts alerts({});
  absl::Time ahead = kStart + absl::Hours(1000);
  AddOne(alerts, FindingOf("a"), ahead);
  EXPECT_THAT(alerts.Advance(kStart), IsEmpty());
  std::vector<ActiveAlert> all = alerts.All();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].starts_at, kStart);
  EXPECT_EQ(all[0].ends_at, kStart + kHold);
  EXPECT_THAT(alerts.Advance(kStart + kHold), SizeIs(1));
}

TEST(ActiveAlertsTest, ReplicasTellTheSame) {
  std::mt19937_64 random(9);
  std::vector<Finding> findings;
  for (int i = 0; i < 300; ++i) findings.push_back(RandomFinding(random));
  ActiveAlerts one({.max_per_detector = 2});
  ActiveAlerts two({.max_per_detector = 2});
  one.Add(findings, kStart);
  // The other is told one by one, and a little later.
  for (const Finding& finding : findings) {
    AddOne(two, finding, kStart + absl::Seconds(3));
  }
  std::vector<ActiveAlert> ones = one.FiringAt(kStart);
  std::vector<ActiveAlert> twos = two.FiringAt(kStart);
  ASSERT_EQ(ones.size(), twos.size());
  ASSERT_GT(ones.size(), 20u);
  for (size_t i = 0; i < ones.size(); ++i) {
    EXPECT_EQ(ones[i].alert->labels, twos[i].alert->labels);
    EXPECT_EQ(ones[i].alert->annotations, twos[i].alert->annotations);
  }
}

TEST(ActiveAlertsTest, MayBeReadWhileItChanges) {
  ActiveAlerts alerts({.max_per_detector = 20});
  std::atomic<bool> ends = false;
  std::thread reader([&] {
    while (!ends) {
      for (const ActiveAlert& active : alerts.FiringAt(kStart)) {
        EXPECT_FALSE(active.alert->labels.empty());
      }
      StateWriter out;
      alerts.Save(out);
      (void)alerts.counts();
    }
  });
  for (int i = 0; i < 500; ++i) {
    absl::Time now = kStart + i * absl::Seconds(10);
    std::vector<ActiveAlert> changed =
        AddOne(alerts, FindingOf(absl::StrCat("s", i % 50)), now);
    alerts.MarkTaken(changed, now);
  }
  ends = true;
  reader.join();
}

}  // namespace
}  // namespace oddverb
