#include "detectors/deleted_pod.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"
#include "detectors/pod_events.h"

namespace oddverb {
namespace {

constexpr std::string_view kReason = "used after its pod was gone";
constexpr size_t kMaxNameInText = 100;

}  // namespace

void AddReasonDeletedPod(absl::Time gone, absl::Time now, Finding& finding) {
  AddReason(kReason, absl::StrCat(SpanText(gone, now), " later"), 5, finding);
}

bool TellsOfDeletedPod(const Finding& finding) {
  return std::any_of(
      finding.why.begin(), finding.why.end(),
      [](const FindingReason& reason) { return reason.feature == kReason; });
}

void WriteDeletedPod(absl::Time gone, absl::Time now, Finding& used) {
  used.threshold = 5;
  AddReasonDeletedPod(gone, now, used);
  used.severity = Severity::kHigh;
  used.confidence = 0.85;
  used.title = "Token of a pod used after the pod was gone";
  const std::string pod = Bounded(used.who.pod, kMaxNameInText);
  used.summary = absl::StrCat(
      Bounded(used.entity, kMaxNameInText), ": the token of pod ", pod,
      " is used from ", Bounded(used.where.source_ip, kMaxNameInText), ", ",
      SpanText(gone, now), " after its kubelet had ended the pod.");
  used.normal =
      "A token ends with its pod: the last request comes before the kubelet "
      "deletes the pod, which it does when the containers have stopped.";
  const std::string ns =
      NameWord(NamespaceOfAccount(used.who.user), "NAMESPACE");
  used.next = {
      absl::StrCat("Find what ", ShellWord(used.where.source_ip),
                   " is: nothing of pod ", ShellWord(pod), " runs any more."),
      absl::StrCat("Look for everything that ",
                   ShellWord(used.who.credential_id), " did."),
      absl::StrCat("kubectl -n ", ns,
                   " get events   # why the pod ended; delete the service "
                   "account to end all of its tokens"),
      "Look at why the API server took it: --service-account-lookup must not "
      "be false."};
  used.benign_checks = {
      "Not the pod's last requests: its kubelet had deleted it more than a "
      "minute before.",
      "Not the end of a watch that began earlier: counted is when a request "
      "came."};
  used.attack = {"T1528", "T1550.001"};
  used.practice = {9};
}

}  // namespace oddverb
