#include "detectors/forbidden_case.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr double kNever = std::numeric_limits<double>::infinity();
// Below, an episode is forgotten. Less than the least weight of a sighting, or
// what weighs little would begin anew each time.
constexpr double kForgotten = 0.02;
constexpr uint32_t kKnownCapacity = 128;
constexpr size_t kMaxSummaryBytes = 400;

constexpr absl::Duration kDay = absl::Hours(24);

const std::array<CaseRuleInfo, static_cast<size_t>(CaseRule::kCount)>& Infos() {
  static const std::array<CaseRuleInfo, static_cast<size_t>(CaseRule::kCount)>
      kInfos = {{
          {"anonymous.enumeration",
           "anonymous enumeration",
           "was refused, without credentials,",
           "kind of request",
           "kinds of request",
           "callers without credentials ask for health and version",
           "health checks, version and discovery that are allowed are not "
           "counted; a public address meets scanners every day",
           "T1613",
           {kNever, 5, 10, 20, kNever}},
          {"anonymous.success",
           "anonymous access that succeeds",
           "was allowed, without credentials,",
           "kind of request",
           "kinds of request",
           "callers without credentials may ask for health, version, OpenID "
           "discovery and the cluster-info of kubeadm",
           "a binding of system:anonymous or system:unauthenticated that was "
           "made on purpose",
           "T1190",
           {kNever, kNever, kNever, 8, 11},
           false},
          {"authn.failure_surge",
           "surge of failed authentications",
           "failed to authenticate in",
           "request",
           "requests",
           "next to no request from an address fails to authenticate",
           "an expired token of a program that retries: the same address then "
           "fails for hours, at a steady pace",
           "T1110",
           // 14.5: 13 tries of a scanner, 14 with curl, 16 with another client.
           // A pod whose token has expired asks forty to sixty times in two
           // minutes, of which a fifth counts: 10.6.
           {kNever, 8, 14.5, kNever, kNever},
           true,
           absl::Minutes(10),
           absl::Minutes(30),
           true},
          {"rbac.escalation_denied",
           "refused escalation of rights",
           "tried to gain rights it may not have, by",
           "kind of refused request",
           "kinds of refused request",
           "people and programs ask for the rights that they have",
           "a deployment tool without the role it needs: the same objects "
           "again and again, each weighs once",
           "T1098.006",
           // A role and its binding within four minutes are medium, as the
           // first has decayed a little.
           {kNever, 4, 7, 12, kNever}},
          {"permission.probing",
           "an identity finds out what it may do",
           "asked what it may do, in",
           "review",
           "reviews",
           "programs do what they are made for, they do not ask what they may",
           "rights of people are asked for by their tools: kubectl auth can-i, "
           "dashboards",
           "T1613",
           {kNever, 8, 16, kNever, kNever}},
          {"forbidden.object_guessing",
           "object names are being guessed",
           "asked in vain for",
           "object by name",
           "objects by name",
           "programs know the names of the objects they need",
           "a program whose objects were deleted meets 404s for a while",
           "T1552.007",
           {kNever, 5, 10, kNever, kNever}},
          {"forbidden.storm",
           "a program retries what it may not do",
           "repeated refused requests:",
           "repeat",
           "repeats",
           "a program that is refused gives up, or gets its right",
           "an operator's matter rather than an attack: grant the right, or "
           "stop the program",
           "",
           {60, kNever, kNever, kNever, kNever},
           true,
           absl::Minutes(10),
           kDay},
          {"permission.regression",
           "an identity has lost rights",
           "is refused what worked before:",
           "kind of request",
           "kinds of request",
           "what worked once keeps working",
           "an operator's matter rather than an attack: look for a change of "
           "roles or bindings, or an API server that restarts",
           "",
           {5, kNever, kNever, kNever, kNever},
           true,
           absl::Minutes(10),
           kDay},
      }};
  return kInfos;
}

double Rounded(double value) {
  constexpr double kMost = 1e12;
  if (std::isnan(value)) return 0;
  return std::round(std::clamp(value, -kMost, kMost) * 100) / 100;
}

std::string Summary(const ForbiddenCase& found, const CaseRuleInfo& info) {
  const Finding& draft = *found.draft;
  std::string from;
  if (!draft.where.source_ip.empty() &&
      draft.entity.find('@' + draft.where.source_ip) == std::string::npos) {
    from = absl::StrCat(" from ", draft.where.source_ip);
  }
  std::string agent =
      draft.where.user_agent.substr(0, draft.where.user_agent.find(' '));
  std::string text =
      absl::StrCat(Bounded(draft.entity, 100), from,
                   agent.empty() ? "" : " with " + Bounded(agent, 40), " ",
                   A(info.did), " ", Counted(found.things, info.one, info.many),
                   " within ", SpanText(found.first_seen, found.last_seen));
  size_t named = std::min<size_t>(draft.why.size(), 2);
  for (size_t i = 0; i < named; ++i) {
    absl::StrAppend(&text, i == 0 ? ": " : "; ",
                    Bounded(draft.why[i].value, 80));
  }
  return Bounded(text, kMaxSummaryBytes);
}

}  // namespace

