// A small run of the detection benchmark, so that generator, attacks and
// detectors do not drift apart: what was found is found, and honest identities
// are seldom accused. The figures that are published come from other seeds
// (bench/detection/results).
#include "bench/detection/detection_lab.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bench/detection/report.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/decoded_text.h"

namespace oddverb {
namespace {

using ::testing::IsEmpty;

const TrafficShapes& Shapes() {
  static const TrafficShapes shapes = *TrafficShapes::Load(
      ODDVERB_SOURCE_DIR "/bench/detection/traffic_shapes.tsv");
  return shapes;
}

std::string LogOf(uint64_t seed, uint64_t events) {
  ClusterLog log(
      {.seed = seed, .days = 1, .attacks_each = 1, .max_events = events},
      Shapes());
  std::string text;
  while (log.Append(1 << 20, text)) {
  }
  return text;
}

TEST(DetectionLabTest, TheSameSeedGivesTheSameBytes) {
  EXPECT_EQ(LogOf(1, 20'000), LogOf(1, 20'000));
  EXPECT_NE(LogOf(1, 1'000), LogOf(2, 1'000));
}

TEST(DetectionLabTest, ATableOfShapesThatIsDamagedIsRefusedWithItsLine) {
  for (const char* text : {"# ok\nrole\tnode", "\ngap\tnode\t1\t2",
                           "\nkind\tnode\t0.5\tget", "\nother\tnode\t1"}) {
    absl::StatusOr<TrafficShapes> shapes = TrafficShapes::Parse(text);
    ASSERT_FALSE(shapes.ok()) << text;
    EXPECT_THAT(std::string(shapes.status().message()),
                ::testing::HasSubstr("line 2"));
  }
}

TEST(DetectionLabTest, EveryLineIsAnAuditEvent) {
  std::unique_ptr<EventBatch> batch = DecodeLines(LogOf(3, 20'000));
  EXPECT_THAT(batch->rejected, IsEmpty());
  ASSERT_GE(batch->events.size(), 20'000u);
  size_t refused = 0;
  for (const AuditEvent& event : batch->events) {
    EXPECT_FALSE(event.audit_id.empty());
    EXPECT_FALSE(event.source_ip.empty());
    EXPECT_NE(event.response_code, 0);
    EXPECT_NE(event.stage_time, absl::InfinitePast());
    refused += event.response_code == 403;
  }
  // Operators without rights and the like: some per cent.
  EXPECT_GT(refused, batch->events.size() / 1000);
  EXPECT_LT(refused, batch->events.size() / 5);
}

// As in a cluster whose audit policy shows TokenRequests: all but forged ones.
TEST(DetectionLabTest, EveryTokenOfAPodWasMintedByAKubelet) {
  std::unique_ptr<EventBatch> batch = DecodeLines(LogOf(1, 200'000));
  std::set<std::string_view> minted;
  for (const AuditEvent& event : batch->events) {
    if (event.issued_credential_id.empty()) continue;
    EXPECT_EQ(event.object.subresource, "token");
    minted.insert(event.issued_credential_id);
  }
  // What the log begins with was minted before it, at most an hour ago.
  const absl::Time first = batch->events.front().stage_time;
  std::set<std::string_view> known = minted;
  size_t used = 0;
  for (const AuditEvent& event : batch->events) {
    if (event.pod_uid.empty()) continue;
    if (event.stage_time - first < absl::Minutes(60)) {
      known.insert(event.credential_id);
    } else {
      used += minted.contains(event.credential_id);
      EXPECT_TRUE(known.contains(event.credential_id))
          << event.user.name << " " << event.audit_id;
    }
  }
  EXPECT_GT(used, 1000u);
}

// What is said of one of two would be counted for both.
TEST(DetectionLabTest, WhoIsRobbedTwiceIsAskedForOnce) {
  // More thieves than people.
  ClusterLog log({.seed = 1, .days = 0.5, .attacks_each = 40}, Shapes());
  for (std::string text; log.Append(1 << 20, text); text.clear()) {
  }
  std::multiset<std::string> robbed, asked_for;
  for (const Attack& attack : log.attacks()) {
    if (!attack.kind.starts_with("t02") || attack.requests.empty()) continue;
    robbed.insert(attack.users.front());
    if (Scorer::IsComplete(attack, Micros{1} << 62)) {
      asked_for.insert(attack.users.front());
    }
  }
  EXPECT_GT(robbed.size(), asked_for.size());
  EXPECT_GE(asked_for.size(), 10u);
  EXPECT_EQ(asked_for.size(),
            std::set(asked_for.begin(), asked_for.end()).size());
}

TEST(DetectionLabTest, AttacksAreFoundAndHonestIdentitiesLeftAlone) {
  std::vector<LabResult> results;
  for (uint64_t seed : {1, 2}) {
    absl::StatusOr<LabResult> result = RunLab(
        {.seed = seed, .days = 0.5, .attacks_each = 2, .max_events = 500'000},
        Shapes(), Variants::kNone);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->rejected, 0u);
    results.push_back(*std::move(result));
  }
  Total total = TotalOf(results, std::string(kDefault));
  EXPECT_GE(total.attacks, 50u);
  // Here all that is missed are attacks that are spread over identities.
  EXPECT_GE(total.recall(), 0.93) << Markdown(results);
  EXPECT_LE(total.false_findings, 1u) << FalseFindingsCsv(results);
  EXPECT_LE(Quantile(total.requests, 0.5), 8);
  // Of stolen credentials, in half a day: those that need no history.
  for (const char* kind : {"t01", "t03_minted", "t04", "t05", "t07_account",
                           "t09", "t11", "t13", "t15"}) {
    Total stolen = TotalOf(results, std::string(kAllDetectors), kind);
    EXPECT_GT(stolen.attacks, 0u) << kind;
    EXPECT_GE(stolen.recall(), 0.7) << kind << "\n" << Markdown(results);
  }
  Total sigma = TotalOf(results, "sigma.together");
  EXPECT_GE(sigma.false_findings, 50u * total.false_findings);
}

}  // namespace
}  // namespace oddverb
