#include "detectors/rule_match.h"

#include "detectors/rule_finding.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "stats/entity_table.h"
#include "tests/support/event_builder.h"
#include "tests/support/sigma_rules.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kMatchStart = absl::FromUnixSeconds(1'700'000'000);

constexpr std::string_view kSecretRule = R"(
title: Secrets are listed
id: 5ad4e1a0-0000-4000-8000-000000000001
name: secrets.list
status: test
level: high
description: Somebody asks for all secrets of a namespace.
falsepositives: [A backup]
references: [https://example.org/secrets]
tags: [attack.credential-access, attack.t1552.007, practice.4]
logsource: {product: kubernetes, service: audit}
detection:
  sel: {verb: list, objectRef.resource: secrets}
  condition: sel
)";

constexpr std::string_view kExecRule = R"(
title: Exec
id: exec-id
logsource: {product: kubernetes, service: audit}
detection:
  sel: {objectRef.subresource: exec}
  condition: sel
)";

std::shared_ptr<LiveRules> RulesOf(const std::string& text) {
  LoadedRules loaded = LoadSigma(text);
  EXPECT_EQ(loaded.diagnostics.errors(), 0u) << Messages(loaded);
  return std::make_shared<LiveRules>(loaded, LiveRules::Reload::kPossible);
}

// Drives a RuleMatch as a shard does.
class MatchStream {
 public:
  explicit MatchStream(const std::string& rules) : rules_(RulesOf(rules)) {
    detector_ = Make();
  }

  void Add(const AuditEvent& event) {
    KeyedHash hash;
    EntityIds ids;
    ids.keys = KeysOf(hash, event);
    ids.actor = actors_.FindOrAdd(ids.keys.actor).id;
    detector_->Observe(event, ids, out_);
  }
  void AdvanceTo(absl::Time time) { detector_->AdvanceTo(time, out_); }
  // What a kill and a start do to the state.
  void Restart() {
    std::unique_ptr<RuleMatch> next = Make();
    for (EntityId id = 0; id < actors_.size(); ++id) {
      StateWriter state;
      detector_->Save(EntityKind::kActor, id, state);
      StateReader in(state.bytes());
      ASSERT_THAT(next->Load(EntityKind::kActor, id, in), IsOk());
    }
    detector_ = std::move(next);
  }

  const std::vector<Finding>& findings() const { return out_.findings; }
  std::vector<std::string> rules_seen() const {
    std::vector<std::string> rules;
    for (const Finding& finding : out_.findings) rules.push_back(finding.rule);
    return rules;
  }
  LiveRules& rules() { return *rules_; }

 private:
  std::unique_ptr<RuleMatch> Make() {
    DetectorContext context;
    context.rules = rules_;
    return std::make_unique<RuleMatch>(context);
  }

  std::shared_ptr<LiveRules> rules_;
  EntityTable actors_{1000};
  std::unique_ptr<RuleMatch> detector_;
  Emit out_;
};

// One list of secrets by `user`.
void AddList(MatchStream& stream, absl::Time time,
             const std::string& user = "eve") {
  EventBuilder event;
  stream.Add(event.User(user)
                 .Verb("list")
                 .Resource("secrets")
                 .Ns("shop")
                 .AuditId(absl::FormatTime(time))
                 .At(time)
                 .Build());
}

// A stage of the exec `id`.
void AddExec(MatchStream& stream, const std::string& id, Stage stage,
             absl::Time time, absl::Time received) {
  EventBuilder event;
  stream.Add(event.Verb("get")
                 .Resource("pods")
                 .Sub("exec")
                 .Ns("web")
                 .Name("p")
                 .AuditId(id)
                 .Stage(stage)
                 .At(time)
                 .Received(received)
                 .Code(101)
                 .Build());
}

