// The output of a Falco rule: a text with fields in it,
// "Pod created (user=%ka.user.name ns=%ka.target.namespace)". Immutable;
// thread-safe.
#ifndef ODDVERB_RULES_FALCO_OUTPUT_H_
#define ODDVERB_RULES_FALCO_OUTPUT_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/falco_expression.h"
#include "rules/rule_record.h"

namespace oddverb {

class FalcoOutput {
 public:
  // Of one value (as Falco), and of the whole.
  static constexpr size_t kMaxValueBytes = 1023;
  static constexpr size_t kMaxBytes = 16 * 1024;

  // "%FIELD", "%FIELD[ARGUMENT]", "%FUNCTION(FIELD)", "%20FIELD" (that many
  // bytes, cut or filled up), "%%". nullptr with a complaint.
  static std::shared_ptr<const FalcoOutput> Compile(std::string_view text,
                                                    FalcoComplaint& complaint);

  // As Falco prints it: "<NA>" where the event has no value, "(a,b)" for lists.
  // What the event's author wrote is in it as it is.
  std::string Format(const RuleRecord& record) const;

  // What the decoder has to read for it.
  FieldSet fields() const;

 private:
  struct Part {
    std::string text;  // before the field
    std::optional<FalcoField> field;
    size_t width = 0;  // 0: as wide as it is
  };
  std::vector<Part> parts_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_OUTPUT_H_
