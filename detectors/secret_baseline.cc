#include "detectors/secret_baseline.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"

namespace oddverb {
namespace {

// A list of everything: only of somebody who is well known, or of a program far
// elsewhere. High at novelty 4: once in some 30 sessions.
constexpr ActSteps kListSteps = {.low = 6, .medium = 6, .high = 7};
// An administrator lists all secrets for the first time some day, and may be on
// a journey then: below this novelty (27 sessions) that wakes nobody. Of seven
// false findings in 108 million honest events four were such (seeds 47 to 53
// of detection_bench, novelty 3.5 to 3.9).
constexpr double kPersonNovelty = 4;
constexpr ActSteps kUnsureSteps = {
    .low = 6, .medium = HUGE_VAL, .high = HUGE_VAL};
constexpr ActSteps kNameSteps = {.low = 6, .medium = 6, .high = 8};
constexpr uint32_t kMinSecrets = 5;
constexpr double kMinSurprise = 8;  // a chance of 1e-8
constexpr uint32_t kMaxKnown = 128;

void Write(const AuditEvent& event, std::string what, ActorAct& act) {
  act.title = "Reads secrets as it never did";
  act.summary = absl::StrCat(Named(event.user.name), " from ",
                             Named(event.source_ip), " ", what, ".");
  act.normal =
      "Each identity reads the same few secrets again and again, or lists all "
      "of them from its first day on.";
  act.next = {
      absl::StrCat("kubectl auth can-i --list --as=",
                   ShellWord(event.user.name), "   # what it can read"),
      absl::StrCat("Ask the owner of ", ShellWord(event.user.name),
                   " whether it was their work."),
      "Change every secret that was read, those that open other systems "
      "first."};
  act.benign_checks = {
      "Not a kubelet, not the control plane.",
      "A new release of a program that reads more secrets than the last."};
  act.attack = {"T1552.007"};
}

}  // namespace

std::optional<ActorAct> JudgeSecretList(const ActScene& scene) {
  const AuditEvent& event = scene.event;
  if (!event.object.ns.empty()) return std::nullopt;
  ActorAct act;
  act.rule = kSecretsRule;
  act.novelty = scene.IsNewlyOutside() ? "all outside" : "all";
  std::optional<double> novelty =
      scene.NoveltyOfAct(ActorHabits::Kind::kSecretList, act.novelty);
  if (!novelty.has_value()) return std::nullopt;
  const double weight = scene.IsPerson() ? 2.5 : 3.0;
  // Where people are does not say what they never do: administrators read all
  // secrets now and then, and travel. That takes a history of the act itself.
  if (scene.IsPerson() && weight + *novelty < kListSteps.low) {
    return std::nullopt;
  }
  act.why.push_back(
      {"all secrets of the cluster at once", Named(event.verb), weight});
  AddCircumstances(scene, *novelty, 4, act);
  Write(event, "asked for all secrets of the cluster, for the first time", act);
  const bool is_sure = !scene.IsPerson() || *novelty >= kPersonNovelty;
  return Weighed(std::move(act), is_sure ? kListSteps : kUnsureSteps);
}

std::optional<ActorAct> SecretBaseline::Judge(const ActScene& scene) {
  const AuditEvent& event = scene.event;
  if (!is_begun_) {
    // Known from its first request on, not from its first secret.
    rate_.Add(scene.habits.first_seen(), 0);
    is_begun_ = true;
  }
  const uint64_t secret = scene.hash.Combine(
      scene.hash.Hash(event.object.ns), scene.hash.Hash(event.object.name));
  if (!known_.Add(secret, kMaxKnown)) return std::nullopt;
  rate_.Add(event.stage_time);
  const uint32_t secrets = rate_.in_window();
  if (secrets < kMinSecrets || secrets < 2 * told_) return std::nullopt;
  const double surprise = rate_.Surprise();
  if (surprise < kMinSurprise) return std::nullopt;
  told_ = secrets;
  ActorAct act;
  act.rule = kSecretsRule;
  act.count = secrets;
  act.why.push_back({"secrets that it never read before",
                     Counted(secrets, "secret", "secrets"), 4});
  act.why.push_back({"far more than is usual for it",
                     absl::StrFormat("a chance of 1e-%.0f", surprise), 2});
  AddCircumstances(scene, 0, 0, act);
  Write(event,
        absl::StrCat("read ", secrets,
                     " secrets by name that it never read before"),
        act);
  return Weighed(std::move(act), kNameSteps);
}

void SecretBaseline::Save(StateWriter& out) const {
  known_.Save(out);
  rate_.Save(out);
  out.PutU64(is_begun_ ? 1 : 0);
  out.PutU64(told_);
}

void SecretBaseline::Load(StateReader& in) {
  known_.Load(in);
  rate_.Load(in);
  const uint64_t begun = in.GetU64();
  const uint64_t told = in.GetU64();
  if (begun > 1 || told > UINT32_MAX) in.Fail();
  is_begun_ = begun == 1;
  told_ = static_cast<uint32_t>(told);
}

}  // namespace oddverb