TEST(RuleMatchTest, SaysWhatTheRuleSays) {
  MatchStream stream{std::string(kSecretRule)};
  AddList(stream, kMatchStart);
  ASSERT_EQ(stream.findings().size(), 1u);
  const Finding& finding = stream.findings()[0];
  EXPECT_EQ(finding.rule, "secrets.list");
  EXPECT_EQ(finding.detector, "rule_match");
  EXPECT_EQ(finding.source, "sigma");
  EXPECT_EQ(finding.severity, Severity::kHigh);
  EXPECT_EQ(finding.title, "Secrets are listed");
  EXPECT_EQ(finding.summary, "eve: list secrets shop/ (200)");
  EXPECT_EQ(finding.why.at(0).value,
            "Somebody asks for all secrets of a namespace.");
  EXPECT_EQ(finding.score, finding.threshold);
  EXPECT_THAT(finding.benign_checks, ElementsAre("A backup"));
  EXPECT_THAT(finding.next, ElementsAre(HasSubstr("auth can-i"),
                                        HasSubstr("https://example.org")));
  EXPECT_THAT(finding.attack, ElementsAre("T1552.007"));
  EXPECT_THAT(finding.practice, ElementsAre(4));
  EXPECT_EQ(finding.entity, "eve");
  EXPECT_EQ(finding.evidence.size(), 1u);
}

struct LevelCase {
  RuleLevel level;
  Severity severity;
};
TEST(RuleMatchTest, EachLevelHasItsSeverity) {
  const LevelCase kCases[] = {{RuleLevel::kUnspecified, Severity::kMedium},
                              {RuleLevel::kInformational, Severity::kInfo},
                              {RuleLevel::kLow, Severity::kLow},
                              {RuleLevel::kMedium, Severity::kMedium},
                              {RuleLevel::kHigh, Severity::kHigh},
                              {RuleLevel::kCritical, Severity::kCritical}};
  for (const LevelCase& c : kCases) {
    EXPECT_EQ(SeverityOf(c.level), c.severity);
  }
}

TEST(RuleMatchTest, OneActorAndOneRuleAreOneFinding) {
  MatchStream stream{std::string(kSecretRule)};
  for (int i = 0; i < 9; ++i) AddList(stream, kMatchStart + absl::Minutes(i));
  AddList(stream, kMatchStart + absl::Minutes(9), "mallory");
  // Opened, and again at 2, 4 and 8.
  ASSERT_EQ(stream.findings().size(), 5u);
  EXPECT_EQ(stream.findings()[3].count, 8);
  EXPECT_EQ(stream.findings()[3].id, stream.findings()[0].id);
  EXPECT_NE(stream.findings()[4].id, stream.findings()[0].id);
  stream.AdvanceTo(kMatchStart + absl::Hours(3));
  ASSERT_EQ(stream.findings().size(), 7u);
  EXPECT_EQ(stream.findings()[5].state, FindingState::kFinal);
  EXPECT_EQ(stream.findings()[5].count, 9);
}

TEST(RuleMatchTest, TheOrderOfEventsDoesNotChangeTheId) {
  MatchStream forwards{std::string(kSecretRule)};
  AddList(forwards, kMatchStart);
  AddList(forwards, kMatchStart + absl::Seconds(3));
  MatchStream backwards{std::string(kSecretRule)};
  AddList(backwards, kMatchStart + absl::Seconds(3));
  AddList(backwards, kMatchStart);
  EXPECT_EQ(forwards.findings().at(0).id, backwards.findings().at(0).id);
  EXPECT_EQ(forwards.findings().at(1).id, backwards.findings().at(1).id);
}

// A case that had to make room comes again in the same stretch of time.
TEST(RuleMatchTest, WhatEndsEarlyAndComesAgainIsAnotherFinding) {
  std::string rules;
  for (size_t i = 0; i <= RuleMatch::kMaxCasesPerActor; ++i) {
    std::string n = std::to_string(i);
    rules +=
        "---\ntitle: Rule " + n + "\nid: id-" + n +
        "\nlogsource: {product: kubernetes, service: audit}\n"
        "detection:\n  sel: {verb: list, objectRef.namespace|endswith: '-" +
        n + "'}\n  condition: sel\n";
  }
  MatchStream stream(rules);
  auto list = [&](size_t rule) {
    EventBuilder event;
    stream.Add(event.Verb("list")
                   .Resource("secrets")
                   .Ns("ns-" + std::to_string(rule))
                   .AuditId("id")
                   .At(kMatchStart + absl::Seconds(stream.findings().size()))
                   .Build());
  };
  for (size_t i = 0; i <= RuleMatch::kMaxCasesPerActor; ++i) list(i);
  list(0);
  EXPECT_EQ(stream.findings().front().rule, stream.findings().back().rule);
  EXPECT_NE(stream.findings().front().id, stream.findings().back().id);
}

