// The keys inside of an audit event's user, objectRef, responseStatus and
// annotations that are read. Constants and pure functions.
#ifndef ODDVERB_INGEST_FIELD_KEYS_H_
#define ODDVERB_INGEST_FIELD_KEYS_H_

#include <cstdint>
#include <string_view>

namespace oddverb {

// The keys of user and impersonatedUser.
enum class UserKey : uint8_t { kUsername, kUid, kGroups, kExtra, kOther };

constexpr UserKey UserKeyOf(std::string_view key) {
  if (key == "username") return UserKey::kUsername;
  if (key == "groups") return UserKey::kGroups;
  if (key == "extra") return UserKey::kExtra;
  if (key == "uid") return UserKey::kUid;
  return UserKey::kOther;
}

inline constexpr std::string_view kExtraPrefix =
    "authentication.kubernetes.io/";

enum class ExtraKey : uint8_t {
  kCredentialId,
  kNodeName,
  kNodeUid,
  kPodName,
  kPodUid,
  kOther
};

constexpr ExtraKey ExtraKeyOf(std::string_view key) {
  if (!key.starts_with(kExtraPrefix)) return ExtraKey::kOther;
  std::string_view name = key.substr(kExtraPrefix.size());
  if (name == "credential-id") return ExtraKey::kCredentialId;
  if (name == "node-name") return ExtraKey::kNodeName;
  if (name == "node-uid") return ExtraKey::kNodeUid;
  if (name == "pod-name") return ExtraKey::kPodName;
  if (name == "pod-uid") return ExtraKey::kPodUid;
  return ExtraKey::kOther;
}

enum class ReferenceKey : uint8_t {
  kResource,
  kNamespace,
  kName,
  kUid,
  kApiGroup,
  kApiVersion,
  kSubresource,
  kOther
};

constexpr ReferenceKey ReferenceKeyOf(std::string_view key) {
  if (key == "resource") return ReferenceKey::kResource;
  if (key == "namespace") return ReferenceKey::kNamespace;
  if (key == "name") return ReferenceKey::kName;
  if (key == "apiVersion") return ReferenceKey::kApiVersion;
  if (key == "apiGroup") return ReferenceKey::kApiGroup;
  if (key == "uid") return ReferenceKey::kUid;
  if (key == "subresource") return ReferenceKey::kSubresource;
  return ReferenceKey::kOther;
}

enum class StatusKey : uint8_t { kCode, kReason, kMessage, kOther };

constexpr StatusKey StatusKeyOf(std::string_view key) {
  if (key == "code") return StatusKey::kCode;
  if (key == "reason") return StatusKey::kReason;
  if (key == "message") return StatusKey::kMessage;
  return StatusKey::kOther;
}

enum class AnnotationKey : uint8_t {
  kDecision,
  kReason,
  kTruncated,
  kIssuedCredentialId,
  kOther
};

constexpr AnnotationKey AnnotationKeyOf(std::string_view key) {
  if (key == "authorization.k8s.io/decision") return AnnotationKey::kDecision;
  if (key == "authorization.k8s.io/reason") return AnnotationKey::kReason;
  if (key == "audit.k8s.io/truncated") return AnnotationKey::kTruncated;
  if (key == "authentication.kubernetes.io/issued-credential-id") {
    return AnnotationKey::kIssuedCredentialId;
  }
  return AnnotationKey::kOther;
}

}  // namespace oddverb

#endif  // ODDVERB_INGEST_FIELD_KEYS_H_
