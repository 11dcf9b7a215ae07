// The fields of a decoded AuditEvent by the names that rules give them. Pure
// functions over a constant table.
#ifndef ODDVERB_RULES_EVENT_FIELDS_H_
#define ODDVERB_RULES_EVENT_FIELDS_H_

#include <span>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "model/audit_event.h"
#include "model/field.h"
#include "rules/json_path.h"

namespace oddverb {

// A field that the decoder reads into a place of its own.
struct EventField {
  std::string_view name;
  FieldId id = FieldId::kCount;
  // One text, empty = absent; nullptr for the fields that `read` is for.
  std::string_view (*text)(const AuditEvent&) = nullptr;
  // Appends what the event has; nothing if it is absent.
  void (*read)(const AuditEvent&, Arena&, std::vector<FieldValue>&) = nullptr;
  bool is_list = false;
  // Of a list, its texts.
  std::span<const std::string_view> (*list)(const AuditEvent&) = nullptr;
  // Whether the same values come again and again, as those of names and URIs
  // do not.
  bool repeats = true;
};

// nullptr if there is none of this name.
const EventField* FindEventField(std::string_view name);
std::span<const EventField> EventFields();

// A part of the event that the decoder keeps as JSON text: "requestObject".
struct EventBody {
  std::string_view prefix;
  FieldId id = FieldId::kCount;
  RawJson AuditEvent::*json = nullptr;
};

// The body that `name` lies in ("user.extra.KEY"), and what remains of the
// name behind it; nullptr if there is none.
const EventBody* FindEventBody(std::string_view name, std::string_view& rest);

// Whether the audit format has this field at all: it, something below it, or
// a free part of the event.
bool IsAuditField(std::string_view name);

}  // namespace oddverb

#endif  // ODDVERB_RULES_EVENT_FIELDS_H_
