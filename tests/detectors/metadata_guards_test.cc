// Long because: one table of what takes a guard away, one of what keeps it.
// Network policies that keep pods from the metadata service, and who takes
// that away.
#include "detectors/metadata_guards.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "detectors/metadata_access.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/identity.h"
#include "stats/entity_table.h"
#include "tests/detectors/metadata_stream.h"
#include "tests/support/event_builder.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// All but the metadata service, as hardening guides have it.
constexpr char kGuard[] =
    R"({"kind":"NetworkPolicy","metadata":{"name":"deny"},"spec":{)"
    R"("podSelector":{},"policyTypes":["Egress"],"egress":[{"to":[{"ipBlock":{)"
    R"("cidr":"0.0.0.0/0","except":["169.254.169.254/32"]}}]}]}})";
constexpr char kWithoutExcept[] =
    R"({"kind":"NetworkPolicy","metadata":{"name":"deny"},"spec":{)"
    R"("podSelector":{},"policyTypes":["Egress"],"egress":[{"to":[{"ipBlock":{)"
    R"("cidr":"0.0.0.0/0"}}]}]}})";

std::string Spec(const std::string& fields) {
  return "{\"spec\":{\"podSelector\":{}," + fields + "}}";
}
std::string Egress(const std::string& rules) {
  return Spec("\"policyTypes\":[\"Egress\"],\"egress\":[" + rules + "]");
}

struct GuardedRequest {
  std::string user = "mallory";
  std::string verb = "delete";
  std::string body = {};
  std::string name = "deny";
  std::string ns = "web";
  std::string response = {};
  int code = 200;
  std::string query = {};
  std::string group = "networking.k8s.io";
  Stage stage = Stage::kResponseComplete;
};

// A shard's part and the correlator's, as the pipeline drives them; what the
// correlator's part tells.
class GuardStream {
 public:
  explicit GuardStream(const MetadataAccess::Options& options = {})
      : options_(options),
        access_(context_, options),
        guards_(std::make_unique<MetadataGuards>(options)) {}

  void Feed(absl::Time time, const GuardedRequest& request) {
    std::string uri =
        absl::StrCat("/apis/networking.k8s.io/v1/namespaces/", request.ns,
                     "/networkpolicies/", request.name, request.query);
    EventBuilder event;
    event.User(request.user).Verb(request.verb).Uri(uri).Stage(request.stage);
    event.Resource("networkpolicies", request.group).Ns(request.ns);
    event.Name(request.name).Code(request.code).At(time);
    event.AuditId(absl::StrCat("id-", ++sent_));
    if (request.user.starts_with("system:serviceaccount:")) {
      event.Groups({"system:serviceaccounts", "system:authenticated"});
    }
    if (!request.body.empty()) event.RequestObject(request.body);
    if (!request.response.empty()) event.ResponseObject(request.response);
    Feed(event.Build());
  }
  void Guard(absl::Time time, const std::string& user = "sre") {
    Feed(time, {.user = user, .verb = "create", .body = kGuard, .code = 201});
  }

  void Tick(absl::Time now) {
    Emit out;
    guards_->AdvanceTo(now, out);
    Keep(out);
  }

  // The correlator's part goes on from its rows. Deltas only, as in a
  // checkpoint.
  void Restart() {
    Save();
    auto fresh = std::make_unique<MetadataGuards>(options_);
    StateReader shared(shared_);
    ok_ = ok_ && fresh->LoadShared(shared).ok() && shared.AtEnd();
    for (const auto& [number, bytes] : rows_) {
      ok_ = ok_ && fresh->LoadRow(0, number, bytes).ok();
    }
    guards_ = std::move(fresh);
  }
  void Save() {
    StateWriter shared;
    guards_->SaveShared(shared);
    shared_ = shared.Release();
    std::vector<DetectorRow> changed;
    guards_->TakeRows(changed);
    for (DetectorRow& row : changed) rows_[row.number] = std::move(row.bytes);
  }
  bool restarts_ok() const { return ok_; }
  size_t policies() const { return guards_->policies(); }

