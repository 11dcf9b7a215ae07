#include "detectors/growing_finding.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "detectors/finding_text.h"

namespace oddverb {
namespace {

// Told again at 8, 16, 32, ... requests.
constexpr int64_t kFirstUpdate = 8;

}  // namespace

void MergeFinding(const Finding& more, Finding& finding) {
  for (const Evidence& evidence : more.evidence) {
    if (finding.evidence.size() >= Finding::kMaxEvidence) break;
    finding.evidence.push_back(evidence);
  }
  for (const std::string& text : more.what.verbs) {
    AddDistinct(text, finding.what.verbs);
  }
  for (const std::string& text : more.what.resources) {
    AddDistinct(text, finding.what.resources);
  }
  for (const std::string& text : more.what.namespaces) {
    AddDistinct(text, finding.what.namespaces);
  }
  for (const std::string& text : more.what.names) {
    AddDistinct(text, finding.what.names);
  }
  finding.last_seen = std::max(finding.last_seen, more.last_seen);
}

void CountTo(int64_t count, Finding& finding, Emit& out) {
  int64_t step = kFirstUpdate;
  while (step <= finding.count && step <= INT64_MAX / 2) step *= 2;
  finding.count = std::max(finding.count, count);
  if (finding.count < step) return;
  finding.state = FindingState::kUpdate;
  out.Report(finding);
}

double ConfidenceIn(const Finding& finding) {
  if (finding.severity <= Severity::kLow) return 0.3;
  return std::min(0.99, 0.5 + finding.score / 20);
}

void ReplaceFinding(Finding graver, Finding& finding) {
  std::vector<Evidence> evidence = std::move(graver.evidence);
  graver.evidence = std::move(finding.evidence);
  if (graver.evidence.empty()) graver.evidence = std::move(evidence);
  graver.first_seen = std::min(graver.first_seen, finding.first_seen);
  graver.count = std::max(graver.count, finding.count);
  finding.evidence.clear();
  MergeFinding(finding, graver);
  finding = std::move(graver);
}

void RaiseFinding(Finding graver, Finding& finding, Emit& out) {
  ReplaceFinding(std::move(graver), finding);
  finding.state = FindingState::kUpdate;
  out.Report(finding);
}

}  // namespace oddverb
