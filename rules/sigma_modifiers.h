// One item of a Sigma detection: a field, its modifiers, its values, as a
// predicate.
#ifndef ODDVERB_RULES_SIGMA_MODIFIERS_H_
#define ODDVERB_RULES_SIGMA_MODIFIERS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/predicate.h"
#include "rules/sigma_placeholders.h"

namespace oddverb {

struct SigmaItem {
  Field field;
  std::vector<std::string_view> modifiers = {};
  std::vector<std::optional<std::string_view>> values = {};  // nullopt = null
  // An absent field counts as '' (the API server leaves out empty strings).
  bool empty_matches_absent = false;
};

// What is wrong, and with which part of the item.
struct SigmaItemError {
  static constexpr size_t kNone = ~size_t{0};
  size_t modifier = kNone;
  size_t value = kNone;
  std::string message;
  bool is_warning = false;
};

// Bounds what one item can grow to by base64offset, windash and placeholders.
inline constexpr size_t kMaxItemValues = 10'000;

// False() where there are errors.
Predicate BuildSigmaItem(const SigmaItem& item,
                         const SigmaPlaceholders& placeholders,
                         std::vector<SigmaItemError>& errors);

}  // namespace oddverb

#endif  // ODDVERB_RULES_SIGMA_MODIFIERS_H_
