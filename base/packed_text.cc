#include "base/packed_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

namespace oddverb {
namespace {

using std::string_view;

constexpr unsigned char kFirstPhrase = 0x80;
constexpr unsigned char kUuid = 0xfe;     // 16 bytes follow
constexpr unsigned char kLiteral = 0xff;  // a byte above 127 follows
constexpr size_t kUuidText = 36, kUuidBytes = 16;

// Of those that begin alike the longer one stands first. From audit logs of
// several distributions: user agents, paths, verbs, addresses, and the texts
// that detectors make of them.
constexpr string_view kPhrases[] = {
    "/api/v1/namespaces/",
    "/api/v1/",
    "/apis/",
    "/v1/namespaces/",
    "/namespaces/",
    "/v1/",
    "?allowWatchBookmarks=true",
    "?fieldSelector=metadata.name%3D",
    "?limit=500",
    "?timeout=",
    "&resourceVersion=",
    "&timeoutSeconds=",
    "&watch=true",
    " (linux/amd64) kubernetes/",
    " (linux/arm64) kubernetes/",
    " (darwin/arm64) kubernetes/",
    "kubectl/v1.",
    "kubelet/v1.",
    "kube-apiserver/v1.",
    "kube-controller-manager/v1.",
    "kube-scheduler/v1.",
    "kube-system",
    "Go-http-client/",
    "Mozilla/5.0 ",
    "python-requests/",
    "controller",
    "operator",
    "coordination.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "rbac.authorization.k8s.io",
    "apps/v1",
    "batch/v1",
    "serviceaccounts",
    "services",
    "secrets",
    "statefulsets",
    "deployments",
    "daemonsets",
    "replicasets",
    "configmaps",
    "endpointslices",
    "endpoints",
    "namespaces",
    "nodes",
    "pods",
    "events",
    "jobs",
    "leases",
    "ingresses",
    "persistentvolumeclaims",
    "customresourcedefinitions",
    "create ",
    "update ",
    "delete ",
    "patch ",
    "watch ",
    "list ",
    "get ",
    " in all namespaces",
    " in ",
    "create",
    "update",
    "delete",
    "patch",
    "watch",
    "list",
    "get",
    "192.168.",
    "10.244.",
    "10.",
    "/status",
    "/healthz",
    "default",
};
static_assert(std::size(kPhrases) <= kUuid - kFirstPhrase);

// By first byte the phrases that begin with it.
struct PhraseIndex {
  static constexpr size_t kMost = 12;
  struct Row {
    std::array<uint8_t, kMost> phrases{};
    uint8_t size = 0;
  };
  std::array<Row, 128> rows{};
};

constexpr PhraseIndex MakeIndex() {
  PhraseIndex index;
  for (size_t i = 0; i < std::size(kPhrases); ++i) {
    auto first = static_cast<unsigned char>(kPhrases[i][0]);
    PhraseIndex::Row& row = index.rows[first];
    row.phrases[row.size++] = static_cast<uint8_t>(i);
  }
  return index;
}

constexpr PhraseIndex kIndex = MakeIndex();

constexpr bool IsDash(size_t at) {
  return at == 8 || at == 13 || at == 18 || at == 23;
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Whether `text` begins with a UUID in lower case, which goes to `bytes`.
bool ReadUuid(string_view text, char* bytes) {
  if (text.size() < kUuidText || text[8] != '-' || text[13] != '-') {
    return false;
  }
  unsigned value = 0;
  size_t digits = 0;
  for (size_t i = 0; i < kUuidText; ++i) {
    if (IsDash(i)) {
      if (text[i] != '-') return false;
      continue;
    }
    const int digit = DigitOf(text[i]);
    if (digit < 0) return false;
    value = value << 4 | static_cast<unsigned>(digit);
    if (++digits % 2 == 0) bytes[digits / 2 - 1] = static_cast<char>(value);
  }
  return true;
}

void AppendUuid(string_view bytes, std::string& out) {
  constexpr char kDigits[] = "0123456789abcdef";
  size_t at = 0;
  for (char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    for (unsigned digit : {byte >> 4, byte & 15}) {
      if (IsDash(at)) {
        out += '-';
        ++at;
      }
      out += kDigits[digit];
      ++at;
    }
  }
}

// The number of the first phrase that `text` begins with, or a negative one.
int PhraseAt(string_view text) {
  const PhraseIndex::Row& row =
      kIndex.rows[static_cast<unsigned char>(text[0])];
  for (uint8_t i = 0; i < row.size; ++i) {
    if (text.starts_with(kPhrases[row.phrases[i]])) return row.phrases[i];
  }
  return -1;
}

std::string Packed(string_view text) {
  std::string packed;
  packed.reserve(text.size());
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    char uuid[kUuidBytes];
    if (first >= kFirstPhrase) {
      packed += static_cast<char>(kLiteral);
      packed += text[0];
      text.remove_prefix(1);
    } else if (ReadUuid(text, uuid)) {
      packed += static_cast<char>(kUuid);
      packed.append(uuid, kUuidBytes);
      text.remove_prefix(kUuidText);
    } else if (int phrase = PhraseAt(text); phrase >= 0) {
      packed += static_cast<char>(kFirstPhrase + phrase);
      text.remove_prefix(kPhrases[phrase].size());
    } else {
      packed += text[0];
      text.remove_prefix(1);
    }
  }
  return packed;
}

// What a byte of packed text stands for, with the bytes behind it.
struct Code {
  size_t text_bytes = 0;  // 0: there is no such code
  size_t more = 0;
};

constexpr Code CodeOf(unsigned char code) {
  if (code < kFirstPhrase) return {.text_bytes = 1};
  if (code == kUuid) return {.text_bytes = kUuidText, .more = kUuidBytes};
  if (code == kLiteral) return {.text_bytes = 1, .more = 1};
  const size_t phrase = size_t{code} - kFirstPhrase;
  if (phrase >= std::size(kPhrases)) return {};
  return {.text_bytes = kPhrases[phrase].size()};
}

// Of the text; nullopt: Packed() did not make it.
std::optional<size_t> UnpackedSize(string_view packed) {
  size_t size = 0;
  while (!packed.empty()) {
    const Code code = CodeOf(static_cast<unsigned char>(packed[0]));
    packed.remove_prefix(1);
    if (code.text_bytes == 0 || packed.size() < code.more) return std::nullopt;
    size += code.text_bytes;
    packed.remove_prefix(code.more);
  }
  return size;
}

// nullopt: Packed() did not make it, or the text has more than `max_bytes`.
std::optional<std::string> Unpacked(string_view packed, size_t max_bytes) {
  const std::optional<size_t> size = UnpackedSize(packed);
  if (!size.has_value() || *size > max_bytes) return std::nullopt;
  std::string text;
  text.reserve(*size);
  while (!packed.empty()) {
    const auto code = static_cast<unsigned char>(packed[0]);
    const size_t more = CodeOf(code).more;
    packed.remove_prefix(1);
    if (code < kFirstPhrase) {
      text += static_cast<char>(code);
    } else if (code == kUuid) {
      AppendUuid(packed.substr(0, more), text);
    } else if (code == kLiteral) {
      text += packed[0];
    } else {
      text += kPhrases[code - kFirstPhrase];
    }
    packed.remove_prefix(more);
  }
  return text;
}

}  // namespace

void PutPackedText(string_view text, StateWriter& out) {
  out.PutString(Packed(text));
}

std::string GetPackedText(StateReader& in, size_t max_bytes) {
  std::optional<std::string> text = Unpacked(in.GetString(), max_bytes);
  if (!text.has_value()) in.Fail();
  return std::move(text).value_or("");
}

void PackedText::Append(string_view more) {
  const std::string packed = Packed(more.substr(0, kMaxBytes - text_size()));
  if (!packed.empty()) SetBytes(bytes(), packed);
}

void PackedText::SetBytes(string_view first, string_view then) {
  const auto size = static_cast<uint16_t>(first.size() + then.size());
  auto block = std::make_unique_for_overwrite<char[]>(sizeof(size) + size);
  std::memcpy(block.get(), &size, sizeof(size));
  char* end = std::copy(first.begin(), first.end(), block.get() + sizeof(size));
  std::copy(then.begin(), then.end(), end);
  block_ = std::move(block);
}

size_t PackedText::text_size() const {
  return UnpackedSize(bytes()).value_or(0);
}

string_view PackedText::bytes() const {
  if (block_ == nullptr) return {};
  uint16_t size = 0;
  std::memcpy(&size, block_.get(), sizeof(size));
  return {block_.get() + sizeof(size), size};
}

std::string PackedText::Text() const {
  return Unpacked(bytes(), kMaxBytes).value_or("");
}

void PackedText::Save(StateWriter& out) const { out.PutString(bytes()); }

void PackedText::Load(StateReader& in, size_t max_bytes) {
  const string_view packed = in.GetString();
  const std::optional<size_t> size = UnpackedSize(packed);
  block_.reset();
  if (!size.has_value() || *size > max_bytes) return in.Fail();
  if (*size > 0) SetBytes(packed, {});
}

}  // namespace oddverb
