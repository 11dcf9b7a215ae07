#include "rules/event_part.h"

#include <span>

#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace oddverb {
namespace {

bool IsOfRequest(FieldId id) {
  return id == FieldId::kRequestObject || id == FieldId::kResponseObject;
}

// Whether all texts stand in `raw`, as a list that nobody had to unescape does.
bool StandsIn(std::string_view raw, std::span<const std::string_view> list) {
  const char* at = raw.data();
  for (std::string_view text : list) {
    if (text.data() < at) return false;
    at = text.data() + text.size();
  }
  return at <= raw.data() + raw.size();
}

// Of a list in the event's own text, that text from its first quote: no element
// has a quote in it. Another key begins otherwise.
std::string_view KeyOfList(std::string_view raw,
                           std::span<const std::string_view> list,
                           std::string& scratch) {
  if (list.empty()) return {};
  if (StandsIn(raw, list) && list.front().data() > raw.data()) {
    const char* begin = list.front().data() - 1;
    std::string_view last = list.back();
    if (*begin == '"') {
      return {begin, static_cast<size_t>(last.data() + last.size() - begin)};
    }
  }
  scratch.clear();
  for (std::string_view text : list) {
    absl::StrAppend(&scratch, text.size(), ":", A(text));
  }
  return scratch;
}

}  // namespace

std::optional<EventPart> EventPart::Of(const Field& of) {
  if (const EventField* field = of.decoded(); field != nullptr) {
    if (!field->repeats) return std::nullopt;
    return EventPart{.field = field};
  }
  const EventBody* body = of.body();
  if (body == nullptr) return std::nullopt;
  return EventPart{.body = body};
}

bool EventPart::Repeats() const {
  return field != nullptr || !IsOfRequest(body->id);
}

std::optional<std::string_view> EventPart::KeyOf(const AuditEvent& event,
                                                 std::string& scratch) const {
  if (body != nullptr) {
    std::string_view text = (event.*body->json).text;
    if (!text.empty() && IsOfRequest(body->id)) return std::nullopt;
    return text;
  }
  if (field->text != nullptr) return field->text(event);
  if (field->list != nullptr)
    return KeyOfList(event.raw.text, field->list(event), scratch);
  scratch = std::to_string(event.response_code);
  return scratch;
}

}  // namespace oddverb