  const std::vector<Finding>& findings() const { return findings_; }
  std::vector<Finding> InState(FindingState state) const {
    std::vector<Finding> some;
    for (const Finding& finding : findings_) {
      if (finding.state == state) some.push_back(finding);
    }
    return some;
  }

 private:
  void Feed(const AuditEvent& event) {
    EntityIds ids;
    ids.keys = KeysOf(context_.hash, event);
    ids.actor = actors_.FindOrAdd(ids.keys.actor).id;
    Emit out;
    access_.Observe(event, ids, out);
    for (const Observation& seen : out.observations) {
      Emit answer;
      guards_->Observe(seen, {}, answer);
      Keep(answer);
    }
  }
  void Keep(Emit& out) {
    for (Finding& finding : out.findings) {
      findings_.push_back(std::move(finding));
    }
  }

  const DetectorContext context_{.hash = {}, .cluster = "prod"};
  const MetadataAccess::Options options_;
  EntityTable actors_{1'000'000};
  MetadataAccess access_;
  std::unique_ptr<MetadataGuards> guards_;
  std::map<uint32_t, std::string> rows_;
  std::string shared_;
  std::vector<Finding> findings_;
  int sent_ = 0;
  bool ok_ = true;
};

struct GuardCase {
  const char* name;
  GuardedRequest request;
};
std::string GuardCaseName(const ::testing::TestParamInfo<GuardCase>& info) {
  return info.param.name;
}

// What mallory does to the policy that sre made two hours before.
std::vector<Finding> GuardFindings(const GuardedRequest& request) {
  GuardStream stream;
  stream.Guard(At(0));
  stream.Feed(At(7200), request);
  return stream.findings();
}

class GuardRemovedTest : public ::testing::TestWithParam<GuardCase> {};
TEST_P(GuardRemovedTest, IsToldOnceAndLow) {
  std::vector<Finding> findings = GuardFindings(GetParam().request);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].rule, "metadata.guard_removed");
  EXPECT_EQ(findings[0].severity, Severity::kLow);
  EXPECT_THAT(findings[0].summary, HasSubstr("mallory"));
  EXPECT_THAT(findings[0].summary, HasSubstr("169.254.169.254"));
  // Another time it is gone already.
  GuardStream stream;
  stream.Guard(At(0));
  stream.Feed(At(7200), GetParam().request);
  stream.Feed(At(7201), GetParam().request);
  EXPECT_THAT(stream.findings(), SizeIs(1));
}

GuardedRequest Patch(const std::string& body) {
  return {.verb = "patch", .body = body};
}
GuardedRequest JsonPatch(const std::string& op, const std::string& path,
                         const std::string& value = "") {
  std::string body =
      absl::StrCat("[{\"op\":\"", op, "\",\"path\":\"", path, "\"",
                   value.empty() ? "" : ",\"value\":", value, "}]");
  return Patch(body);
}

