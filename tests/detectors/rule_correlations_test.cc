#include "detectors/rule_correlations.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "detectors/rule_match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "stats/entity_table.h"
#include "tests/support/event_builder.h"
#include "tests/support/sigma_rules.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kCorrelationStart = absl::FromUnixSeconds(1'700'000'000);

constexpr std::string_view kReads = R"(
title: A secret is read
name: secret.read
logsource: {product: kubernetes, service: audit}
detection:
  sel: {verb: get, objectRef.resource: secrets}
  condition: sel
---
)";

constexpr std::string_view kSweep = R"(
title: One user reads many secrets
id: 5ad4e1a0-0000-4000-8000-000000000002
name: secrets.sweep
status: stable
level: high
description: Somebody collects what the secrets of a namespace hold.
falsepositives: [A backup]
references: [https://example.org/sweep]
tags: [attack.t1552.007, practice.4]
correlation:
  {type: value_count, rules: [secret.read], group-by: [user.username],
   timespan: 5m, condition: {field: objectRef.name, gte: 3}}
---
)";

constexpr std::string_view kShared = R"(
title: One address, several users
name: address.shared
correlation:
  {type: value_count, rules: [secret.read], group-by: [sourceIPs],
   timespan: 5m, condition: {field: user.username, gte: 2}}
---
)";

LoadedRules Load(const std::string& text) {
  LoadedRules loaded = LoadSigma(text);
  EXPECT_EQ(loaded.diagnostics.errors(), 0u) << Messages(loaded);
  return loaded;
}

struct Read {
  std::string user = "eve";
  std::string name = "s1";
  std::string ip = "203.0.113.9";
};

// Both halves, as the pipeline drives them: each event has a shard of its own,
// so that only the correlator can know of several.
class CorrelationStream {
 public:
  explicit CorrelationStream(const std::string& rules)
      : rules_(std::make_shared<LiveRules>(Load(rules),
                                           LiveRules::Reload::kPossible)),
        cross_(Context()) {}

  void Add(absl::Time time, const Read& read) {
    EventBuilder builder;
    AuditEvent event = builder.User(read.user)
                           .Verb("get")
                           .Resource("secrets")
                           .Ns("shop")
                           .Name(read.name)
                           .SourceIps({read.ip})
                           .AuditId(absl::StrCat("id-", ++events_))
                           .At(time)
                           .Code(200)
                           .Build();
    RuleMatch shard(Context());
    Emit told;
    EntityIds ids;
    ids.keys = KeysOf(KeyedHash(), event);
    ids.actor = 0;
    shard.Observe(event, ids, told);
    for (Finding& finding : told.findings) out_.Report(std::move(finding));
    for (const Observation& observation : told.observations) {
      cross_->Observe(observation, {}, out_);
    }
    cross_->AdvanceTo(time, out_);
  }
  void AdvanceTo(absl::Time time) { cross_->AdvanceTo(time, out_); }

