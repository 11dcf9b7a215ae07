#include "model/finding_state.h"

#include <random>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/random_finding.h"

namespace oddverb {
namespace {

std::string Saved(const Finding& finding) {
  StateWriter writer;
  SaveFinding(finding, writer);
  return writer.Release();
}

void ExpectSameLists(const Finding& a, const Finding& b) {
  EXPECT_EQ(a.who.groups, b.who.groups);
  EXPECT_EQ(a.where.claimed_ips, b.where.claimed_ips);
  EXPECT_EQ(a.what.verbs, b.what.verbs);
  EXPECT_EQ(a.what.resources, b.what.resources);
  EXPECT_EQ(a.what.namespaces, b.what.namespaces);
  EXPECT_EQ(a.what.names, b.what.names);
  EXPECT_EQ(a.next, b.next);
  EXPECT_EQ(a.benign_checks, b.benign_checks);
  EXPECT_EQ(a.attack, b.attack);
  EXPECT_EQ(a.practice, b.practice);
  ASSERT_EQ(a.why.size(), b.why.size());
  for (size_t i = 0; i < a.why.size(); ++i) {
    EXPECT_EQ(a.why[i].feature, b.why[i].feature);
    EXPECT_EQ(a.why[i].value, b.why[i].value);
    EXPECT_EQ(a.why[i].contribution, b.why[i].contribution);
  }
  ASSERT_EQ(a.decoded.size(), b.decoded.size());
  for (size_t i = 0; i < a.decoded.size(); ++i) {
    EXPECT_EQ(a.decoded[i].layer, b.decoded[i].layer);
    EXPECT_EQ(a.decoded[i].text, b.decoded[i].text);
  }
  ASSERT_EQ(a.evidence.size(), b.evidence.size());
  for (size_t i = 0; i < a.evidence.size(); ++i) {
    EXPECT_EQ(a.evidence[i].audit_id, b.evidence[i].audit_id);
    EXPECT_EQ(a.evidence[i].time, b.evidence[i].time);
    EXPECT_EQ(a.evidence[i].verb, b.evidence[i].verb);
    EXPECT_EQ(a.evidence[i].uri, b.evidence[i].uri);
    EXPECT_EQ(a.evidence[i].code, b.evidence[i].code);
  }
}

void ExpectSame(const Finding& a, const Finding& b) {
  EXPECT_EQ(a.id, b.id);
  for (std::string Finding::*text :
       {&Finding::cluster, &Finding::rule, &Finding::detector, &Finding::source,
        &Finding::title, &Finding::summary, &Finding::entity,
        &Finding::entity_kind, &Finding::normal}) {
    EXPECT_EQ(a.*text, b.*text);
  }
  EXPECT_EQ(a.rule_version, b.rule_version);
  EXPECT_EQ(a.severity, b.severity);
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.warming, b.warming);
  EXPECT_EQ(a.confidence, b.confidence);
  EXPECT_EQ(a.score, b.score);
  EXPECT_EQ(a.threshold, b.threshold);
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.first_seen, b.first_seen);
  EXPECT_EQ(a.last_seen, b.last_seen);
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.who.user, b.who.user);
  EXPECT_EQ(a.who.credential_id, b.who.credential_id);
  EXPECT_EQ(a.who.impersonated, b.who.impersonated);
  EXPECT_EQ(a.who.pod, b.who.pod);
  EXPECT_EQ(a.who.node, b.who.node);
  EXPECT_EQ(a.where.source_ip, b.where.source_ip);
  EXPECT_EQ(a.where.user_agent, b.where.user_agent);
  ExpectSameLists(a, b);
}

TEST(FindingStateTest, ComesBackWhole) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i) {
    Finding finding = RandomFinding(random);
    std::string bytes = Saved(finding);
    StateReader reader(bytes);
    Finding loaded = LoadFinding(reader);
    ASSERT_TRUE(reader.status().ok());
    ASSERT_TRUE(reader.AtEnd());
    ExpectSame(finding, loaded);
    ASSERT_EQ(Saved(loaded), bytes);
    if (HasFailure()) FAIL() << "at finding " << i;
  }
}

TEST(FindingStateTest, KeepsUnsetTimesAndExtremes) {
  Finding finding;
  finding.time = absl::InfinitePast();
  finding.last_seen = absl::InfiniteFuture();
  finding.count = INT64_MIN;
  finding.rule_version = INT32_MAX;
  Evidence& evidence = finding.evidence.emplace_back();
  evidence.audit_id = std::string("\0\n", 2);
  evidence.time = absl::InfinitePast();
  evidence.code = -1;
  finding.practice = {INT32_MIN};
  std::string bytes = Saved(finding);
  StateReader reader(bytes);
  ExpectSame(finding, LoadFinding(reader));
  EXPECT_TRUE(reader.status().ok() && reader.AtEnd());
}

TEST(FindingStateTest, EveryCutIsAnError) {
  std::mt19937_64 random(2);
  Finding finding = RandomFinding(random);
  std::string bytes = Saved(finding);
  for (size_t size = 0; size < bytes.size(); ++size) {
    StateReader reader(std::string_view(bytes).substr(0, size));
    LoadFinding(reader);
    EXPECT_FALSE(reader.status().ok()) << "cut to " << size;
  }
}

// What is loaded from damaged bytes is no larger than they allow, and either
// refused or a finding that saves and loads again.
TEST(FindingStateTest, DamageNeverCrashes) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = Saved(RandomFinding(random));
    for (size_t flips = 1 + random() % 4; flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    StateReader reader(bytes);
    Finding loaded = LoadFinding(reader);
    if (!reader.status().ok()) continue;
    ASSERT_LE(loaded.severity, Severity::kCritical);
    ASSERT_LE(loaded.state, FindingState::kFinal);
    std::string again = Saved(loaded);
    StateReader second(again);
    LoadFinding(second);
    ASSERT_TRUE(second.status().ok());
  }
}

TEST(FindingStateTest, RefusesValuesThatCannotBe) {
  Finding finding;
  std::string bytes = Saved(finding);
  Finding critical;
  critical.severity = Severity::kCritical;
  std::string other = Saved(critical);
  size_t at = 0;
  while (bytes[at] == other[at]) ++at;  // where the severity is
  other[at] = static_cast<char>(other[at] + 1);
  StateReader reader(other);
  LoadFinding(reader);
  EXPECT_FALSE(reader.status().ok());
}

TEST(FindingStateTest, EvidenceStandsAlone) {
  Evidence evidence{.audit_id = "id",
                    .time = absl::FromUnixMicros(7),
                    .verb = "get",
                    .uri = "/x",
                    .code = 403};
  StateWriter writer;
  SaveEvidence(evidence, writer);
  StateReader reader(writer.bytes());
  Evidence loaded = LoadEvidence(reader);
  EXPECT_TRUE(reader.AtEnd() && reader.status().ok());
  EXPECT_EQ(loaded.audit_id, "id");
  EXPECT_EQ(loaded.time, evidence.time);
  EXPECT_EQ(loaded.code, 403);
}

}  // namespace
}  // namespace oddverb