TEST(RuleMatchTest, QuietEndsACaseAndTheNextMatchIsAnother) {
  MatchStream stream{std::string(kSecretRule)};
  AddList(stream, kMatchStart);
  AddList(stream, kMatchStart + RuleMatch::kCaseWindow - absl::Seconds(1));
  EXPECT_EQ(stream.findings()[1].state, FindingState::kUpdate);
  AddList(stream, kMatchStart + 2 * RuleMatch::kCaseWindow);
  ASSERT_EQ(stream.findings().size(), 4u);
  EXPECT_EQ(stream.findings()[2].state, FindingState::kFinal);
  EXPECT_EQ(stream.findings()[3].state, FindingState::kOpen);
  EXPECT_NE(stream.findings()[3].id, stream.findings()[0].id);
}

TEST(RuleMatchTest, ARequestIsJudgedAtItsFirstStageWithAResponse) {
  MatchStream stream{std::string(kExecRule)};
  AddExec(stream, "1", Stage::kRequestReceived, kMatchStart, kMatchStart);
  EXPECT_THAT(stream.findings(), IsEmpty());
  AddExec(stream, "1", Stage::kResponseStarted, kMatchStart, kMatchStart);
  EXPECT_EQ(stream.findings().size(), 1u);
  // Its end an hour later, other streams between.
  for (int i = 0; i < 50; ++i) {
    absl::Time time = kMatchStart + absl::Seconds(i + 1);
    AddExec(stream, "x" + std::to_string(i), Stage::kResponseStarted, time,
            time);
  }
  size_t before = stream.findings().size();
  stream.Restart();
  AddExec(stream, "1", Stage::kResponseComplete, kMatchStart + absl::Hours(1),
          kMatchStart);
  EXPECT_EQ(stream.findings().size(), before);
  EXPECT_EQ(stream.rules().MatchCounts().at(0).second, 51u);
  // The policy left out the start of this one.
  AddExec(stream, "2", Stage::kResponseComplete, kMatchStart + absl::Hours(1),
          kMatchStart + absl::Minutes(1));
  EXPECT_EQ(stream.rules().MatchCounts().at(0).second, 52u);
}

// Another request cannot hide behind an id that its sender has chosen.
TEST(RuleMatchTest, AnIdAloneIsNoRequest) {
  MatchStream stream{std::string(kExecRule)};
  AddExec(stream, "1", Stage::kResponseStarted, kMatchStart, kMatchStart);
  AddExec(stream, "1", Stage::kResponseComplete, kMatchStart + absl::Seconds(9),
          kMatchStart + absl::Seconds(8));
  EXPECT_EQ(stream.rules().MatchCounts().at(0).second, 2u);
}

TEST(RuleMatchTest, ARuleThatNamesItsStageJudgesThatOne) {
  MatchStream stream(R"(
title: Ends
logsource: {product: kubernetes, service: audit}
detection:
  sel: {objectRef.subresource: exec, stage: ResponseComplete}
  condition: sel
)");
  AddExec(stream, "1", Stage::kResponseStarted, kMatchStart, kMatchStart);
  EXPECT_THAT(stream.findings(), IsEmpty());
  AddExec(stream, "1", Stage::kResponseComplete, kMatchStart, kMatchStart);
  EXPECT_THAT(stream.rules_seen(), ElementsAre("Ends"));
}

TEST(RuleMatchTest, ARestartContinuesCases) {
  MatchStream straight{std::string(kSecretRule)};
  MatchStream restarted{std::string(kSecretRule)};
  for (int i = 0; i < 20; ++i) {
    absl::Time time = kMatchStart + absl::Minutes(i * 7);
    AddList(straight, time);
    AddList(restarted, time);
    restarted.Restart();
  }
  straight.AdvanceTo(kMatchStart + absl::Hours(9));
  restarted.AdvanceTo(kMatchStart + absl::Hours(9));
  ASSERT_EQ(restarted.findings().size(), straight.findings().size());
  for (size_t i = 0; i < straight.findings().size(); ++i) {
    EXPECT_EQ(restarted.findings()[i].id, straight.findings()[i].id);
    EXPECT_EQ(restarted.findings()[i].count, straight.findings()[i].count);
    EXPECT_EQ(restarted.findings()[i].state, straight.findings()[i].state);
  }
}