std::vector<GuardCase> GuardedAttacks() {
  return {
      {"deleted", {}},
      {"deleted_with_all_of_the_namespace",
       {.verb = "deletecollection", .name = ""}},
      {"except_gone", {.verb = "update", .body = kWithoutExcept}},
      {"except_of_something_else",
       {.verb = "update",
        .body = Egress(R"({"to":[{"ipBlock":{"cidr":"0.0.0.0/0","except":[)"
                       R"("10.0.0.0/8"]}}]})")}},
      {"a_rule_for_all_destinations",
       {.verb = "update",
        .body = Egress(R"({"to":[{"ipBlock":{"cidr":"0.0.0.0/0","except":[)"
                       R"("169.254.169.254/32"]}}]},{})")}},
      {"a_rule_for_all_destinations_on_its_port",
       {.verb = "update",
        .body = Egress(R"({"ports":[{"protocol":"TCP","port":1,"endPort":)"
                       R"(1024}]})")}},
      {"a_range_around_it",
       {.verb = "update",
        .body = Egress(R"({"to":[{"ipBlock":{"cidr":"169.254.0.0/16"}}]})")}},
      {"no_longer_about_egress",
       {.verb = "update", .body = Spec(R"("policyTypes":["Ingress"])")}},
      {"merge_patch_of_the_rules",
       Patch(
           R"({"spec":{"egress":[{"to":[{"ipBlock":{"cidr":"0.0.0.0/0"}}]}]}})")},
      {"merge_patch_of_the_types",
       Patch(R"({"spec":{"policyTypes":["Ingress"]}})")},
      {"strategic_replacement",
       Patch(R"({"spec":{"$patch":"replace","podSelector":{}}})")},
      {"server_side_apply",
       Patch(absl::StrCat(R"({"apiVersion":"networking.k8s.io/v1",)",
                          std::string(kWithoutExcept).substr(1)))},
      {"json_remove_exceptions",
       JsonPatch("remove", "/spec/egress/0/to/0/ipBlock/except")},
      {"json_remove_exception",
       JsonPatch("remove", "/spec/egress/0/to/0/ipBlock/except/0")},
      {"json_replace_exception",
       JsonPatch("replace", "/spec/egress/0/to/0/ipBlock/except/0",
                 "\"10.0.0.0/8\"")},
      {"json_remove_peers", JsonPatch("remove", "/spec/egress/0/to")},
      {"json_remove_only_peer", JsonPatch("remove", "/spec/egress/0/to/0")},
      {"json_add_rule", JsonPatch("add", "/spec/egress/-", "{}")},
      {"json_add_peer",
       JsonPatch("add", "/spec/egress/0/to/-",
                 R"({"ipBlock":{"cidr":"169.254.169.254/32"}})")},
      {"json_replace_block", JsonPatch("replace", "/spec/egress/0/to/0/ipBlock",
                                       R"({"cidr":"0.0.0.0/0"})")},
      {"json_replace_types",
       JsonPatch("replace", "/spec/policyTypes", "[\"Ingress\"]")},
      {"json_move_exception_away",
       Patch(R"([{"op":"move","from":"/spec/egress/0/to/0/ipBlock/except",)"
             R"("path":"/metadata/annotations/x"}])")},
      {"the_answer_to_a_patch_shows_it",
       {.verb = "patch",
        .body = R"([{"op":"replace","path":"/metadata/labels","value":{}}])",
        .response = kWithoutExcept}},
      {"more_parts_than_are_read",
       {.verb = "update",
        .body =
            [] {
              std::string rules = R"({"to":[{"podSelector":{}}]})";
              std::string all;
              for (int i = 0; i < 5000; ++i) absl::StrAppend(&all, rules, ",");
              return Egress(all + "{}");
            }()}},
  };
}
INSTANTIATE_TEST_SUITE_P(Attacks, GuardRemovedTest,
                         ::testing::ValuesIn(GuardedAttacks()), GuardCaseName);

class GuardKeptTest : public ::testing::TestWithParam<GuardCase> {};
TEST_P(GuardKeptTest, IsNoFinding) {
  EXPECT_THAT(GuardFindings(GetParam().request), IsEmpty());
  // It is still known.
  GuardStream stream;
  stream.Guard(At(0));
  stream.Feed(At(7200), GetParam().request);
  stream.Feed(At(7201), GuardedRequest());
  EXPECT_THAT(stream.findings(), SizeIs(1));
}

