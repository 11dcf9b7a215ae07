#include "detectors/honeytoken.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/actor_act.h"
#include "detectors/event_finding.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr string_view kRule = "honeytoken.touched";
constexpr string_view kServiceAccountPrefix = "system:serviceaccount:";

absl::StatusOr<Honeytoken::Names> ReadNames(const YamlNode& node) {
  ODDVERB_ASSIGN_OR_RETURN(std::vector<std::string> list, node.AsStrings());
  if (list.size() > Honeytoken::Options::kMaxNames) {
    return node.Error(
        absl::StrCat("more than ", Honeytoken::Options::kMaxNames, " names"));
  }
  Honeytoken::Names names;
  for (std::string& name : list) {
    if (name.empty()) return node.Error("a name is empty");
    names.insert(std::move(name));
  }
  return names;
}

// Of NAMESPACE/NAME.
absl::StatusOr<Honeytoken::Names> ReadObjects(const YamlNode& node) {
  ODDVERB_ASSIGN_OR_RETURN(Honeytoken::Names names, ReadNames(node));
  for (const std::string& name : names) {
    size_t slash = name.find('/');
    bool is_object = slash != name.npos && slash > 0 &&
                     slash + 1 < name.size() &&
                     name.find('/', slash + 1) == name.npos;
    if (!is_object) {
      return node.Error(absl::StrCat("expected NAMESPACE/NAME, not \"",
                                     Bounded(name, 100), "\""));
    }
  }
  return names;
}

std::string ObjectName(const ObjectReference& object) {
  return absl::StrCat(A(object.ns), "/", A(object.name));
}

}  // namespace

absl::StatusOr<Honeytoken::Options> Honeytoken::Options::FromYaml(
    const YamlNode& node) {
  Options options;
  ODDVERB_ASSIGN_OR_RETURN(options.users, ReadNames(node.Get("users")));
  ODDVERB_ASSIGN_OR_RETURN(options.serviceaccounts,
                           ReadObjects(node.Get("serviceaccounts")));
  ODDVERB_ASSIGN_OR_RETURN(options.secrets, ReadObjects(node.Get("secrets")));
  ODDVERB_ASSIGN_OR_RETURN(options.except, ReadNames(node.Get("except")));
  ODDVERB_RETURN_IF_ERROR(node.CheckAllKeysUsed());
  return options;
}

Honeytoken::Honeytoken(const DetectorContext& context, Options options)
    : context_(context),
      options_(std::move(options)),
      identities_(options_.users) {
  for (const std::string& account : options_.serviceaccounts) {
    std::string name = account;
    name[name.find('/')] = ':';
    identities_.insert(absl::StrCat(A(kServiceAccountPrefix), name));
  }
}

FieldSet Honeytoken::fields() const {
  return Fields({FieldId::kAuditId, FieldId::kStage, FieldId::kRequestUri,
                 FieldId::kVerb, FieldId::kUserName, FieldId::kUserGroups,
                 FieldId::kUserExtra, FieldId::kImpersonatedUser,
                 FieldId::kSourceIps, FieldId::kUserAgent, FieldId::kObjectRef,
                 FieldId::kResponseStatus, FieldId::kReceivedTimestamp,
                 FieldId::kStageTimestamp});
}

std::optional<Honeytoken::Sighting> Honeytoken::Look(
    const AuditEvent& event) const {
  if (!identities_.empty()) {
    if (identities_.contains(event.user.name)) {
      return Sighting{Touch::kActs, std::string(event.user.name)};
    }
    string_view as = event.impersonated.name;
    if (!as.empty() && identities_.contains(as)) {
      return Sighting{Touch::kImpersonated, std::string(as)};
    }
  }
  const ObjectReference& object = event.object;
  if (object.name.empty() || options_.except.contains(event.user.name)) {
    return std::nullopt;
  }
  if (object.resource == "serviceaccounts" && object.subresource == "token" &&
      !options_.serviceaccounts.empty()) {
    std::string account = ObjectName(object);
    if (options_.serviceaccounts.contains(account)) {
      return Sighting{Touch::kMinted, std::move(account)};
    }
  }
  // Whoever sets the trap creates it.
  if (object.resource == "secrets" && object.api_group.empty() &&
      event.verb != "create" && !options_.secrets.empty()) {
    std::string secret = ObjectName(object);
    if (options_.secrets.contains(secret)) {
      return Sighting{Touch::kSecret, std::move(secret)};
    }
  }
  return std::nullopt;
}

