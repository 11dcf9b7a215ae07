#include "detectors/settings_write.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/next_steps.h"
#include "model/json_walk.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr ActSteps kSteps = {.low = 2.5, .medium = 4, .high = 6.5};
constexpr int kMaxWebhooks = 256;

struct Setting {
  std::string_view feature;
  double weight = 0;
};

bool IsRemoval(string_view verb) {
  return verb == "delete" || verb == "deletecollection";
}

Setting SettingOf(const AuditEvent& event) {
  constexpr auto kDns = std::to_array<string_view>(
      {"coredns", "coredns-custom", "kube-dns", "node-local-dns"});
  const ObjectReference& object = event.object;
  if (!object.subresource.empty()) return {};
  if (object.resource == "configmaps" && object.ns == "kube-system") {
    // kubeadm and its kin make them, once, before anybody can be hurt.
    const bool is_installed = event.verb == "create";
    if (std::find(kDns.begin(), kDns.end(), object.name) != kDns.end()) {
      return {"where names of the cluster lead", is_installed ? 2.0 : 4.0};
    }
    if (object.name == "aws-auth") {
      return {"who of the AWS account is who in the cluster", 4};
    }
    return {};
  }
  // Software brings its webhooks along: that alone is told to nobody.
  const double weight = event.verb == "create" ? 2 : 3;
  if (object.api_group == "admissionregistration.k8s.io") {
    if (object.resource == "mutatingwebhookconfigurations") {
      return {"who may change each request", weight};
    }
    if (object.resource == "validatingwebhookconfigurations") {
      return {"who judges each request", weight};
    }
    return {};
  }
  if (object.api_group == "apiregistration.k8s.io" &&
      object.resource == "apiservices") {
    return {"who answers a part of the API", weight};
  }
  return {};
}

// Of system:serviceaccount:NAMESPACE:NAME.
string_view NamespaceOf(string_view user) {
  constexpr string_view kPrefix = "system:serviceaccount:";
  if (!user.starts_with(kPrefix)) return {};
  user.remove_prefix(kPrefix.size());
  return user.substr(0, user.find(':'));
}

// What the body says of where requests go.
struct Targets {
  bool any = false;
  bool has_url = false;
  bool is_own = true;     // services of the account's own namespace only
  bool only_keys = true;  // CA bundles, as a certificate controller injects
};

void LookAtClient(RawJson client, string_view own_ns, Targets& targets) {
  std::string scratch;
  targets.any = true;
  JsonMembers members(client);
  JsonMember member;
  for (int i = 0; i < kMaxWebhooks && members.Next(member); ++i) {
    if (member.KeyIs("caBundle")) continue;
    targets.only_keys = false;
    if (member.KeyIs("url")) {
      targets.has_url = true;
      targets.is_own = false;
    } else if (member.KeyIs("service")) {
      auto ns = StringOf(FindMember(member.value, "namespace"), scratch);
      if (ns != own_ns) targets.is_own = false;
    }
  }
}

Targets TargetsOf(const AuditEvent& event) {
  Targets targets;
  const string_view own_ns = NamespaceOf(event.user.name);
  JsonElements webhooks(FindMember(event.request_object, "webhooks"));
  RawJson webhook;
  for (int i = 0; i < kMaxWebhooks && webhooks.Next(webhook); ++i) {
    LookAtClient(FindMember(webhook, "clientConfig"), own_ns, targets);
    // A patch of anything else is more than a key.
    JsonMembers members(webhook);
    JsonMember member;
    for (int j = 0; j < kMaxWebhooks && members.Next(member); ++j) {
      if (!member.KeyIs("clientConfig") && !member.KeyIs("name")) {
        targets.only_keys = false;
      }
    }
  }
  // Of an APIService.
  RawJson spec = FindMember(event.request_object, "spec");
  if (spec.present()) LookAtClient(spec, own_ns, targets);
  return targets;
}

// An operator that looks after its own webhook, or the keys of all.
bool IsOwnBusiness(const ActScene& scene, const Targets& targets) {
  if (scene.identity != IdentityClass::kServiceAccount || !targets.any) {
    return false;
  }
  return targets.is_own || targets.only_keys;
}

void Write(const AuditEvent& event, const Setting& setting, ActorAct& act) {
  const ObjectReference& object = event.object;
  const std::string name =
      absl::StrCat(A(Named(object.resource)), "/", A(Named(object.name)));
  act.title = "Changes what the whole cluster goes through";
  act.summary =
      absl::StrCat(Named(event.user.name), " from ", Named(event.source_ip),
                   ": ", A(Named(event.verb)), " ", name, ", which decides ",
                   A(setting.feature), ".");
  act.normal =
      "These change when software is installed or upgraded, by whoever always "
      "does that.";
  const std::string kind = NameWord(object.resource, "KIND");
  const std::string target = absl::StrCat(
      object.ns.empty()
          ? ""
          : absl::StrCat("-n ", NameWord(object.ns, "NAMESPACE"), " "),
      "get ", kind, " ", NameWord(object.name, "NAME"), " -o yaml");
  act.next = {
      absl::StrCat("kubectl ", target, "   # compare it with what you install"),
      absl::StrCat("Ask the owner of ", ShellWord(event.user.name),
                   " whether it was their work."),
      "Undo it first if nobody can tell: names, requests and rights go through "
      "it now."};
  act.benign_checks = {
      "Not the first installation of the cluster's DNS.",
      "Not an operator that looks after its own webhook, or injects keys."};
  act.attack = {"T1562", "T1557", "T1098"};
}

}  // namespace

bool ConcernsSettings(const AuditEvent& event) {
  if (!IsWrite(event.verb) && !IsRemoval(event.verb)) return false;
  return SettingOf(event).weight > 0;
}

std::optional<ActorAct> JudgeSettings(const ActScene& scene) {
  const AuditEvent& event = scene.event;
  if (!Succeeded(event) || IsClusterController(event.user.name)) {
    return std::nullopt;
  }
  const Setting setting = SettingOf(event);
  if (setting.weight <= 0) return std::nullopt;
  const Targets targets = TargetsOf(event);
  if (IsOwnBusiness(scene, targets)) return std::nullopt;
  ActorAct act;
  act.rule = kSettingsRule;
  act.novelty =
      absl::StrCat(A(event.object.resource), "/", A(event.object.name), " ",
                   A(IsRemoval(event.verb) ? "removed" : "written"),
                   scene.IsNewlyOutside() ? " outside" : "");
  std::optional<double> novelty =
      scene.NoveltyOfAct(ActorHabits::Kind::kSettings, act.novelty);
  if (!novelty.has_value()) return std::nullopt;
  act.why.push_back(
      {std::string(setting.feature),
       absl::StrCat(A(Named(event.verb)), " ", A(Named(event.object.resource)),
                    "/", A(Named(event.object.name))),
       setting.weight});
  if (targets.has_url) {
    act.why.push_back({"to an address of the client's choice, not a service",
                       Named(event.object.name), 2});
  }
  if (scene.identity == IdentityClass::kServiceAccount) {
    act.why.push_back({"by a program: most that do so are installers",
                       Named(event.user.name), -2});
  } else if (IsInGroup(event.user, "system:masters")) {
    act.why.push_back({"by who sets up the cluster: is in system:masters",
                       Named(event.user.name), -2});
  }
  AddCircumstances(scene, *novelty, 3, act);
  Write(event, setting, act);
  return Weighed(std::move(act), kSteps);
}

}  // namespace oddverb
