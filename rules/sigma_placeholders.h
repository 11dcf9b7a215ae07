// "%NAME%" in the values of a Sigma rule, where the modifier `expand` asks for
// it: a list from the configuration. Pure functions.
#ifndef ODDVERB_RULES_SIGMA_PLACEHOLDERS_H_
#define ODDVERB_RULES_SIGMA_PLACEHOLDERS_H_

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

using SigmaPlaceholders =
    std::map<std::string, std::vector<std::string>, std::less<>>;

struct SigmaExpansion {
  std::vector<std::string> texts;
  std::string error;  // empty = good
};

// `text` with each placeholder replaced by each of its values; "\%" is a
// percent sign, and so is one without a partner. An unknown name is an error,
// as are more than `max_texts` results.
SigmaExpansion ExpandPlaceholders(std::string_view text,
                                  const SigmaPlaceholders& placeholders,
                                  size_t max_texts);

}  // namespace oddverb

#endif  // ODDVERB_RULES_SIGMA_PLACEHOLDERS_H_
