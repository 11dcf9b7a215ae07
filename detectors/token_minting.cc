#include "detectors/token_minting.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/strings.h"
#include "detectors/next_steps.h"
#include "model/json_walk.h"

namespace oddverb {
namespace {

// kubectl asks for an hour; a kubelet's tokens live for an hour, too.
constexpr absl::Duration kLongLife = absl::Hours(24);

// Only kube-controller-manager has business with the accounts of the
// controllers it runs.
bool IsBuiltInController(std::string_view account) {
  return account.ends_with("-controller") ||
         account == "generic-garbage-collector" ||
         account == "horizontal-pod-autoscaler" ||
         account == "root-ca-cert-publisher" ||
         account ==
             "persistent-volume-"
             "binder";
}

absl::Duration LifeOf(const AuditEvent& event) {
  constexpr std::array<std::string_view, 2> kPath = {"spec",
                                                     "expirationSeconds"};
  std::optional<int64_t> seconds = IntOf(FindPath(event.request_object, kPath));
  return absl::Seconds(seconds.value_or(0));
}

void Write(const AuditEvent& event, ActorAct& act) {
  std::string account =
      absl::StrCat(Named(event.object.ns), "/", A(Named(event.object.name)));
  act.title = "Mints a token of a powerful service account";
  if (event.object.ns != "kube-system") {
    act.title = "Mints a token that lives for long";
  }
  act.summary = absl::StrCat(Named(event.user.name), " minted a token of ",
                             account, " from ", Named(event.source_ip), ".");
  act.normal =
      "Kubelets mint the tokens of the pods on their node, "
      "kube-controller-manager those of its controllers.";
  act.next = {
      event.issued_credential_id.empty()
          ? absl::StrCat("Find requests of system:serviceaccount:",
                         ShellWord(event.object.ns), ":",
                         ShellWord(event.object.name),
                         " that name no pod in user.extra.")
          : absl::StrCat("Find requests with the credential-id ",
                         ShellWord(event.issued_credential_id), "."),
      absl::StrCat("kubectl -n ", NameWord(event.object.ns, "NAMESPACE"),
                   " delete serviceaccount ",
                   NameWord(event.object.name, "NAME"),
                   "   # ends the token; it is bound to the account alone. "
                   "Make the account again"),
      absl::StrCat("Ask the owner of ", ShellWord(event.user.name),
                   " what the token is for.")};
  act.benign_checks = {"Not a kubelet, not kube-controller-manager."};
  act.attack = {"T1528", "T1098"};
}

}  // namespace

std::optional<ActorAct> JudgeMinting(const AuditEvent& event,
                                     IdentityClass identity) {
  if (identity == IdentityClass::kNode ||
      identity == IdentityClass::kControlPlane || !Succeeded(event)) {
    return std::nullopt;
  }
  bool is_system = event.object.ns == "kube-system";
  absl::Duration life = LifeOf(event);
  if (!is_system && life <= kLongLife) return std::nullopt;
  ActorAct act;
  act.rule = kMintingRule;
  act.threshold = 3;
  act.severity = Severity::kMedium;
  act.novelty = absl::StrCat(A(event.object.ns), "/", A(event.object.name),
                             life > kLongLife ? " for long" : "");
  std::string account =
      absl::StrCat(Named(event.object.ns), "/", A(Named(event.object.name)));
  if (is_system) {
    act.why.push_back({"a service account of kube-system", account, 3});
    if (IsBuiltInController(event.object.name)) {
      act.why.push_back({"of a controller that runs in the control plane",
                         Named(event.object.name), 2});
      act.severity = Severity::kHigh;
    }
  }
  if (life > kLongLife) {
    act.why.push_back({"lives for long", absl::FormatDuration(life), 3});
  }
  Write(event, act);
  return act;
}

}  // namespace oddverb
