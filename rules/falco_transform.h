// Falco's functions of fields: tolower(), toupper(), b64(), basename(), len(),
// join(), concat(). Pure functions.
#ifndef ODDVERB_RULES_FALCO_TRANSFORM_H_
#define ODDVERB_RULES_FALCO_TRANSFORM_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/falco_field.h"

namespace oddverb {

// A field, or a text.
struct FalcoOperand {
  std::optional<FalcoField> field = std::nullopt;
  std::string text = {};
};

// What the function makes of its operands: has no value where they have none,
// nor for text that is not Base64. "val" is the field itself. InvalidArgument
// for an unknown function (with the nearest known one) and for operands that
// it does not take.
absl::StatusOr<FalcoField> TransformFalcoField(
    std::string_view function, std::vector<FalcoOperand> operands);

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_TRANSFORM_H_