std::vector<GuardCase> GuardedLookalikes() {
  return {
      {"applied_again", {.verb = "update", .body = kGuard}},
      {"applied_again_by_the_server",
       Patch(absl::StrCat(R"({"apiVersion":"v1",)",
                          std::string(kGuard).substr(1)))},
      {"labelled", Patch(R"({"metadata":{"labels":{"team":"web"}}})")},
      {"labelled_by_apply",
       Patch(R"({"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy",)"
             R"("metadata":{"labels":{"team":"web"}}})")},
      {"other_pods", Patch(R"({"spec":{"podSelector":{"matchLabels":{}}}})")},
      {"a_wider_exception",
       {.verb = "update",
        .body = Egress(R"({"to":[{"ipBlock":{"cidr":"0.0.0.0/0","except":[)"
                       R"("169.254.0.0/16","10.0.0.0/8"]}}]})")}},
      {"a_narrower_policy",
       {.verb = "update",
        .body = Egress(R"({"to":[{"ipBlock":{"cidr":"10.0.0.0/8"}}]})")}},
      {"nothing_goes_out", {.verb = "update", .body = Egress("")}},
      {"dns_to_anywhere",
       {.verb = "update",
        .body = Egress(R"({"to":[{"ipBlock":{"cidr":"0.0.0.0/0","except":[)"
                       R"("169.254.169.254/32"]}}]},{"ports":[{"protocol":)"
                       R"("UDP","port":53},{"protocol":"TCP","port":53}]})")}},
      {"all_of_ipv6",
       {.verb = "update",
        .body = Egress(R"({"to":[{"ipBlock":{"cidr":"::/0"}}]})")}},
      {"json_label", JsonPatch("add", "/metadata/labels/a", "\"b\"")},
      {"json_rule_removed", JsonPatch("remove", "/spec/egress/1")},
      {"json_exception_added",
       JsonPatch("add", "/spec/egress/0/to/0/ipBlock/except/-",
                 "\"10.0.0.0/8\"")},
      {"json_pods_added",
       JsonPatch("add", "/spec/egress/0/to/-", R"({"podSelector":{}})")},
      {"json_test",
       JsonPatch("test", "/spec/egress/0/to/0/ipBlock/except", "[]")},
      {"ingress_rule_removed",
       JsonPatch("remove", "/spec/ingress/0/from/0/ipBlock/except")},
      {"refused", {.code = 403}},
      {"not_there", {.code = 404}},
      {"dry_run", {.query = "?dryRun=All"}},
      {"dry_run_in_the_body", {.body = R"({"dryRun":["All"]})"}},
      {"dry_run_of_an_apply",
       {.verb = "patch", .body = kWithoutExcept, .query = "?dryRun=All"}},
      {"only_received", {.stage = Stage::kRequestReceived}},
      {"ended_in_a_panic", {.code = 500, .stage = Stage::kPanic}},
      {"another_policy", {.name = "other"}},
      {"of_another_namespace", {.ns = "shop"}},
      {"of_another_kind", {.group = "crd.projectcalico.org"}},
      {"all_of_another_namespace",
       {.verb = "deletecollection", .name = "", .ns = "shop"}},
      {"read", {.verb = "get"}},
      {"cut_off", {.verb = "update", .body = ""}},
  };
}
INSTANTIATE_TEST_SUITE_P(Lookalikes, GuardKeptTest,
                         ::testing::ValuesIn(GuardedLookalikes()),
                         GuardCaseName);

TEST(MetadataGuardsTest, ADeletionByTheControlPlaneIsNotToldAndForgotten) {
  for (const char* user :
       {"system:serviceaccount:kube-system:namespace-controller",
        "system:serviceaccount:kube-system:generic-garbage-collector",
        "system:kube-controller-manager"}) {
    GuardStream stream;
    stream.Guard(At(0));
    stream.Feed(At(7200), {.user = user});
    EXPECT_EQ(stream.policies(), 0) << user;
    stream.Feed(At(7300), GuardedRequest());
    EXPECT_THAT(stream.findings(), IsEmpty()) << user;
  }
}

TEST(MetadataGuardsTest, WhatItsMakerTakesAwayWithinTheHourWasATrial) {
  GuardStream trial;
  trial.Guard(At(0), "dev");
  trial.Feed(At(3600), {.user = "dev"});
  EXPECT_THAT(trial.findings(), IsEmpty());
  GuardStream later;
  later.Guard(At(0), "dev");
  later.Feed(At(3601), {.user = "dev"});
  EXPECT_THAT(later.findings(), SizeIs(1));
  // Whoever wrote it anew has not made it.
  GuardStream thief;
  thief.Guard(At(0), "sre");
  thief.Feed(At(60), {.verb = "update", .body = kGuard});
  thief.Feed(At(120), GuardedRequest());
  EXPECT_THAT(thief.findings(), SizeIs(1));
}