  // Writes what changed, as a checkpoint does.
  void Commit() {
    std::vector<DetectorRow> rows;
    cross_->TakeRows(rows);
    for (DetectorRow& row : rows) {
      rows_[{row.kind, row.number}] = std::move(row.bytes);
    }
    StateWriter shared;
    cross_->SaveShared(shared);
    shared_ = shared.Release();
  }
  // A kill and a start: what was not committed is lost.
  absl::Status Restart() {
    cross_.emplace(Context());
    StateReader in(shared_);
    if (!shared_.empty()) {
      absl::Status status = cross_->LoadShared(in);
      if (!status.ok()) return status;
    }
    for (const auto& [key, bytes] : rows_) {
      absl::Status status = cross_->LoadRow(key.first, key.second, bytes);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  const std::vector<Finding>& findings() const { return out_.findings; }
  // "rule entity count state" of each that was reported.
  std::vector<std::string> told() const {
    std::vector<std::string> lines;
    for (const Finding& f : out_.findings) {
      lines.push_back(absl::StrCat(f.rule, " ", f.entity, " ", f.count, " ",
                                   std::string(FindingStateName(f.state))));
    }
    return lines;
  }
  LiveRules& rules() { return *rules_; }
  std::map<std::pair<uint8_t, uint32_t>, std::string>& rows() { return rows_; }
  std::string& shared() { return shared_; }

 private:
  DetectorContext Context() const {
    DetectorContext context;
    context.cluster = "prod";
    context.rules = rules_;
    return context;
  }

  std::shared_ptr<LiveRules> rules_;
  std::optional<RuleCorrelations> cross_;
  std::map<std::pair<uint8_t, uint32_t>, std::string> rows_;
  std::string shared_;
  int events_ = 0;
  Emit out_;
};

std::string AllEvents() {
  return std::string(kReads) + std::string(kSweep) + std::string(kShared);
}

TEST(RuleCorrelationsTest, SaysWhatTheCorrelationSays) {
  CorrelationStream stream(std::string(kReads) + std::string(kSweep));
  for (int i = 0; i < 3; ++i) {
    stream.Add(kCorrelationStart + absl::Seconds(30 * i),
               {.name = absl::StrCat("s", i),
                .ip = i == 0 ? "203.0.113.1" : "203.0.113.2"});
  }
  // The rule that is counted says nothing of its own.
  ASSERT_THAT(stream.told(), ElementsAre("secrets.sweep eve 3 open"));
  const Finding& f = stream.findings()[0];
  EXPECT_EQ(f.cluster, "prod");
  EXPECT_EQ(f.detector, "rule_match");
  EXPECT_EQ(f.source, "sigma");
  EXPECT_EQ(f.severity, Severity::kHigh);
  EXPECT_EQ(f.title, "One user reads many secrets");
  EXPECT_EQ(f.entity_kind, "user");
  EXPECT_EQ(f.who.user, "eve");
  EXPECT_EQ(f.where.source_ip, "");  // there were two
  EXPECT_THAT(f.what.names, ElementsAre("s0", "s1", "s2"));
  EXPECT_THAT(f.what.namespaces, ElementsAre("shop"));
  EXPECT_THAT(f.what.resources, ElementsAre("secrets"));
  EXPECT_THAT(f.what.verbs, ElementsAre("get"));
  EXPECT_EQ(f.first_seen, kCorrelationStart);
  EXPECT_EQ(f.last_seen, kCorrelationStart + absl::Seconds(60));
  ASSERT_EQ(f.evidence.size(), 3u);
  EXPECT_EQ(f.evidence[0].audit_id, "id-1");
  EXPECT_EQ(f.evidence[2].audit_id, "id-3");
  EXPECT_EQ(f.evidence[2].code, 200);
  EXPECT_EQ(f.summary,
            "eve: 3 different objectRef.name in matches of secret.read within "
            "1m");
  ASSERT_EQ(f.why.size(), 3u);
  EXPECT_THAT(f.why[0].value, HasSubstr("Somebody collects"));
  EXPECT_EQ(f.why[1].feature, "user.username");
  EXPECT_EQ(f.why[1].value, "eve");
  EXPECT_EQ(f.why[2].feature,
            "3 or more different objectRef.name in matches of secret.read "
            "within 5m");
  EXPECT_EQ(f.score, 3);
  EXPECT_EQ(f.threshold, 3);
  EXPECT_THAT(f.normal, HasSubstr("for one user.username: 3 or more"));
  EXPECT_THAT(f.next, ElementsAre("kubectl auth can-i --list --as=eve",
                                  "grep -F id-3 AUDIT_LOG",
                                  "Read https://example.org/sweep"));
  EXPECT_THAT(f.benign_checks, ElementsAre("A backup"));
  EXPECT_THAT(f.attack, ElementsAre("T1552.007"));
  EXPECT_THAT(f.practice, ElementsAre(4));
}

TEST(RuleCorrelationsTest, JoinsWhatSeveralActorsDo) {
  CorrelationStream stream(std::string(kReads) + std::string(kShared));
  stream.Add(kCorrelationStart, {.user = "alice"});
  stream.Add(kCorrelationStart + absl::Seconds(1),
             {.user = "alice", .ip = "192.0.2.1"});
  EXPECT_THAT(stream.told(), IsEmpty());
  stream.Add(kCorrelationStart + absl::Seconds(2), {.user = "bob"});
  ASSERT_THAT(stream.told(), ElementsAre("address.shared 203.0.113.9 2 open"));
  const Finding& f = stream.findings()[0];
  EXPECT_EQ(f.entity_kind, "address");
  EXPECT_EQ(f.where.source_ip, "203.0.113.9");
  EXPECT_EQ(f.who.user, "");
}

TEST(RuleCorrelationsTest, ARuleThatIsToGenerateMakesFindingsToo) {
  std::string generating(kSweep);
  generating.insert(generating.rfind("}}") + 1, ", generate: true");
  CorrelationStream stream(std::string(kReads) + generating);
  stream.Add(kCorrelationStart, {});
  EXPECT_THAT(stream.told(), ElementsAre("secret.read eve 1 open"));
}

TEST(RuleCorrelationsTest, AGroupWithoutFieldsIsTheCluster) {
  CorrelationStream stream(std::string(kReads) + R"(
title: Reads
name: reads
correlation: {type: event_count, rules: [secret.read], timespan: 1m,
              condition: {gte: 2}})");
  stream.Add(kCorrelationStart, {.user = "alice"});
  stream.Add(kCorrelationStart, {.user = "bob"});
  EXPECT_THAT(stream.told(), ElementsAre("reads the whole cluster 2 open"));
}

// 3, then told again at 6, then all of them.
TEST(RuleCorrelationsTest, GrowsUntilTheGroupIsQuiet) {
  CorrelationStream stream(std::string(kReads) + std::string(kSweep));
  for (int i = 0; i < 7; ++i) {
    stream.Add(kCorrelationStart + absl::Seconds(i),
               {.name = absl::StrCat("s", i)});
  }
  stream.AdvanceTo(kCorrelationStart + absl::Seconds(6) +
                   RuleCorrelations::kCaseWindow - absl::Seconds(1));
  EXPECT_EQ(stream.told().size(), 2u);
  stream.AdvanceTo(kCorrelationStart + absl::Seconds(6) +
                   RuleCorrelations::kCaseWindow);
  EXPECT_THAT(stream.told(), ElementsAre("secrets.sweep eve 3 open",
                                         "secrets.sweep eve 6 update",
                                         "secrets.sweep eve 7 final"));
  EXPECT_EQ(stream.findings()[0].id, stream.findings()[2].id);
  EXPECT_EQ(stream.findings()[2].evidence.size(), 7u);
  EXPECT_THAT(stream.findings()[2].what.names, Contains("s6"));
}

// The window loses two of the first three and holds again: five in all.
TEST(RuleCorrelationsTest, CountsNoMatchTwice) {
  CorrelationStream stream(std::string(kReads) + std::string(kSweep));
  for (int second : {0, 1, 200, 350, 360}) {
    stream.Add(kCorrelationStart + absl::Seconds(second),
               {.name = absl::StrCat("s", second)});
  }
  stream.AdvanceTo(absl::InfiniteFuture());
  EXPECT_THAT(stream.told(), ElementsAre("secrets.sweep eve 3 open",
                                         "secrets.sweep eve 5 final"));
}

TEST(RuleCorrelationsTest, BoundsItsCases) {
  CorrelationStream stream(std::string(kReads) + R"(
title: Reads
name: reads
correlation: {type: event_count, rules: [secret.read],
              group-by: [user.username], timespan: 1m, condition: {gte: 1}})");
  for (size_t i = 0; i < RuleCorrelations::kMaxCases + 2; ++i) {
    stream.Add(kCorrelationStart + absl::Milliseconds(i),
               {.user = absl::StrCat("user", i)});
  }
  std::vector<std::string> told = stream.told();
  EXPECT_THAT(told, Contains("reads user0 1 final"));
  EXPECT_THAT(told, Contains("reads user1 1 final"));
  EXPECT_THAT(told, ::testing::Not(Contains("reads user2 1 final")));
}

TEST(RuleCorrelationsTest, AReloadKeepsWhatStaysAndCountsWhatGoes) {
  CorrelationStream stream(AllEvents());
  stream.Add(kCorrelationStart, {.name = "s1"});
  stream.Add(kCorrelationStart, {.name = "s2"});
  // The sweep stands at another place, and the address is not looked at now.
  stream.rules().Replace(Load(std::string(kReads) + R"(
title: Another
name: another
correlation: {type: event_count, rules: [secret.read], timespan: 1m,
              condition: {gte: 100}}
---
)" + std::string(kSweep)));
  stream.Add(kCorrelationStart + absl::Seconds(1),
             {.user = "bob", .name = "s3"});
  EXPECT_THAT(stream.told(), IsEmpty());
  EXPECT_EQ(stream.rules().losses().forgotten, 1u);
  stream.Add(kCorrelationStart + absl::Seconds(1), {.name = "s3"});
  EXPECT_THAT(stream.told(), ElementsAre("secrets.sweep eve 3 open"));
}

TEST(RuleCorrelationsTest, CountsItsAlertsByHandle) {
  CorrelationStream stream(AllEvents());
  for (const char* name : {"a", "b", "c", "d"}) {
    stream.Add(kCorrelationStart, {.name = name});
  }
  EXPECT_THAT(
      stream.rules().MatchCounts(),
      ElementsAre(std::pair("address.shared", 0u), std::pair("secret.read", 4u),
                  std::pair("secrets.sweep", 1u)));
}

TEST(RuleCorrelationsTest, CountsWhatComesTooLate) {
  CorrelationStream stream(AllEvents());
  stream.AdvanceTo(kCorrelationStart);
  stream.Add(kCorrelationStart - absl::Seconds(1), {});
  EXPECT_EQ(stream.rules().losses().late, 2u);
}

// What the committed rows hold is all that there is.
TEST(RuleCorrelationsTest, GoesOnFromItsRows) {
  CorrelationStream whole(AllEvents()), killed(AllEvents());
  for (int i = 0; i < 40; ++i) {
    absl::Time time =
        kCorrelationStart + absl::Minutes(11 * (i / 7)) + absl::Seconds(i);
    Read read{.user = absl::StrCat("user", i % 3),
              .name = absl::StrCat("s", i % 11),
              .ip = absl::StrCat("203.0.113.", i % 2)};
    whole.Add(time, read);
    killed.Add(time, read);
    killed.Commit();
    ASSERT_THAT(killed.Restart(), IsOk());
  }
  for (CorrelationStream* stream : {&whole, &killed}) {
    stream->AdvanceTo(absl::InfiniteFuture());
  }
  EXPECT_GT(whole.told().size(), 10u);
  EXPECT_EQ(killed.told(), whole.told());
  // Each was counted by the process that saw it.
  EXPECT_EQ(killed.rules().losses().evicted_groups, 0u);
}

TEST(RuleCorrelationsTest, RefusesRowsThatAreMissingOrDamaged) {
  CorrelationStream stream(AllEvents());
  for (int i = 0; i < 4; ++i) {
    stream.Add(kCorrelationStart, {.name = absl::StrCat("s", i)});
    stream.Add(kCorrelationStart,
               {.user = "bob", .name = absl::StrCat("s", i)});
  }
  stream.Commit();
  auto good = stream.rows();
  ASSERT_GE(good.size(), 4u);
  for (const auto& [key, bytes] : good) {
    if (bytes.empty()) continue;  // a match that has been judged
    stream.rows() = good;
    stream.rows()[key].resize(bytes.size() / 2);
    EXPECT_TRUE(absl::IsDataLoss(stream.Restart()));
  }
  stream.rows() = good;
  for (uint8_t kind = 0; kind < 2; ++kind) {
    stream.rows() = good;
    stream.rows().erase({kind, 0});
    EXPECT_TRUE(absl::IsDataLoss(stream.Restart())) << int{kind};
  }
}

// The detector was off for a while: what it knew is of another time.
TEST(RuleCorrelationsTest, RowsWithoutTheirSharedStateGo) {
  CorrelationStream stream(AllEvents());
  for (int i = 0; i < 4; ++i) {
    stream.Add(kCorrelationStart, {.name = absl::StrCat("s", i)});
  }
  stream.Commit();
  stream.shared().clear();
  ASSERT_THAT(stream.Restart(), IsOk());
  stream.Commit();
  for (const auto& [key, bytes] : stream.rows()) EXPECT_EQ(bytes, "");
  size_t before = stream.told().size();
  stream.AdvanceTo(absl::InfiniteFuture());
  EXPECT_EQ(stream.told().size(), before);
}

}  // namespace
}  // namespace oddverb
