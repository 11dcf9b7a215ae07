#include "rules/json_path.h"

#include <array>

#include "base/json_string.h"
#include "rules/canonical_number.h"

namespace oddverb {

std::string_view Unescaped(std::string_view raw, Arena& arena) {
  if (!HasEscape(raw)) return raw;
  char* begin = arena.Allocate(UnescapeRoom(raw.size()));
  char* end = UnescapeJson(raw, begin);
  return {begin, static_cast<size_t>(end - begin)};
}

namespace {

std::string_view NumberText(std::string_view text, Arena& arena) {
  if (IsPlainInteger(text)) return text;
  std::optional<std::string> canonical = CanonicalNumber(text);
  return canonical.has_value() ? arena.Copy(*canonical) : text;
}

FieldValue ValueOf(RawJson json, Arena& arena) {
  FieldValue value{.type = TypeOf(json), .in_array = false, .text = json.text};
  if (value.type == JsonType::kString && json.text.size() >= 2) {
    value.text = Unescaped(json.text.substr(1, json.text.size() - 2), arena);
  } else if (value.type == JsonType::kNumber) {
    value.text = NumberText(json.text, arena);
  }
  return value;
}

// Where a walk stands: the step, and the names of it that are still to come.
struct Place {
  size_t step = 0;
  std::string_view names;
};

class Walker {
 public:
  Walker(const std::vector<PathStep>& steps, Arena& arena,
         std::vector<FieldValue>& out)
      : steps_(steps), arena_(arena), out_(out) {}

  // Recursion is bounded by kMaxPathParts and kMaxNestedArrays, for each part
  // of the path.
  void Walk(RawJson value, Place place, int arrays, bool in_array) {
    if (place.names.empty()) {
      EndStep(value, place.step, arrays, in_array);
    } else if (TypeOf(value) == JsonType::kArray) {
      WalkElements(value, place, arrays);
    } else {
      WalkMembers(value, place, in_array);
    }
  }

 private:
  void EndStep(RawJson value, size_t step, int arrays, bool in_array) {
    if (steps_[step].index.has_value()) {
      value = ElementAt(value, *steps_[step].index);
      if (!value.present()) return;
      in_array = true;
    }
    if (step + 1 < steps_.size()) {
      Walk(value, {step + 1, steps_[step + 1].names}, 0, in_array);
    } else if (TypeOf(value) != JsonType::kArray) {
      Emit(value, in_array);
    } else {
      size_t before = out_.size();
      EmitElements(value, arrays);
      if (out_.size() == before) Emit(value, in_array);
    }
  }

  void WalkElements(RawJson array, Place place, int arrays) {
    if (arrays >= kMaxNestedArrays) return;
    JsonElements elements(array);
    for (RawJson element; elements.Next(element);) {
      Walk(element, place, arrays + 1, true);
    }
  }

  void EmitElements(RawJson array, int arrays) {
    if (arrays >= kMaxNestedArrays) return;
    JsonElements elements(array);
    for (RawJson element; elements.Next(element);) {
      if (TypeOf(element) == JsonType::kArray) {
        EmitElements(element, arrays + 1);
      } else {
        Emit(element, true);
      }
    }
  }

  void WalkMembers(RawJson object, Place place, bool in_array) {
    // By the number of dots in the key: a path of n parts has n first keys.
    std::array<RawJson, kMaxPathParts> found{};
    bool any = false;
    JsonMembers members(object);
    for (JsonMember member; members.Next(member);) {
      std::string_view key = Unescaped(member.raw_key, arena_);
      if (!place.names.starts_with(key)) continue;
      if (key.size() < place.names.size() && place.names[key.size()] != '.') {
        continue;
      }
      size_t dots = 0;
      for (char c : key) dots += c == '.' ? 1 : 0;
      found[dots] = member.value;  // the last of equal keys counts
      any = true;
    }
    if (any) WalkLongestFirst(found, place, in_array);
  }

  void WalkLongestFirst(const std::array<RawJson, kMaxPathParts>& found,
                        Place place, bool in_array) {
    size_t before = out_.size();
    for (size_t dots = found.size(); dots-- > 0 && out_.size() == before;) {
      if (!found[dots].present()) continue;
      size_t end = 0;
      for (size_t left = dots + 1; left > 0; --left) {
        end = place.names.find('.', end == 0 ? 0 : end + 1);
      }
      std::string_view rest;
      if (end != std::string_view::npos) rest = place.names.substr(end + 1);
      Walk(found[dots], {place.step, rest}, 0, in_array);
    }
  }

  RawJson ElementAt(RawJson array, int index) {
    if (TypeOf(array) != JsonType::kArray) return {};
    int64_t wanted = index;
    RawJson element;
    if (wanted < 0) {
      JsonElements counted(array);
      while (counted.Next(element)) ++wanted;
      if (wanted < 0) return {};
    }
    JsonElements elements(array);
    while (elements.Next(element)) {
      if (wanted-- == 0) return element;
    }
    return {};
  }

  void Emit(RawJson json, bool in_array) {
    FieldValue value = ValueOf(json, arena_);
    value.in_array = in_array;
    if (value.type != JsonType::kAbsent) out_.push_back(value);
  }

  const std::vector<PathStep>& steps_;
  Arena& arena_;
  std::vector<FieldValue>& out_;
};

}  // namespace

void ReadPath(RawJson root, const std::vector<PathStep>& steps, Arena& arena,
              std::vector<FieldValue>& out) {
  if (!root.present() || steps.empty()) return;
  Walker(steps, arena, out).Walk(root, {0, steps[0].names}, 0, false);
}

void ReadAllTexts(RawJson root, Arena& arena, std::vector<FieldValue>& out) {
  std::string_view text = root.text;
  for (size_t at = 0; at < text.size();) {
    char c = text[at];
    if (c == '"') {
      size_t end = at + 1;
      while (end < text.size() && text[end] != '"') {
        end += text[end] == '\\' ? 2 : 1;
      }
      if (end >= text.size()) return;
      out.push_back({JsonType::kString, true,
                     Unescaped(text.substr(at + 1, end - at - 1), arena)});
      at = end + 1;
    } else if (c == 't' || c == 'f' || c == '-' || (c >= '0' && c <= '9')) {
      size_t end = text.find_first_of(",:]}[{\" \n\r\t", at);
      if (end == std::string_view::npos) end = text.size();
      out.push_back(ValueOf({text.substr(at, end - at)}, arena));
      at = end;
    } else {
      ++at;
    }
  }
}

}  // namespace oddverb
