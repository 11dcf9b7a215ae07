// What a rule judges: an audit event that the decoder has read, or any other
// JSON value as text. Borrows; one event long.
//
// Of an audit event the decoded fields are asked first. The API server leaves
// out empty strings, so an empty decoded field counts as absent; only for other
// JSON text can "present and empty" be told from "absent" at every place.
#ifndef ODDVERB_RULES_RULE_RECORD_H_
#define ODDVERB_RULES_RULE_RECORD_H_

#include "model/audit_event.h"
#include "model/raw_json.h"
#include "rules/json_path.h"

namespace oddverb {

class RuleRecord {
 public:
  explicit RuleRecord(const AuditEvent& event)
      : event_(&event), root_(event.raw) {}
  explicit RuleRecord(RawJson root) : root_(root) {}
  // An element of an array, as a field has read it.
  explicit RuleRecord(const FieldValue& element) {
    if (element.IsScalar()) {
      scalar_ = &element;
    } else {
      root_.text = element.text;
    }
  }

  // nullptr for other JSON text.
  const AuditEvent* event() const { return event_; }
  RawJson root() const { return root_; }
  // Where the record is a string, number or boolean alone; else nullptr.
  const FieldValue* scalar() const { return scalar_; }

 private:
  const AuditEvent* event_ = nullptr;
  const FieldValue* scalar_ = nullptr;
  RawJson root_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_RULE_RECORD_H_