TEST(MetadataGuardsTest, ANarrowPolicyStaysAGuardUntilItLetsThrough) {
  GuardStream stream;
  stream.Guard(At(0));
  stream.Feed(At(4000), {.verb = "update", .body = Egress("")});
  stream.Feed(At(4001), {.verb = "update", .body = kWithoutExcept});
  EXPECT_THAT(stream.findings(), SizeIs(1));
}

TEST(MetadataGuardsTest, APolicyWithoutAnExceptionIsNoGuard) {
  GuardStream stream;
  stream.Feed(At(0), {.user = "sre", .verb = "create", .body = Egress("")});
  stream.Feed(At(9000), GuardedRequest());
  EXPECT_THAT(stream.findings(), IsEmpty());
  EXPECT_EQ(stream.policies(), 0);
}

// Audited at RequestResponse, an answer shows what was never seen before.
TEST(MetadataGuardsTest, WhatADeletionsAnswerShowsNeedsNoHistory) {
  GuardStream one;
  one.Feed(At(0), {.response = kGuard});
  EXPECT_THAT(one.findings(), SizeIs(1));
  GuardStream many;
  many.Feed(At(0), {.verb = "deletecollection",
                    .name = "",
                    .response =
                        absl::StrCat(R"({"kind":"NetworkPolicyList","items":[)",
                                     kGuard, ",", kWithoutExcept, "]}")});
  EXPECT_THAT(many.findings(), SizeIs(1));
  GuardStream status;
  status.Feed(At(0), {.response = R"({"kind":"Status","status":"Success"})"});
  EXPECT_THAT(status.findings(), IsEmpty());
}

TEST(MetadataGuardsTest, CountsOneCaseOfAnActorAndEndsIt) {
  GuardStream stream;
  for (int i = 0; i < 5; ++i) {
    stream.Feed(At(0), {.user = "sre",
                        .verb = "create",
                        .body = kGuard,
                        .name = absl::StrCat("p", i)});
  }
  for (int i = 0; i < 5; ++i) {
    stream.Feed(At(9000 + i), {.name = absl::StrCat("p", i)});
  }
  std::vector<int64_t> counts;
  for (const Finding& finding : stream.findings()) {
    EXPECT_EQ(finding.id, stream.findings()[0].id);
    counts.push_back(finding.count);
  }
  EXPECT_THAT(counts, ElementsAre(1, 2, 4));
  stream.Restart();
  stream.Tick(At(9004 + 1799));
  EXPECT_THAT(stream.InState(FindingState::kFinal), IsEmpty());
  stream.Tick(At(9004 + 1800));
  ASSERT_THAT(stream.InState(FindingState::kFinal), SizeIs(1));
  EXPECT_EQ(stream.InState(FindingState::kFinal)[0].count, 5);
  EXPECT_THAT(stream.InState(FindingState::kFinal)[0].what.names, SizeIs(5));
  EXPECT_TRUE(stream.restarts_ok());
}

TEST(MetadataGuardsTest, TheReasonsSumToTheScoreAndStepsNameThePolicy) {
  std::vector<Finding> findings = GuardFindings(GuardedRequest());
  ASSERT_THAT(findings, SizeIs(1));
  double sum = 0;
  for (const FindingReason& reason : findings[0].why) {
    sum += reason.contribution;
  }
  EXPECT_DOUBLE_EQ(sum, findings[0].score);
  EXPECT_THAT(findings[0].summary,
              HasSubstr("mallory deleted networkpolicy web/deny, which kept "
                        "pods from 169.254.169.254; known for 2h"));
  EXPECT_THAT(findings[0].next[1],
              HasSubstr("kubectl auth can-i delete networkpolicies -n web --as "
                        "mallory"));
  EXPECT_THAT(findings[0].summary, Not(HasSubstr("100.100.100.200")));
}

