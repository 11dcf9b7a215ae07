#include "detectors/refusal.h"

namespace oddverb {
namespace {

using std::string_view;

bool Eat(string_view& text, string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Go's %q: quotes and backslashes inside are escaped, so the first bare quote
// ends it, whatever the client put in.
bool EatQuoted(string_view& text) {
  if (!text.starts_with('"')) return false;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

// ` (groups=["a" "b"])`
bool EatGroups(string_view& text) {
  if (!Eat(text, " (groups=[")) return false;
  while (EatQuoted(text)) Eat(text, " ");
  return Eat(text, "])");
}

// rbac/validation and registry/rbac: `user "x" (groups=[...]) is attempting to
// grant RBAC permissions not currently held:`
bool IsEscalationText(string_view text) {
  return Eat(text, "user ") && EatQuoted(text) && EatGroups(text) &&
         text.starts_with(
             " is attempting to grant RBAC permissions not currently held");
}

// plugin/pkg/admission/noderestriction: `node "n" is not allowed to ...`, `node
// "n" can only ...`, and for labels without the name.
bool IsNodeRestrictionText(string_view text) {
  if (text.starts_with("is not allowed to ")) return true;
  if (text.starts_with("pod does not have ")) return true;
  return Eat(text, "node ") && EatQuoted(text) &&
         (text.starts_with(" is not allowed to ") ||
          text.starts_with(" can only "));
}

bool IsAdmissionText(string_view text) {
  return text.starts_with("exceeded quota: ") ||
         text.starts_with("failed quota: ") ||
         text.starts_with("unable to create new content in namespace ") ||
         text.starts_with("violates PodSecurity ") ||
         text.starts_with("ValidatingAdmissionPolicy '");
}

RefusalClass ClassifyAdmission(const AuditEvent& event) {
  // Webhooks answer with a text of their own, without the resource.
  if (event.response_message.starts_with("admission webhook \"")) {
    return RefusalClass::kAdmission;
  }
  string_view text = ServerText(event);
  if (IsEscalationText(text)) return RefusalClass::kEscalation;
  if (event.user.name.starts_with("system:node:") &&
      IsNodeRestrictionText(text)) {
    return RefusalClass::kNodeRestriction;
  }
  if (IsAdmissionText(text)) return RefusalClass::kAdmission;
  return RefusalClass::kAdmissionUnknown;
}

// No decision: refused before the authorizer was asked.
RefusalClass ClassifyUndecided(const AuditEvent& event) {
  string_view text = ServerText(event);
  // The authorizer's own sentence in a log whose annotations were stripped.
  // Everything else that is refused there is an impersonation ("cannot
  // impersonate", "cannot impersonate-on:user-info:list" since 1.35), or has
  // lost its message.
  if (Eat(text, "User ") && EatQuoted(text) &&
      !text.starts_with(" cannot impersonate")) {
    return RefusalClass::kAuthorization;
  }
  return RefusalClass::kImpersonation;
}

}  // namespace

string_view ServerText(const AuditEvent& event) {
  // apimachinery, api/errors.NewForbidden: `%s %q is forbidden: %v`. The
  // resource stands unquoted, but we know its length.
  string_view text = event.response_message;
  if (Eat(text, "forbidden: ")) return text;
  if (!Eat(text, event.object.resource)) return {};
  if (!event.object.api_group.empty() &&
      (!Eat(text, ".") || !Eat(text, event.object.api_group))) {
    return {};
  }
  if (text.starts_with(" \"")) {
    text.remove_prefix(1);
    if (!EatQuoted(text)) return {};
  }
  if (!Eat(text, " is forbidden: ")) return {};
  return text;
}

RefusalClass ClassifyRefusal(const AuditEvent& event) {
  if (event.response_code == 401) return RefusalClass::kUnauthenticated;
  if (event.response_code != 403) return RefusalClass::kNone;
  switch (event.decision) {
    case Decision::kForbid:
      return RefusalClass::kAuthorization;
    case Decision::kAllow:
      return ClassifyAdmission(event);
    case Decision::kAbsent:
      break;
  }
  return ClassifyUndecided(event);
}

bool IsNodeAuthorizerRace(const AuditEvent& event, IdentityClass identity) {
  if (identity != IdentityClass::kNode) return false;
  // The annotation holds the authorizers' words alone; before 1.30 they carry
  // no "node: " in front.
  string_view reason = event.authorization_reason;
  Eat(reason, "node: ");
  return reason.starts_with("no relationship found between node ");
}

}  // namespace oddverb
