#include "pipeline/secret_bodies.h"

#include <algorithm>
#include <optional>

#include "model/json_walk.h"

namespace oddverb {
namespace {

constexpr std::string_view kNothingLeft = "{";

bool IsSecretResource(std::string_view resource) {
  // tokenrequests: what some versions call the subresource of serviceaccounts.
  constexpr std::string_view kSecret[] = {"secrets", "tokenreviews",
                                          "tokenrequests"};
  return std::find(std::begin(kSecret), std::end(kSecret), resource) !=
         std::end(kSecret);
}

// Whether bodies of this objectRef hold no secret for sure.
bool IsHarmless(RawJson reference) {
  bool names_resource = false;
  bool is_account = false;
  bool is_token = false;
  JsonMembers members(reference);
  std::string scratch;
  for (JsonMember member; members.Next(member);) {
    std::optional<std::string_view> text = StringOf(member.value, scratch);
    // Each of those that repeat a key counts: who knows which one is taken.
    if (member.KeyIs("resource")) {
      if (!text.has_value() || IsSecretResource(*text)) return false;
      names_resource = true;
      is_account |= *text == "serviceaccounts";
    } else if (member.KeyIs("subresource")) {
      is_token |= text == "token";
    }
  }
  return members.complete() && names_resource && !(is_account && is_token);
}

// What an object shows of itself.
struct Shape {
  bool is_event = false;  // or a list
  bool is_harmless = false;
  bool is_complete = false;
};

bool IsItems(const JsonMember& member) {
  return member.KeyIs("items") && TypeOf(member.value) == JsonType::kArray;
}

Shape ShapeOf(RawJson object) {
  Shape shape;
  bool has_reference = false;
  bool all_harmless = true;
  JsonMembers members(object);
  for (JsonMember member; members.Next(member);) {
    shape.is_event |=
        member.KeyIs("auditID") || member.KeyIs("verb") || IsItems(member);
    if (!member.KeyIs("objectRef")) continue;
    has_reference = true;
    all_harmless &= IsHarmless(member.value);
  }
  shape.is_harmless = has_reference && all_harmless;
  shape.is_complete = members.complete();
  return shape;
}

// Copies a document, with other bytes in some places. Only its own array and
// lists in it are entered, and lists hold no lists: the depth is bounded.
class Copy {
 public:
  explicit Copy(std::string_view from) : rest_(from.data()) {
    out_.reserve(from.size());
  }

  // False where it is damaged.
  bool Document(RawJson value) {
    JsonType type = TypeOf(value);
    if (type == JsonType::kObject) return Object(value, Lists::kAllowed);
    return type == JsonType::kArray && Array(value, Lists::kAllowed);
  }

  std::string Finish(std::string_view from) && {
    UpTo(from.data() + from.size());
    return std::move(out_);
  }

 private:
  enum class Lists : uint8_t { kAllowed, kRefused };

  void UpTo(const char* end) {
    out_.append(rest_, static_cast<size_t>(end - rest_));
    rest_ = end;
  }
  void Replace(RawJson value, std::string_view by) {
    UpTo(value.text.data());
    out_ += by;
    rest_ = value.text.data() + value.text.size();
  }

  bool Array(RawJson array, Lists lists) {
    JsonElements elements(array);
    for (RawJson element; elements.Next(element);) {
      if (TypeOf(element) != JsonType::kObject) {
        Replace(element, "null");
      } else if (!Object(element, lists)) {
        return false;
      }
    }
    return elements.complete();
  }

  bool Object(RawJson object, Lists lists) {
    Shape shape = ShapeOf(object);
    if (!shape.is_complete) return false;
    if (!shape.is_event) {
      Replace(object, "{}");
      return true;
    }
    JsonMembers members(object);
    for (JsonMember member; members.Next(member);) {
      bool is_body =
          member.KeyIs("requestObject") || member.KeyIs("responseObject");
      if (is_body && !shape.is_harmless) {
        Replace(member.value, "null");
      } else if (member.KeyIs("items")) {
        bool is_list = lists == Lists::kAllowed && IsItems(member);
        if (!is_list) {
          Replace(member.value, "null");
        } else if (!Array(member.value, Lists::kRefused)) {
          return false;
        }
      }
    }
    return true;
  }

  const char* rest_;  // not copied yet
  std::string out_;
};

}  // namespace

std::string WithoutSecretBodies(std::string_view posted) {
  Copy copy(posted);
  if (!copy.Document({posted})) return std::string(kNothingLeft);
  return std::move(copy).Finish(posted);
}

}  // namespace oddverb
