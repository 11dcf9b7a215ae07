// Parts of an event that come again and again (users, programs, annotations),
// or are often missing (bodies): what tests say of them can be remembered.
// Pure functions; thread-safe.
#ifndef ODDVERB_RULES_EVENT_PART_H_
#define ODDVERB_RULES_EVENT_PART_H_

#include <optional>
#include <string>
#include <string_view>

#include "model/audit_event.h"
#include "rules/event_fields.h"
#include "rules/rule_field.h"

namespace oddverb {

struct EventPart {
  const EventField* field = nullptr;  // either
  const EventBody* body = nullptr;    // or

  // The one that all values of `of` come from; nullopt: there is none, or it
  // hardly ever repeats (names, URIs).
  static std::optional<EventPart> Of(const Field& of);

  // Whether it is worth remembering by its text. Of the others only that they
  // are missing is.
  bool Repeats() const;
  // Different for events in which the part is different; nullopt: there is a
  // part, but not one that repeats. May lie in `scratch`.
  std::optional<std::string_view> KeyOf(const AuditEvent& event,
                                        std::string& scratch) const;

  friend bool operator==(const EventPart&, const EventPart&) = default;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_EVENT_PART_H_