TEST(RuleMatchTest, NewRulesCountFromTheNextEventOn) {
  MatchStream stream{std::string(kSecretRule)};
  AddList(stream, kMatchStart);
  stream.rules().Replace(LoadSigma(kExecRule));
  AddList(stream, kMatchStart + absl::Seconds(1));
  AddExec(stream, "1", Stage::kResponseStarted, kMatchStart, kMatchStart);
  EXPECT_THAT(stream.rules_seen(), ElementsAre("secrets.list", "exec-id"));
  // The case of a rule that is gone still ends.
  stream.AdvanceTo(kMatchStart + absl::Hours(9));
  EXPECT_EQ(stream.findings().size(), 4u);
  // Counters never fall.
  using Count = std::pair<std::string, uint64_t>;
  EXPECT_THAT(stream.rules().MatchCounts(),
              ElementsAre(Count("exec-id", 1), Count("secrets.list", 1)));
}

TEST(RuleMatchTest, BoundsWhatOneActorAndAllTogetherHold) {
  std::string rules;
  for (size_t i = 0; i < RuleMatch::kMaxCasesPerActor + 8; ++i) {
    rules += "---\ntitle: Rule " + std::to_string(i) +
             "\nlogsource: {product: kubernetes}\n"
             "detection: {sel: {verb: list}, condition: sel}\n";
  }
  MatchStream stream(rules);
  AddList(stream, kMatchStart);
  size_t finals = 0;
  for (const Finding& finding : stream.findings()) {
    finals += finding.state == FindingState::kFinal ? 1 : 0;
  }
  EXPECT_EQ(finals, 8u);
  // More actors than the shard has room for: the longest quiet end first.
  MatchStream many{std::string(kSecretRule)};
  for (size_t i = 0; i <= RuleMatch::kMaxCases; ++i) {
    AddList(many, kMatchStart + absl::Seconds(static_cast<int64_t>(i)),
            "user-" + std::to_string(i));
  }
  ASSERT_EQ(many.findings().size(), RuleMatch::kMaxCases + 2);
  EXPECT_EQ(many.findings()[RuleMatch::kMaxCases].state, FindingState::kFinal);
  EXPECT_EQ(many.findings()[RuleMatch::kMaxCases].entity, "user-0");
}

TEST(RuleMatchTest, RefusesDamagedState) {
  MatchStream stream{std::string(kSecretRule)};
  DetectorContext context;
  context.rules = RulesOf(std::string(kSecretRule));
  RuleMatch detector(context);
  EventBuilder event;
  EntityIds ids;
  ids.actor = 0;
  Emit out;
  detector.Observe(event.Verb("list").Resource("secrets").Build(), ids, out);
  StateWriter state;
  detector.Save(EntityKind::kActor, 0, state);
  const std::string whole = state.Release();
  for (size_t size = 1; size < whole.size(); ++size) {
    StateReader in(std::string_view(whole).substr(0, size));
    EXPECT_FALSE(detector.Load(EntityKind::kActor, 0, in).ok()) << size;
  }
}

TEST(LiveRulesTest, BoundsItsCounters) {
  std::string text;
  for (size_t i = 0; i < LiveRules::kMaxCounted + 5; ++i) {
    text += "---\ntitle: Rule " + std::to_string(i) +
            "\nlogsource: {product: kubernetes}\n"
            "detection: {sel: {verb: list}, condition: sel}\n";
  }
  MatchStream stream(text);
  AddList(stream, kMatchStart);
  auto counts = stream.rules().MatchCounts();
  EXPECT_EQ(counts.size(), LiveRules::kMaxCounted + 1);
  uint64_t other = 0;
  for (const auto& [rule, count] : counts) {
    if (rule == LiveRules::kOther) other = count;
  }
  EXPECT_EQ(other, 5u);
}

}  // namespace
}  // namespace oddverb