TEST(MetadataGuardsTest, ExtraHostsAreGuardedToo) {
  GuardStream stream(MetadataAccess::Options{.extra_hosts = {"10.9.8.7"}});
  stream.Feed(At(0),
              {.user = "sre",
               .verb = "create",
               .body = Egress(R"({"to":[{"ipBlock":{"cidr":"10.0.0.0/8",)"
                              R"("except":["10.9.8.0/24"]}}]})")});
  stream.Feed(At(9000), GuardedRequest());
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_THAT(stream.findings()[0].summary, HasSubstr("10.9.8.7"));
}

TEST(MetadataGuardsTest, IsKeptOverARestartAndForgottenAfterNinetyDays) {
  GuardStream stream;
  stream.Guard(At(0));
  stream.Restart();
  EXPECT_EQ(stream.policies(), 1);
  stream.Feed(At(7200), GuardedRequest());
  EXPECT_THAT(stream.findings(), SizeIs(1));
  // The row is written as empty, and its number is used again.
  stream.Restart();
  EXPECT_EQ(stream.policies(), 0);
  stream.Guard(At(8000));
  stream.Restart();
  EXPECT_EQ(stream.policies(), 1);
  const double days = 90.0 * 86400;
  stream.Feed(At(8000 + days + 1), GuardedRequest());
  EXPECT_THAT(stream.InState(FindingState::kOpen), SizeIs(1));
  EXPECT_TRUE(stream.restarts_ok());
}

TEST(MetadataGuardsTest, AFloodOfPoliciesDisplacesOnlyItsOwn) {
  GuardStream stream;
  stream.Guard(At(0));
  auto make = [&](int i, const std::string& ns) {
    stream.Feed(At(10 + i * 0.001), {.verb = "create",
                                     .body = kGuard,
                                     .name = absl::StrCat("flood-", i),
                                     .ns = ns});
  };
  constexpr int kMax = MetadataGuards::kMaxPolicies;
  for (int i = 0; i < kMax + 500; ++i) make(i, "evil");
  EXPECT_EQ(stream.policies(), kMax);
  // Others find room in its place.
  stream.Feed(At(5000), {.user = "sre",
                         .verb = "create",
                         .body = kGuard,
                         .name = "late",
                         .ns = "shop"});
  // One in each of very many namespaces.
  for (int i = 0; i < kMax + 500; ++i) make(i, absl::StrCat("evil-", i));
  EXPECT_EQ(stream.policies(), kMax);
  stream.Restart();
  EXPECT_EQ(stream.policies(), kMax);
  stream.Feed(At(9000), {.user = "thief"});
  stream.Feed(At(9000), {.user = "robber", .name = "late", .ns = "shop"});
  EXPECT_THAT(stream.InState(FindingState::kOpen), SizeIs(2));
  EXPECT_TRUE(stream.restarts_ok());
}

TEST(MetadataGuardsTest, BoundsTheOpenCases) {
  GuardStream stream;
  constexpr int kMax = MetadataGuards::kMaxCases;
  for (int i = 0; i < kMax + 3; ++i) {
    std::string name = absl::StrCat("p", i);
    stream.Feed(
        At(0), {.user = "sre", .verb = "create", .body = kGuard, .name = name});
    stream.Feed(At(9000 + i), {.user = absl::StrCat("user-", i), .name = name});
  }
  EXPECT_THAT(stream.InState(FindingState::kOpen), SizeIs(kMax + 3));
  std::vector<Finding> ended = stream.InState(FindingState::kFinal);
  ASSERT_THAT(ended, SizeIs(3));
  EXPECT_EQ(ended[0].entity, "user-0");
}

TEST(MetadataGuardsTest, RefusesDamagedState) {
  GuardStream stream;
  stream.Guard(At(0));
  MetadataGuards guards{MetadataAccess::Options()};
  EXPECT_FALSE(guards.LoadRow(0, 1, "").ok());
  EXPECT_FALSE(guards.LoadRow(0, 0, "short").ok());
  StateReader cut("\x07");
  EXPECT_FALSE(guards.LoadShared(cut).ok());
}

}  // namespace
}  // namespace oddverb