void Honeytoken::Observe(const AuditEvent& event, const EntityIds& ids,
                         Emit& out) {
  // The response says what came of it, and every request has one.
  if (event.stage == Stage::kRequestReceived || ids.actor == kNoEntity) return;
  std::optional<Sighting> sighting = Look(event);
  if (!sighting.has_value()) return;
  cases_.EndQuiet(ids.actor, event.stage_time, out);
  const uint64_t key = context_.hash.Hash(
      absl::StrCat(static_cast<int>(sighting->touch), sighting->decoy));
  KeyedCases::Case* open = cases_.Find(ids.actor, key);
  if (open == nullptr && cases_.IsFull(ids.actor)) {
    open = cases_.Oldest(ids.actor);
  }
  if (open == nullptr) {
    cases_.Open(ids.actor, key, Write(event, ids, *sighting), out);
    return;
  }
  if (KeyedCases::IsEndOfCounted(event, *open)) return;
  KeyedCases::Count(event, *open);
  KeyedCases::ReportGrowth(*open, false, out);
}

Finding Honeytoken::Write(const AuditEvent& event, const EntityIds& ids,
                          const Sighting& sighting) const {
  Finding finding =
      OpenFinding(context_, "honeytoken", kRule, event, ids.keys.identity);
  finding.severity = Severity::kCritical;
  finding.confidence = 0.99;
  finding.threshold = 1;
  string_view what;
  switch (sighting.touch) {
    case Touch::kActs:
      what = "the decoy's own credential is used";
      break;
    case Touch::kImpersonated:
      what = "somebody acts as the decoy";
      break;
    case Touch::kMinted:
      what = "a token of the decoy is asked for";
      break;
    case Touch::kSecret:
      what = "the decoy secret is touched";
      break;
  }
  const std::string decoy = Named(sighting.decoy);
  AddReason(what, decoy, 1, finding);
  finding.title = "A decoy was touched";
  finding.summary =
      absl::StrCat(Named(event.user.name), " from ", Named(event.source_ip),
                   ": ", A(what), " (", decoy, "), ", A(Named(event.verb)),
                   " answered ", event.response_code, ".");
  finding.normal =
      "Nobody has business with a decoy: it is there for this finding.";
  finding.next = StepsAgainstCredential(event, ids.keys.identity);
  finding.next.push_back(
      "Find where the decoy lay: whoever has it has read everything else "
      "there, too.");
  finding.benign_checks = {
      "A scanner, a backup or a GitOps controller that goes through all "
      "secrets: name it in `except`."};
  finding.attack = {"T1078", "T1552"};
  finding.practice = {9};
  return finding;
}

void Honeytoken::AdvanceTo(absl::Time watermark, Emit& out) {
  cases_.AdvanceTo(watermark, out);
}

void Honeytoken::Forget(EntityKind kind, EntityId id) {
  if (kind == EntityKind::kActor) cases_.Forget(id);
}

bool Honeytoken::CanRest(EntityKind kind, EntityId id) const {
  return kind != EntityKind::kActor || cases_.CountOf(id) == 0;
}

void Honeytoken::Save(EntityKind kind, EntityId id, StateWriter& out) const {
  if (kind == EntityKind::kActor && cases_.CountOf(id) > 0) {
    cases_.Save(id, out);
  }
}

absl::Status Honeytoken::Load(EntityKind kind, EntityId id, StateReader& in) {
  if (kind != EntityKind::kActor || in.AtEnd()) return absl::OkStatus();
  return cases_.Load(id, in);
}

absl::StatusOr<std::unique_ptr<Detector>> MakeHoneytoken(
    const DetectorContext& context, const YamlNode& options) {
  ODDVERB_ASSIGN_OR_RETURN(Honeytoken::Options parsed,
                           Honeytoken::Options::FromYaml(options));
  return std::make_unique<Honeytoken>(context, std::move(parsed));
}

}  // namespace oddverb
