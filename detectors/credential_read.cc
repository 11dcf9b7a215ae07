#include "detectors/credential_read.h"

#include <array>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/decoded_views.h"
#include "detectors/metadata_surface.h"
#include "detectors/next_steps.h"
#include "model/identity.h"

namespace oddverb {
namespace {

using std::string_view;

struct Place {
  string_view path;
  string_view what;
};
// Where Kubernetes and the clouds put credentials into a container or a node.
constexpr std::array<Place, 11> kPlaces = {{
    {"kubernetes.io/serviceaccount", "the pod's service account token"},
    {"eks.amazonaws.com/serviceaccount", "the pod's token for AWS"},
    {"azure/tokens", "the pod's token for Azure"},
    {"gcp-ksa", "the pod's token for Google Cloud"},
    {"/var/lib/kubelet/pki", "the kubelet's certificate"},
    {"/etc/kubernetes/kubelet.conf", "the kubelet's credentials"},
    {"/etc/kubernetes/admin.conf", "the administrator's credentials"},
    {"/etc/kubernetes/super-admin.conf", "the administrator's credentials"},
    {"/etc/kubernetes/pki", "the cluster's keys"},
    {".kube/config", "a kubeconfig"},
    {".aws/credentials", "AWS credentials"},
}};

// /proc/1/environ, /proc/self/environ, /proc/*/environ
bool NamesEnvironment(string_view text) {
  constexpr string_view kProc = "/proc/";
  constexpr string_view kEnviron = "/environ";
  for (size_t at = 0; (at = text.find(kProc, at)) != text.npos;) {
    at += kProc.size();
    size_t slash = text.find('/', at);
    if (slash == text.npos) return false;
    constexpr size_t kLongest = 12;
    if (slash - at <= kLongest && text.substr(slash).starts_with(kEnviron)) {
      return true;
    }
  }
  return false;
}

string_view CredentialIn(string_view text) {
  for (const Place& place : kPlaces) {
    if (text.find(place.path) != text.npos) return place.what;
  }
  return NamesEnvironment(text) ? "the environment of a process" : "";
}

ActorAct Write(const AuditEvent& event, const DecodedView& view,
               string_view what) {
  ActorAct act;
  act.rule = kCredentialReadRule;
  act.severity = Severity::kMedium;
  act.threshold = 3;
  std::string pod =
      absl::StrCat(Named(event.object.ns), "/", A(Named(event.object.name)));
  act.novelty = absl::StrCat(pod, " ", A(what));
  act.why = {{std::string(what), Bounded(view.text, 160), 3}};
  if (view.depth > 0) {
    act.why.push_back({"the command was disguised",
                       std::string(DecodeLayerName(view.layer)), 2});
    act.severity = Severity::kHigh;
  }
  act.title = "A command in a container reads a credential";
  act.summary =
      absl::StrCat(Named(event.user.name), " from ", Named(event.source_ip),
                   " ran a command in pod ", pod, " that reads ", A(what), ".");
  act.normal = "Programs read their own tokens; people have theirs.";
  act.next = {
      absl::StrCat("Watch where the credential of ", ShellWord(pod),
                   " is used from now: token.outside_its_pod tells."),
      absl::StrCat("kubectl -n ", NameWord(event.object.ns, "NAMESPACE"),
                   " delete pod ", NameWord(event.object.name, "POD"),
                   "   # ends every token bound to it"),
      absl::StrCat("Ask the owner of ", ShellWord(event.user.name),
                   " whether it was their work.")};
  act.benign_checks = {"Somebody who looks for a fault in a pod's rights."};
  act.attack = {"T1528", "T1552.001", "T1609"};
  return act;
}

}  // namespace

std::optional<ActorAct> JudgeCredentialRead(const AuditEvent& event) {
  std::optional<MetadataSurface> surface = SurfaceOf(event);
  if (!surface.has_value() || surface->id != SurfaceId::kExec) {
    return std::nullopt;
  }
  DecodedViews decoded(std::move(surface->text), DecodedViews::Limits());
  for (const DecodedView& view : decoded.views()) {
    string_view what = CredentialIn(view.text);
    if (!what.empty()) return Write(event, view, what);
  }
  return std::nullopt;
}

}  // namespace oddverb