const CaseRuleInfo& InfoOf(CaseRule rule) {
  return Infos()[static_cast<size_t>(rule)];
}

void ForbiddenCase::NoteEvent(absl::Time time) {
  first_seen = count == 0 ? time : std::min(first_seen, time);
  last_seen = count == 0 ? time : std::max(last_seen, time);
  ++count;
}

bool ForbiddenCase::Add(const CaseSighting& sighting) {
  const CaseRuleInfo& info = InfoOf(rule);
  if (!open && score.ValueAt(sighting.time, info.half_life) < kForgotten) {
    Restart();
  }
  if (sighting.thing != 0 && !known.Add(sighting.thing, kKnownCapacity)) {
    // What is asked again belongs to an episode, but begins none.
    if (things > 0) NoteEvent(sighting.time);
    return false;
  }
  NoteEvent(sighting.time);
  ++things;
  double sum = score.Add(sighting.time, info.half_life, sighting.weight);
  draft->AddEvidence(sighting.event);
  if (info.by_rate) return true;
  peak = std::max(peak, sum);
  std::vector<FindingReason>& why = draft->why;
  auto same =
      std::find_if(why.begin(), why.end(), [&](const FindingReason& reason) {
        return reason.feature == sighting.feature &&
               reason.value == sighting.value;
      });
  if (same != why.end()) {
    same->contribution += sighting.weight;
  } else if (why.size() < kMaxReasons) {
    why.push_back(
        {std::string(sighting.feature), sighting.value, sighting.weight});
  }
  return true;
}

void ForbiddenCase::PackIfSmall() {
  if (!open && things <= 1) draft.Pack();
}

Finding ForbiddenCase::WholeDraft() const {
  FindingDraft copy = draft;  // reading it would unpack it
  Finding finding = std::move(*copy);
  finding.first_seen = first_seen;
  finding.last_seen = last_seen;
  finding.count = count;
  return finding;
}

void ForbiddenCase::Restart() {
  FingerprintSet keep = std::move(known);
  CaseRule same = rule;
  *this = ForbiddenCase();
  known = std::move(keep);
  rule = same;
}

Finding ForbiddenCase::Write(FindingState state, absl::Time now) const {
  const CaseRuleInfo& info = InfoOf(rule);
  Finding finding = WholeDraft();
  finding.state = state;
  finding.time = now;
  finding.title =
      absl::StrCat(A(info.title), ": ", Counted(things, info.one, info.many));
  finding.summary = Summary(*this, info);
  finding.normal = info.normal;
  finding.benign_checks.emplace_back(info.benign_check);
  finding.score = Rounded(peak);
  double rest = finding.score;
  for (FindingReason& reason : finding.why) {
    reason.contribution = Rounded(reason.contribution);
    rest -= reason.contribution;
  }
  if (rest = Rounded(rest); rest != 0) {
    finding.why.push_back(
        {"more of it, decay and rounding",
         absl::StrCat("halves every ", absl::FormatDuration(info.half_life)),
         rest});
  }
  finding.confidence =
      Rounded(std::min(0.95, peak / (peak + finding.threshold)));
  if (!info.attack.empty()) finding.attack = {std::string(info.attack)};
  finding.practice = {9};
  return finding;
}

void ForbiddenCase::Save(StateWriter& out) const {
  out.PutU64(static_cast<uint64_t>(rule));
  out.PutDouble(score.raw_value());
  out.PutTime(score.updated());
  out.PutDouble(peak);
  out.PutU64(things);
  known.Save(out);
  SaveFinding(WholeDraft(), out);
  out.PutU64(open ? 1 : 0);
  out.PutDouble(reported_score);
}

void ForbiddenCase::Load(StateReader& in) {
  uint64_t number = in.GetU64();
  if (number >= static_cast<uint64_t>(CaseRule::kCount)) {
    in.Fail();
    return;
  }
  rule = static_cast<CaseRule>(number);
  double value = in.GetDouble();
  score.Restore(value, in.GetTime());
  peak = in.GetDouble();
  things = static_cast<uint32_t>(in.GetU64());
  known.Load(in);
  Finding finding = LoadFinding(in);
  first_seen = finding.first_seen;
  last_seen = finding.last_seen;
  count = finding.count;
  draft = std::move(finding);
  open = in.GetU64() != 0;
  reported_score = in.GetDouble();
  PackIfSmall();
}

}  // namespace oddverb
