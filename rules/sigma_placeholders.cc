#include "rules/sigma_placeholders.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/rule_diagnostics.h"

namespace oddverb {
namespace {

// Takes what is in front of the next placeholder, without the escapes, and the
// name of it. False at the end.
bool TakePlaceholder(std::string_view& rest, std::string& letters,
                     std::string_view& name) {
  letters.clear();
  while (!rest.empty()) {
    size_t end = rest.front() == '%' ? rest.find('%', 1) : rest.npos;
    if (end != rest.npos) {
      name = rest.substr(1, end - 1);
      rest.remove_prefix(end + 1);
      return true;
    }
    if (rest.starts_with("\\%")) rest.remove_prefix(1);
    letters += rest.front();
    rest.remove_prefix(1);
  }
  return false;
}

}  // namespace

SigmaExpansion ExpandPlaceholders(std::string_view text,
                                  const SigmaPlaceholders& placeholders,
                                  size_t max_texts) {
  SigmaExpansion expansion{.texts = {""}, .error = {}};
  std::string letters;
  std::string_view name;
  while (TakePlaceholder(text, letters, name)) {
    auto it = placeholders.find(name);
    if (it == placeholders.end()) {
      std::vector<std::string> known;
      for (const auto& [key, list] : placeholders) known.push_back(key);
      std::string quoted = QuotedName(absl::StrCat("%", A(name), "%"));
      return {{},
              absl::StrCat("no values for the placeholder ", quoted,
                           NearestHint(name, known),
                           "; they belong into the configuration, "
                           "rules.placeholders")};
    }
    if (expansion.texts.size() * it->second.size() > max_texts) {
      return {{}, "the placeholders stand for too many values"};
    }
    std::vector<std::string> longer;
    for (const std::string& begun : expansion.texts) {
      for (const std::string& value : it->second) {
        longer.push_back(absl::StrCat(begun, letters, value));
      }
    }
    expansion.texts = std::move(longer);
  }
  for (std::string& begun : expansion.texts) begun += letters;
  return expansion;
}

}  // namespace oddverb
