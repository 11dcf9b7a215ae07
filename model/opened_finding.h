// A finding as it is when one event opens it, in views: what is written of most
// drafts of findings (model/finding_opening.h). None of its texts is copied. It
// has the members of a Finding, by which SaveFinding() writes both in one form.
//
// Borrows from the event and from what it is made with. Thread-safe.
#ifndef ODDVERB_MODEL_OPENED_FINDING_H_
#define ODDVERB_MODEL_OPENED_FINDING_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "model/audit_event.h"
#include "model/finding.h"

namespace oddverb {

struct OpenedFinding {
  // One text, or none.
  class Text {
   public:
    Text() = default;
    explicit Text(std::string_view text) : text_(text) {}
    size_t size() const { return text_.empty() ? 0 : 1; }
    const std::string_view* begin() const { return &text_; }
    const std::string_view* end() const { return begin() + size(); }

   private:
    std::string_view text_;
  };
  using None = std::array<std::string_view, 0>;

  struct Who {
    std::string_view user, credential_id, impersonated, pod, node;
    std::span<const std::string_view> groups;
  };
  struct Where {
    std::string_view source_ip, user_agent;
    None claimed_ips;
  };
  struct What {
    Text verbs, resources, namespaces, names;
  };
  struct FirstEvidence {
    std::string_view audit_id;
    absl::Time time;
    std::string_view verb, uri;
    int code = 0;
  };

  OpenedFinding() = default;
  OpenedFinding(const OpenedFinding&) = delete;  // borrows from itself, too
  OpenedFinding& operator=(const OpenedFinding&) = delete;

  // Whether what `event` opens can be told in views: no text needs to be cut,
  // no list to be cleaned, no claimed address to be told.
  static bool Fits(const AuditEvent& event);

  // As SetSubject() and AddEvidence() of a Finding. REQUIRES: Fits(event).
  void SetEvent(const AuditEvent& event);

  Hash128 id;
  std::string_view cluster, rule, detector;
  std::string_view source = "builtin";
  int rule_version = 1;
  Severity severity = Severity::kInfo;
  double confidence = 0;
  double score = 0;
  double threshold = 0;
  FindingState state = FindingState::kOpen;
  bool warming = false;
  std::string_view title, summary;
  absl::Time time, first_seen, last_seen;
  int64_t count = 0;
  std::string_view entity, entity_kind;
  Who who;
  Where where;
  What what;
  std::array<FindingReason, 0> why;
  std::string_view normal;
  None next, benign_checks, attack;
  std::array<DecodedLayer, 0> decoded;
  std::array<FirstEvidence, 1> evidence;
  std::array<int, 0> practice;

 private:
  std::string resource_;  // what.resources, where it has several parts
};

}  // namespace oddverb

#endif  // ODDVERB_MODEL_OPENED_FINDING_H_
