// What `oddverb list` prints: the tables of detectors, metrics and outputs, for
// people, for documents (docs/metrics.md is one of them) and for programs.
#ifndef ODDVERB_APP_LIST_TEXT_H_
#define ODDVERB_APP_LIST_TEXT_H_

#include <cstdint>
#include <span>
#include <string>

#include "rules/rule.h"

namespace oddverb {

enum class ListFormat : uint8_t { kText, kMarkdown, kJson };

// Each ends with a line end. Text fits into 80 columns; Markdown is a page of
// its own; JSON is an array of one object a row.
std::string DetectorsText(ListFormat format);
std::string MetricsText(ListFormat format);
std::string OutputsText(ListFormat format);
// In the order given; what rules say of themselves is made harmless.
std::string RulesText(std::span<const Rule* const> rules, ListFormat format);

}  // namespace oddverb

#endif  // ODDVERB_APP_LIST_TEXT_H_
