// An alert as Alertmanager's API v2 knows it, made from a finding. What makes
// an alert one is its set of labels, so nothing is in them that differs between
// two oddverbs that read the same log (no instance, pod, replica, score): then
// Alertmanager sees one alert. All text is bounded, valid UTF-8, and without
// control characters. Pure functions.
#ifndef ODDVERB_EXPORTERS_ALERT_H_
#define ODDVERB_EXPORTERS_ALERT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "base/json_writer.h"
#include "model/finding.h"

namespace oddverb {

struct AlertText {
  std::string name = {};
  std::string value = {};
  friend bool operator==(const AlertText&, const AlertText&) = default;
};
// Sorted by name, each name once, no empty value: as Alertmanager keeps them.
using AlertTexts = std::vector<AlertText>;

struct Alert {
  // At most these; a label's value is at most kMaxLabelBytes.
  static constexpr size_t kMaxLabelBytes = 256;
  static constexpr size_t kMaxDescriptionLines = 12;
  static constexpr size_t kMaxEvidenceLines = 3;

  AlertTexts labels;
  AlertTexts annotations;
  std::string generator_url;  // may be empty
  std::string detector;
  Severity severity = Severity::kInfo;
  // The labels without those that say how bad it is: the trouble stays the same
  // one when it gets worse.
  std::string identity;
};

// What the configuration adds.
struct AlertForm {
  std::string external_url = {};  // of this oddverb, for links; empty: no links
  std::string runbook_url = {};   // the rule's id is put behind it
  AlertTexts labels = {};         // of every alert
};

// InvalidArgument: a URL that is none, a label's name that Alertmanager refuses
// or that is one of ours.
absl::Status CheckAlertForm(const AlertForm& form);

Alert MakeAlert(const Finding& finding, const AlertForm& form);

// Stands for `count` findings of one detector that have no alert of their own;
// `last` is the newest of them. One for each of Alertmanager's severities.
Alert MakeOverflowAlert(const Finding& last, uint64_t count,
                        const AlertForm& form);

// Alertmanager's own id of a label set: FNV-1a, 64 bits.
uint64_t AlertFingerprint(const AlertTexts& labels);

// Empty where there is none.
std::string_view TextOf(const AlertTexts& texts ABSL_ATTRIBUTE_LIFETIME_BOUND,
                        std::string_view name);

// As an object of JSON.
void WriteAlertTexts(const AlertTexts& texts, JsonWriter& json);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_ALERT_H_
