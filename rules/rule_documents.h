// Texts of rules cut into their YAML documents and items, so that a broken one
// costs no other. Pure functions.
#ifndef ODDVERB_RULES_RULE_DOCUMENTS_H_
#define ODDVERB_RULES_RULE_DOCUMENTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

// One document of a text, with the line it begins in.
struct RuleDocument {
  std::string_view text;
  uint32_t first_line = 1;

  // Whether its first line that is no comment begins with "-".
  bool IsList() const;
};

std::vector<RuleDocument> SplitDocuments(std::string_view text);

// The items of a list that is not indented, each as a list of one.
std::vector<RuleDocument> SplitItems(const RuleDocument& list);

// "FILE:LINE:COLUMN: MESSAGE" of the YAML reader.
struct PlacedMessage {
  uint32_t line = 1;
  uint32_t column = 1;
  std::string message;
};
PlacedMessage ParsePlaced(std::string_view text, std::string_view file);

}  // namespace oddverb

#endif  // ODDVERB_RULES_RULE_DOCUMENTS_H_
