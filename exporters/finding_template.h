// A text with places for parts of a finding: the body of a webhook for a chat,
// a pager, a ticket system. Immutable after Parse(), so thread-safe.
//
//   {"text": "${severity|upper}: ${summary|slack|cut=3000}"}
//
// A place is ${NAME} or ${NAME|OPTION|OPTION...}; "$${" stands for "${". What
// is put in is escaped for the inside of a JSON string, and for people: one
// line for each value, controls and invisible characters shown as \n, \x1b,
// \u{202e}. No value is longer than kMaxValueBytes, however long the finding's
// is.
//
//   or=TEXT  TEXT where the value is empty
//   upper    ASCII letters as capitals
//   slack    & < > as Slack's mrkdwn wants them
//   cut=N    at most N characters (UTF-16 units, after `slack`), with "..."
//   raw      not escaped for JSON, for a body that is no JSON
// Their order does not matter: or, upper, slack, cut, then JSON.
#ifndef ODDVERB_EXPORTERS_FINDING_TEMPLATE_H_
#define ODDVERB_EXPORTERS_FINDING_TEMPLATE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "model/finding.h"

namespace oddverb {

class FindingTemplate {
 public:
  static constexpr size_t kMaxValueBytes = 8192;

  struct Options {
    std::string text = {};
    std::string name = "template";  // for messages: a file, a configuration key
    // Further places and what they stand for, such as a pager's routing key.
    // May be secret: never part of a message.
    std::vector<std::pair<std::string, std::string>> values = {};
    // ${url} is this and the finding's id; empty if this is.
    std::string finding_url = {};
  };
  // InvalidArgument with place and nearest name for a name or option that is
  // unknown, or a place that does not end.
  static absl::StatusOr<FindingTemplate> Parse(const Options& options);

  std::string Fill(const Finding& finding) const;

  // The names that every template may use, sorted.
  static std::vector<std::string> Names();

 private:
  struct Place {
    int field = -1;  // in the table of fields; -1: `constant`
    std::string constant = {};
    std::string fallback = {};
    size_t max_units = 0;  // 0 = no limit but kMaxValueBytes
    bool upper = false;
    bool slack = false;
    bool raw = false;
    bool is_url = false;
  };
  struct Piece {
    std::string text = {};  // before the place
    std::optional<Place> place = {};
  };
  class Parser;

  std::string Value(const Place& place, const Finding& finding) const;

  std::vector<Piece> pieces_;
  std::string finding_url_;
};

// One of exporters/templates/, by its name without ".json": pagerduty, slack,
// teams. Empty for any other name.
std::string_view ShippedTemplate(std::string_view name);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_FINDING_TEMPLATE_H_
