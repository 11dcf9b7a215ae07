// The fields of Falco's rules for the Kubernetes audit log: `ka.*` (plugin
// k8saudit), `jevt.*` and `json.*` (plugin json), and those of `evt.*` that
// follow from the event. Pure functions over a constant table.
//
// All are texts or lists of texts, read from the same places of the event as
// by Falco. What lies there as an object or an array is its JSON text, numbers
// and booleans are as they are written. Two fields read what their names say
// and not, as in k8saudit 0.18, a path that no event has: `ka.sourceips` and
// `eff_run_as_user` (`_group`).
#ifndef ODDVERB_RULES_FALCO_FIELD_H_
#define ODDVERB_RULES_FALCO_FIELD_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/rule_field.h"

namespace oddverb {

struct FalcoField {
  enum class Type : uint8_t { kText, kNumber };
  std::string name;  // as Falco has it, for messages
  Field field;
  bool is_list = false;
  Type type = Type::kText;
};

// "ka.uri.param" with the argument "command". InvalidArgument for an unknown
// name (with the nearest known one), and for an argument that is missing, not
// wanted, or no position.
absl::StatusOr<FalcoField> FindFalcoField(
    std::string_view name, std::optional<std::string_view> argument);

// All names, sorted.
const std::vector<std::string>& FalcoFieldNames();

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_FIELD_H_
