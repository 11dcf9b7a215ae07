#include "detectors/forbidden_finding.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "detectors/finding_text.h"

namespace oddverb {
namespace {

constexpr size_t kTopKinds = 7;
constexpr size_t kMaxSummaryBytes = 400;
// Of a success with what was refused, or with something as grave.
constexpr double kSuccess = 3;

// Scores are shown in hundredths, and added up as whole numbers: what a person
// adds up with a pencil is the score.
// Bounded, as a score may come from a damaged checkpoint.
int64_t Cents(double value) {
  constexpr double kMost = 1e12;
  if (std::isnan(value)) return 0;
  return std::llround(std::clamp(value * 100, -kMost, kMost));
}
double FromCents(int64_t cents) { return static_cast<double>(cents) / 100; }

// Kinds behind this score, those that weigh most first.
std::vector<const RefusedKind*> KindsOf(const RefusalRecord& refused,
                                        const RefusalScore& score) {
  std::vector<const RefusedKind*> kinds;
  for (const RefusedKind& kind : refused.kinds) {
    if (kind.last >= score.first) kinds.push_back(&kind);
  }
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const RefusedKind* a, const RefusedKind* b) {
                     return a->weight > b->weight;
                   });
  return kinds;
}

void WriteReasons(const std::vector<const RefusedKind*>& kinds,
                  const RefusalScore& score, const OpenRefusal& open,
                  Finding& finding) {
  int64_t rest = Cents(score.peak);
  int64_t unlisted = Cents(score.added);
  finding.score = FromCents(
      rest + Cents(kSuccess) * static_cast<int64_t>(open.successes.size()));
  for (const std::string& success : open.successes) {
    finding.why.push_back(
        {"then succeeded under suspicion", success, kSuccess});
  }
  size_t shown = std::min(kinds.size(), kTopKinds);
  for (size_t i = 0; i < shown; ++i) {
    const RefusedKind& kind = *kinds[i];
    int64_t cents = Cents(kind.weight);
    std::string value = kind.texts().text;
    if (kind.count > 1) {
      absl::StrAppend(&value, ", ", kind.count, " object names or namespaces");
    }
    finding.why.push_back(
        {"refused at first contact", value, FromCents(cents)});
    rest -= cents;
    unlisted -= cents;
  }
  if (score.kinds > shown && unlisted > 0) {
    finding.why.push_back({"refused at first contact",
                           Counted(score.kinds - shown, "other kind of request",
                                   "other kinds of request"),
                           FromCents(unlisted)});
    rest -= unlisted;
  }
  if (rest != 0) {
    finding.why.push_back(
        {"decay, credit and rounding",
         absl::StrCat("halves every ", open.slow ? "3 days" : "10 minutes",
                      "; what succeeds for the first time takes 0.25 off"),
         FromCents(rest)});
  }
}

void WriteWhat(const std::vector<const RefusedKind*>& kinds, Finding& finding) {
  for (const RefusedKind* kind : kinds) {
    const RefusedKind::Texts texts = kind->texts();
    AddDistinct(texts.verb, finding.what.verbs);
    AddDistinct(texts.resource, finding.what.resources);
    AddDistinct(texts.ns, finding.what.namespaces);
    AddDistinct(texts.name, finding.what.names);
  }
}

void WriteSummary(const std::vector<const RefusedKind*>& kinds,
                  const RefusalScore& score, Finding& finding) {
  std::string attempts =
      Counted(score.kinds, "refused first attempt", "refused first attempts");
  finding.title = absl::StrCat("stolen or probing credential: ", attempts);
  // An anonymous caller's entity holds the address already.
  std::string from;
  if (!finding.where.source_ip.empty() &&
      finding.entity.find('@' + finding.where.source_ip) == std::string::npos) {
    from = absl::StrCat(" from ", finding.where.source_ip);
  }
  std::string agent =
      finding.where.user_agent.substr(0, finding.where.user_agent.find(' '));
  std::string summary =
      absl::StrCat(Bounded(finding.entity, 100), from,
                   agent.empty() ? "" : " with " + Bounded(agent, 40),
                   " tried ", Counted(score.kinds, "kind", "kinds"),
                   " of request that never worked for it, within ",
                   SpanText(score.first, score.last), ": ");
  size_t named = std::min<size_t>(kinds.size(), 2);
  for (size_t i = 0; i < named; ++i) {
    absl::StrAppend(&summary, i == 0 ? "" : "; ",
                    Bounded(kinds[i]->texts().text, 80));
  }
  if (score.kinds > named) {
    absl::StrAppend(&summary, "; and ", score.kinds - named, " more");
  }
  finding.summary = Bounded(summary, kMaxSummaryBytes);
}

void WriteNormal(const ForbiddenActor& actor, Finding& finding) {
  uint64_t kinds = uint64_t{actor.successes.settled} +
                   actor.successes.previous + actor.successes.current;
  if (kinds == 0) {
    finding.normal = "nothing that it asked for has succeeded yet";
    return;
  }
  finding.normal = Counted(kinds, "kind of request succeeds for it",
                           "kinds of request succeed for it");
  const std::string examples = actor.examples.Text();
  if (!examples.empty()) {
    absl::StrAppend(&finding.normal, ", for instance ", examples);
  }
}

void WriteBenignChecks(const RefusalScore& score, Finding& finding) {
  finding.benign_checks.push_back(absl::StrCat(
      "rights it lost: ", Counted(score.lost, "refusal", "refusals"),
      " of what succeeded before, each weighs 0"));
  finding.benign_checks.push_back(
      absl::StrCat("retries: ", Counted(score.repeats, "repeat", "repeats"),
                   " of a refused request, each weighs 0"));
  if (finding.warming) {
    finding.benign_checks.push_back(
        "little history: first seen less than 15 minutes before, so the "
        "threshold was raised by 4");
  }
}

// The score is a sum of log-likelihood ratios: with prior odds of 1 : 1000 for
// an attacker among actors that are refused at all, Bayes gives this.
double Confidence(double score) {
  double odds_against = std::exp(std::log(1000.0) - score);
  return FromCents(std::min<int64_t>(99, Cents(1 / (1 + odds_against))));
}

}  // namespace

Finding WriteForbiddenFinding(const ForbiddenActor& actor, FindingState state,
                              absl::Time now) {
  const RefusalRecord& refused = *actor.refused;
  const OpenRefusal& open = *refused.open;
  const RefusalScore& score = refused.reported();
  std::vector<const RefusedKind*> kinds = KindsOf(refused, score);
  Finding finding = open.base;
  finding.state = state;
  finding.time = now;
  finding.first_seen = score.first;
  finding.last_seen = score.last;
  finding.count = score.refusals;
  WriteReasons(kinds, score, open, finding);
  finding.confidence = Confidence(score.peak);
  WriteWhat(kinds, finding);
  WriteSummary(kinds, score, finding);
  WriteNormal(actor, finding);
  WriteBenignChecks(score, finding);
  if (!open.successes.empty()) {
    absl::StrAppend(&finding.summary, "; then it succeeded: ",
                    Bounded(open.successes.front(), 80));
    finding.benign_checks.emplace_back(
        "a right that somebody granted meanwhile: look for changes of roles "
        "and bindings");
  }
  for (const PackedEvidence& item : refused.evidence) {
    if (item.time() >= score.first) finding.evidence.push_back(item.Get());
  }
  finding.attack = {"T1613", "T1087"};
  finding.practice = {9};
  return finding;
}

}  // namespace oddverb
