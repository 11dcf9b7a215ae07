#include "ingest/field_reader.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <optional>

#include "absl/strings/numbers.h"
#include "base/strings.h"
#include "ingest/field_keys.h"

namespace oddverb {
namespace {

// The keys of an object of which one has been seen.
class SeenKeys {
 public:
  // Whether `key` (a number below 32) was there before.
  bool Repeats(uint32_t key) {
    bool repeats = (seen_ >> key & 1) != 0;
    seen_ |= 1u << key;
    return repeats;
  }

 private:
  uint32_t seen_ = 0;
};

bool Has(const FieldSet& fields, FieldId id) {
  return fields.test(static_cast<size_t>(id));
}

// The fields of the event that these keys fill; nullptr = none.
std::string_view* ExtraField(ExtraKey key, AuditEvent& event) {
  switch (key) {
    case ExtraKey::kCredentialId:
      return &event.credential_id;
    case ExtraKey::kNodeName:
      return &event.node_name;
    case ExtraKey::kNodeUid:
      return &event.node_uid;
    case ExtraKey::kPodName:
      return &event.pod_name;
    case ExtraKey::kPodUid:
      return &event.pod_uid;
    case ExtraKey::kOther:
      break;
  }
  return nullptr;
}

std::string_view* ReferenceField(ReferenceKey key, ObjectReference& object) {
  switch (key) {
    case ReferenceKey::kResource:
      return &object.resource;
    case ReferenceKey::kNamespace:
      return &object.ns;
    case ReferenceKey::kName:
      return &object.name;
    case ReferenceKey::kUid:
      return &object.uid;
    case ReferenceKey::kApiGroup:
      return &object.api_group;
    case ReferenceKey::kApiVersion:
      return &object.api_version;
    case ReferenceKey::kSubresource:
      return &object.subresource;
    case ReferenceKey::kOther:
      break;
  }
  return nullptr;
}

// An HTTP status in any spelling of a number; 0 for what cannot be one.
int CodeOf(std::string_view number) {
  if (number.size() == 3) {
    unsigned value = 0;
    bool digits = true;
    for (char c : number) {
      unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
      digits = digits && digit <= 9;
      value = value * 10 + digit;
    }
    if (digits) return static_cast<int>(value);
  }
  double value = 0;
  if (!absl::SimpleAtod(A(number), &value) || !std::isfinite(value) ||
      value < 0 || value > std::numeric_limits<int>::max()) {
    return 0;
  }
  return static_cast<int>(value);
}

}  // namespace

FieldReader::FieldReader(FieldSet fields,
                         std::vector<IpNetwork> trusted_proxies)
    : trusted_proxies_(std::move(trusted_proxies)),
      reads_user_name_(Has(fields, FieldId::kUserName)),
      reads_user_uid_(Has(fields, FieldId::kUserUid)),
      reads_user_groups_(Has(fields, FieldId::kUserGroups)),
      reads_user_extra_(Has(fields, FieldId::kUserExtra)) {}

bool FieldReader::ReadTime(TokenCursor& cursor, absl::Time& out) {
  std::string_view text;
  if (!ReadString(cursor, text)) return false;
  out = timestamps_.Read(text);
  return true;
}

// What `key_of` says of a key, which may be written with escapes.
template <class KeyOf>
auto FieldReader::Identify(std::string_view raw_key, KeyOf key_of) {
  auto key = key_of(raw_key);
  if (key == decltype(key)::kOther && HasEscapePadded(raw_key)) {
    key = key_of(Text(raw_key));
  }
  return key;
}

bool FieldReader::ReadUser(TokenCursor& cursor, AuditEvent& event) {
  if (cursor.Peek() != '{') return cursor.SkipValue();
  SeenKeys seen;
  return cursor.ForEachMember([&](std::string_view raw_key) {
    UserKey key = Identify(raw_key, UserKeyOf);
    if (key == UserKey::kOther) return cursor.SkipValue();
    event.duplicate_keys |= seen.Repeats(static_cast<uint32_t>(key));
    if (key == UserKey::kUsername && reads_user_name_) {
      return ReadString(cursor, event.user.name);
    }
    if (key == UserKey::kUid && reads_user_uid_) {
      return ReadString(cursor, event.user.uid);
    }
    if (key == UserKey::kGroups && reads_user_groups_) {
      return ReadStrings(cursor, event.user.groups);
    }
    if (key == UserKey::kExtra && reads_user_extra_) {
      return ReadUserExtra(cursor, event);
    }
    return cursor.SkipValue();
  });
}

bool FieldReader::ReadImpersonatedUser(TokenCursor& cursor, AuditEvent& event) {
  if (cursor.Peek() != '{') return cursor.SkipValue();
  SeenKeys seen;
  return cursor.ForEachMember([&](std::string_view raw_key) {
    UserKey key = Identify(raw_key, UserKeyOf);
    if (key == UserKey::kOther) return cursor.SkipValue();
    event.duplicate_keys |= seen.Repeats(static_cast<uint32_t>(key));
    switch (key) {
      case UserKey::kUsername:
        return ReadString(cursor, event.impersonated.name);
      case UserKey::kUid:
        return ReadString(cursor, event.impersonated.uid);
      case UserKey::kGroups:
        return ReadStrings(cursor, event.impersonated.groups);
      default:
        return cursor.SkipValue();
    }
  });
}

bool FieldReader::ReadUserExtra(TokenCursor& cursor, AuditEvent& event) {
  event.credential_id = event.pod_name = event.pod_uid = {};
  event.node_name = event.node_uid = {};
  event.user_extra = {};
  if (cursor.Peek() != '{') return cursor.SkipValue();
  uint32_t start = cursor.position();
  bool whole = cursor.ForEachMember([&](std::string_view raw_key) {
    std::string_view* field = ExtraField(Identify(raw_key, ExtraKeyOf), event);
    return field != nullptr ? ReadFirstString(cursor, *field)
                            : cursor.SkipValue();
  });
  if (!whole) return false;
  event.user_extra.text = cursor.TextSince(start);
  return true;
}

bool FieldReader::ReadStrings(TokenCursor& cursor,
                              std::span<const std::string_view>& out) {
  size_t count = cursor.CountPlainStrings();
  if (count == 0) return ReadOddStrings(cursor, out);
  char* room = arena_->Allocate(count * sizeof(std::string_view));
  auto* first = reinterpret_cast<std::string_view*>(room);
  for (size_t i = 0; i < count; ++i) {
    cursor.Step();  // '[' or ','
    new (first + i) std::string_view(Text(cursor.TakeRawString()));
  }
  cursor.Step();  // ']'
  out = {first, count};
  return true;
}

// A list that is empty, or holds other things than strings, or is one string.
bool FieldReader::ReadOddStrings(TokenCursor& cursor,
                                 std::span<const std::string_view>& out) {
  out = {};
  list_.clear();
  char c = cursor.Peek();
  if (c == '"') {
    list_.push_back(Text(cursor.TakeRawString()));
  } else if (c != '[') {
    return cursor.SkipValue();
  } else {
    bool whole = cursor.ForEachElement([&] {
      if (cursor.Peek() != '"') return cursor.SkipValue();
      list_.push_back(Text(cursor.TakeRawString()));
      return true;
    });
    if (!whole) return false;
  }
  std::span<std::string_view> list =
      arena_->NewArray<std::string_view>(list_.size());
  std::copy(list_.begin(), list_.end(), list.begin());
  out = list;
  return true;
}

bool FieldReader::ReadFirstString(TokenCursor& cursor, std::string_view& out) {
  out = {};
  char c = cursor.Peek();
  if (c == '"') {
    out = Text(cursor.TakeRawString());
    return true;
  }
  if (c != '[') return cursor.SkipValue();
  bool found = false;
  return cursor.ForEachElement([&] {
    if (found || cursor.Peek() != '"') return cursor.SkipValue();
    found = true;
    out = Text(cursor.TakeRawString());
    return true;
  });
}

bool FieldReader::ReadSourceIps(TokenCursor& cursor, AuditEvent& event) {
  if (!ReadStrings(cursor, event.source_ips)) return false;
  event.source_ip = BelievedSource(event.source_ips);
  return true;
}

std::string_view FieldReader::BelievedSource(
    std::span<const std::string_view> source_ips) const {
  if (source_ips.empty()) return {};
  if (trusted_proxies_.empty()) return source_ips.back();
  for (size_t i = source_ips.size(); i-- > 0;) {
    std::optional<IpAddress> address = IpAddress::Parse(source_ips[i]);
    bool trusted = address.has_value() &&
                   std::any_of(trusted_proxies_.begin(), trusted_proxies_.end(),
                               [&](const IpNetwork& network) {
                                 return network.Contains(*address);
                               });
    if (!trusted) return source_ips[i];
  }
  return source_ips.front();
}

bool FieldReader::ReadObjectReference(TokenCursor& cursor, AuditEvent& event) {
  if (cursor.Peek() != '{') return cursor.SkipValue();
  event.object.present = true;
  SeenKeys seen;
  return cursor.ForEachMember([&](std::string_view raw_key) {
    ReferenceKey key = Identify(raw_key, ReferenceKeyOf);
    std::string_view* field = ReferenceField(key, event.object);
    if (field == nullptr) return cursor.SkipValue();
    event.duplicate_keys |= seen.Repeats(static_cast<uint32_t>(key));
    return ReadString(cursor, *field);
  });
}

bool FieldReader::ReadResponseStatus(TokenCursor& cursor, AuditEvent& event) {
  if (cursor.Peek() != '{') return cursor.SkipValue();
  SeenKeys seen;
  return cursor.ForEachMember([&](std::string_view raw_key) {
    StatusKey key = Identify(raw_key, StatusKeyOf);
    if (key == StatusKey::kOther) return cursor.SkipValue();
    event.duplicate_keys |= seen.Repeats(static_cast<uint32_t>(key));
    switch (key) {
      case StatusKey::kCode:
        return ReadCode(cursor, event.response_code);
      case StatusKey::kReason:
        return ReadString(cursor, event.response_reason);
      default:
        return ReadString(cursor, event.response_message);
    }
  });
}

bool FieldReader::ReadCode(TokenCursor& cursor, int& out) {
  out = 0;
  char c = cursor.Peek();
  if (c == '{' || c == '[') return cursor.SkipValue();
  if (c == '"') {
    out = CodeOf(Text(cursor.TakeRawString()));
    return true;
  }
  std::string_view number;
  if (!cursor.TakeRawValue(number)) return false;
  out = CodeOf(number);
  return true;
}

bool FieldReader::ReadAnnotations(TokenCursor& cursor, AuditEvent& event) {
  if (cursor.Peek() != '{') return cursor.SkipValue();
  uint32_t start = cursor.position();
  bool whole = cursor.ForEachMember([&](std::string_view raw_key) {
    switch (Identify(raw_key, AnnotationKeyOf)) {
      case AnnotationKey::kDecision:
        return ReadDecision(cursor, event.decision);
      case AnnotationKey::kReason:
        return ReadString(cursor, event.authorization_reason);
      case AnnotationKey::kTruncated:
        return ReadTruncated(cursor, event.truncated);
      case AnnotationKey::kIssuedCredentialId:
        return ReadString(cursor, event.issued_credential_id);
      default:
        return cursor.SkipValue();
    }
  });
  if (!whole) return false;
  event.annotations.text = cursor.TextSince(start);
  return true;
}

bool FieldReader::ReadDecision(TokenCursor& cursor, Decision& out) {
  std::string_view text;
  if (!ReadString(cursor, text)) return false;
  out = text == "allow"    ? Decision::kAllow
        : text == "forbid" ? Decision::kForbid
                           : Decision::kAbsent;
  return true;
}

bool FieldReader::ReadTruncated(TokenCursor& cursor, bool& out) {
  std::string_view value;
  if (!cursor.TakeRawValue(value)) return false;
  out = value == "\"true\"" || value == "true";
  return true;
}

bool FieldReader::ReadBody(TokenCursor& cursor, RawJson& out) {
  out = {};
  std::string_view text;
  if (!cursor.TakeRawValue(text)) return false;
  if (text != "null") out.text = text;
  return true;
}

}  // namespace oddverb
