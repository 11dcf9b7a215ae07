// The matchers of Alertmanager's API, such as severity=~"critical|warning".
// Immutable, thread-safe.
#ifndef ODDVERB_EXPORTERS_ALERT_MATCHER_H_
#define ODDVERB_EXPORTERS_ALERT_MATCHER_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "exporters/alert.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace oddverb {

// A regular expression that has to match all of a text, in the syntax of Go
// (RE2: linear time, so an expression of a stranger does no harm).
class WholeMatch {
 public:
  static absl::StatusOr<WholeMatch> Parse(std::string_view expression);
  bool Matches(std::string_view text) const;

 private:
  explicit WholeMatch(std::shared_ptr<const re2::RE2> compiled);
  std::shared_ptr<const re2::RE2> compiled_;
};

class AlertMatcher {
 public:
  // NAME=VALUE, !=, =~, !~; the value quoted or not. InvalidArgument says what
  // is wrong in Alertmanager's words.
  static absl::StatusOr<AlertMatcher> Parse(std::string_view text);
  // A label that is not there counts as empty.
  bool Matches(const AlertTexts& labels) const;

 private:
  enum class Operator { kEqual, kNotEqual, kMatches, kMatchesNot };
  AlertMatcher() = default;

  std::string name_;
  Operator operator_ = Operator::kEqual;
  std::string value_;
  std::shared_ptr<const WholeMatch> expression_;
};

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_ALERT_MATCHER_H_
