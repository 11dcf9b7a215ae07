// Walks a RawJson on demand: members of objects, elements of arrays, values by
// path. For bodies and annotations, which few detectors and rules look into.
//
// Works on any bytes: never reads outside of the text, never recurses, always
// ends. Text that is no JSON yields what can be made out before the damage,
// and then nothing. Values are skipped, not validated. Plain values; all views
// borrow from the text that was given.
//
//   for (JsonMember member; members.Next(member);) ...
#ifndef ODDVERB_MODEL_JSON_WALK_H_
#define ODDVERB_MODEL_JSON_WALK_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/raw_json.h"

namespace oddverb {

enum class JsonType : uint8_t {
  kAbsent,  // empty, or no JSON value
  kNull,
  kBool,
  kNumber,
  kString,
  kArray,
  kObject
};
// By the first byte that is not white space.
JsonType TypeOf(RawJson value);

struct JsonMember {
  std::string_view raw_key;  // as written, without quotes
  RawJson value;             // without white space around it

  // Whether the key, once unescaped, is `name`.
  bool KeyIs(std::string_view name) const;
  // The key unescaped; `scratch` is used if it must be.
  std::string_view Key(std::string& scratch) const;
};

// Members in their order, also those that repeat a key. None for a value that
// is no object.
class JsonMembers {
 public:
  explicit JsonMembers(RawJson object);
  // False at the end.
  bool Next(JsonMember& out);
  // Once it is: whether the object ended there, and nothing is behind it; else
  // there is damage.
  bool complete() const { return complete_; }

 private:
  std::string_view rest_;
  bool complete_ = false;
};

// Elements in their order. None for a value that is no array.
class JsonElements {
 public:
  explicit JsonElements(RawJson array);
  bool Next(RawJson& out);
  // As above.
  bool complete() const { return complete_; }

 private:
  std::string_view rest_;
  bool complete_ = false;
};

// The last member of this name, as Go's decoder takes it; absent if there is
// none. Only the object's top level counts.
RawJson FindMember(RawJson object, std::string_view name);

// FindMember() along `names`; an absent value anywhere makes it absent. Arrays
// are not entered.
RawJson FindPath(RawJson root, std::span<const std::string_view> names);

// The string without its escapes: a view into the value where it has none,
// else into `scratch`. nullopt for any other type.
std::optional<std::string_view> StringOf(RawJson value, std::string& scratch);
std::optional<bool> BoolOf(RawJson value);
// nullopt also for a number that is no integer or does not fit.
std::optional<int64_t> IntOf(RawJson value);

}  // namespace oddverb

#endif  // ODDVERB_MODEL_JSON_WALK_H_
