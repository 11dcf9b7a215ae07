// Walks a dotted path into JSON text. A key that has dots itself is found: of
// all ways to split the path, the one with the longest key that leads to a
// value is taken. Arrays are entered, every element is a value of its own.
//
// Appends to vectors and an arena of the caller, so that nothing is allocated
// once those have grown. Never recurses on the depth of the text.
#ifndef ODDVERB_RULES_JSON_PATH_H_
#define ODDVERB_RULES_JSON_PATH_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "model/json_walk.h"

namespace oddverb {

// A value that a field has in an event. Strings are unescaped, numbers in
// their canonical spelling, all else is the JSON text.
struct FieldValue {
  JsonType type = JsonType::kAbsent;
  bool in_array = false;
  std::string_view text = {};

  // Whether it can be compared with a text: a string, a number or a boolean.
  bool IsScalar() const {
    return type == JsonType::kString || type == JsonType::kNumber ||
           type == JsonType::kBool;
  }
};

// One stretch of a path: names with dots between them, then perhaps the
// position of an element ("args[0]"; from the end where it is negative).
struct PathStep {
  std::string names;
  std::optional<int> index = std::nullopt;

  friend bool operator==(const PathStep&, const PathStep&) = default;
};

// Parts of all steps together; deeper than any Kubernetes object.
inline constexpr size_t kMaxPathParts = 32;
// Arrays directly inside of arrays that are entered; audit events have none.
inline constexpr int kMaxNestedArrays = 8;

// The inside of a JSON string without its escapes; in `arena` if it has any.
std::string_view Unescaped(std::string_view raw, Arena& arena);

// Appends the values at `steps` below `root`; elements of an array, or the
// empty array itself as a value that equals nothing.
void ReadPath(RawJson root, const std::vector<PathStep>& steps, Arena& arena,
              std::vector<FieldValue>& out);

// Appends the keys and the strings, numbers and booleans at any depth.
void ReadAllTexts(RawJson root, Arena& arena, std::vector<FieldValue>& out);

}  // namespace oddverb

#endif  // ODDVERB_RULES_JSON_PATH_H_
