// Keeps every finding that it is given.
#ifndef ODDVERB_TESTS_SUPPORT_CAPTURING_EXPORTER_H_
#define ODDVERB_TESTS_SUPPORT_CAPTURING_EXPORTER_H_

#include <string>
#include <vector>

#include "exporters/exporter.h"
#include "exporters/finding_json.h"

namespace oddverb {

class CapturingExporter final : public Exporter {
 public:
  absl::Status Export(std::span<const Finding> findings, absl::Time) override {
    findings_.insert(findings_.end(), findings.begin(), findings.end());
    return failure_;
  }
  absl::Status Finish() override {
    finished_ = true;
    return absl::OkStatus();
  }
  void FailWith(absl::Status failure) { failure_ = std::move(failure); }

  const std::vector<Finding>& findings() const { return findings_; }
  bool finished() const { return finished_; }
  // One JSON line for each, as the ndjson exporter writes them.
  std::string Ndjson() const {
    std::string text;
    for (const Finding& finding : findings_) {
      AppendFindingJson(finding, text);
      text += '\n';
    }
    return text;
  }

 private:
  std::vector<Finding> findings_;
  absl::Status failure_;
  bool finished_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_CAPTURING_EXPORTER_H_
