// Reading JSON as Falco's plugins do: by pointers, to texts. Pure functions;
// nothing recurses on the depth of the text.
#ifndef ODDVERB_RULES_FALCO_JSON_H_
#define ODDVERB_RULES_FALCO_JSON_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "model/field.h"
#include "model/json_walk.h"
#include "rules/rule_record.h"

namespace oddverb {

// The parts of a JSON pointer (RFC 6901), "~1" and "~0" decoded; the first "/"
// may be left out, as in Falco.
std::vector<std::string> PointerParts(std::string_view pointer);

// The value at the pointer, positions in arrays being decimal; absent if there
// is none. Of an audit event, bodies are entered where the decoder has them.
RawJson ValueAt(const RuleRecord& record, std::span<const std::string> parts);
RawJson ValueBelow(RawJson root, std::span<const std::string> parts);
// What the decoder has to read for ValueAt().
FieldSet FieldsOfPointer(std::span<const std::string> parts);

// A string without its escapes, anything else as compact JSON; nullopt if
// absent.
std::optional<std::string_view> FalcoTextOf(RawJson value, Arena& arena);

// With line breaks and two blanks for each level, up to kMaxIndentedBytes.
inline constexpr size_t kMaxIndentedBytes = 64 * 1024;
std::string IndentedJson(std::string_view json);

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_JSON_H_
