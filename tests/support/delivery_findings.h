// Small findings for tests of the delivery.
#ifndef ODDVERB_TESTS_SUPPORT_DELIVERY_FINDINGS_H_
#define ODDVERB_TESTS_SUPPORT_DELIVERY_FINDINGS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/finding.h"

namespace oddverb {

// The start of a window of ten minutes.
inline const absl::Time kDeliveryStart = absl::FromUnixSeconds(1'700'000'400);

// Finding `id` of rule "test.rule", of an entity of its own.
inline Finding FindingOf(uint64_t id, Severity severity, double score = 8) {
  Finding finding;
  finding.id = {0, id};
  finding.rule = "test.rule";
  finding.detector = "test";
  finding.cluster = "lab";
  finding.entity = absl::StrCat("user-", id);
  finding.severity = severity;
  finding.score = score;
  finding.count = 1;
  finding.time = kDeliveryStart;
  finding.first_seen = finding.last_seen = kDeliveryStart;
  finding.attack = {"T1613"};
  return finding;
}

// "7 open medium 8": id, state, severity, score.
inline std::string LineOf(const Finding& finding) {
  return absl::StrCat(
      finding.id.low, " ", std::string(FindingStateName(finding.state)), " ",
      std::string(SeverityName(finding.severity)), " ", finding.score);
}
inline std::vector<std::string> LinesOf(const std::vector<Finding>& findings) {
  std::vector<std::string> lines;
  for (const Finding& finding : findings) lines.push_back(LineOf(finding));
  return lines;
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_DELIVERY_FINDINGS_H_
