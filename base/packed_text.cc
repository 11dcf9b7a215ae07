#include "base/packed_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

#include "base/text_phrases.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr unsigned char kFirstPhrase = 0x80;
constexpr unsigned char kCopy = 0xfc;     // how far back, how many bytes
constexpr unsigned char kIpV4 = 0xfd;     // 4 bytes follow
constexpr unsigned char kUuid = 0xfe;     // 16 bytes follow
constexpr unsigned char kLiteral = 0xff;  // a byte above 127 follows
constexpr size_t kUuidText = 36, kUuidBytes = 16, kIpV4Bytes = 4;
constexpr size_t kCopyBytes = 2, kFewestCopied = 5, kMostCopied = 255;

static_assert(std::size(kTextPhrases) <= kCopy - kFirstPhrase);

// By first byte the phrases that begin with it.
struct PhraseIndex {
  static constexpr size_t kMost = 16;
  struct Row {
    std::array<uint8_t, kMost> phrases{};
    std::array<char, kMost> seconds{};  // their second bytes
    uint8_t size = 0;
  };
  std::array<Row, 128> rows{};
};

constexpr PhraseIndex MakeIndex() {
  PhraseIndex index;
  for (size_t i = 0; i < std::size(kTextPhrases); ++i) {
    auto first = static_cast<unsigned char>(kTextPhrases[i][0]);
    PhraseIndex::Row& row = index.rows[first];
    row.phrases[row.size] = static_cast<uint8_t>(i);
    row.seconds[row.size++] = kTextPhrases[i][1];
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

// The length of the IPv4 address that `text` begins with, which goes to
// `bytes`; 0: with none.
size_t ReadIpV4(string_view text, char* bytes) {
  size_t at = 0;
  for (size_t i = 0; i < kIpV4Bytes; ++i) {
    if (i > 0 && (at >= text.size() || text[at++] != '.')) return 0;
    unsigned value = 0;
    size_t digits = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      const unsigned next = value * 10 + static_cast<unsigned>(text[at] - '0');
      // As it is written back.
      if (next > 255 || (digits > 0 && value == 0)) break;
      value = next;
      ++digits;
      ++at;
    }
    if (digits == 0) return 0;
    bytes[i] = static_cast<char>(value);
  }
  return at;
}

void AppendIpV4(string_view bytes, std::string& out) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) out += '.';
    out += std::to_string(static_cast<unsigned char>(bytes[i]));
  }
}

bool IsInWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

// Of a word, and what follows it, that stood in the text before.
struct Copied {
  size_t distance = 0, length = 0;  // 0: it did not
};

Copied CopyAt(string_view text, size_t at) {
  const string_view word = text.substr(at, kFewestCopied);
  const bool begins = at > 0 && !IsInWord(text[at - 1]) && IsInWord(text[at]);
  if (!begins || word.size() < kFewestCopied) return {};
  const size_t first = at - std::min(at, kMostCopied);
  const size_t found = text.substr(first, at - first).find(word);
  if (found == string_view::npos) return {};
  Copied copied{.distance = at - first - found, .length = word.size()};
  while (copied.length < copied.distance && at + copied.length < text.size() &&
         text[at + copied.length] == text[first + found + copied.length]) {
    ++copied.length;
  }
  return copied;
}

// Checkpoints have those alone that each version can read.
enum class Codes : uint8_t { kOfCheckpoints, kAll };

// The number of the first phrase that `text` begins with, or a negative one.
int PhraseAt(string_view text, Codes codes) {
  if (text.size() < 2) return -1;
  const PhraseIndex::Row& row =
      kIndex.rows[static_cast<unsigned char>(text[0])];
  for (uint8_t i = 0; i < row.size; ++i) {
    if (row.seconds[i] != text[1]) continue;
    const uint8_t phrase = row.phrases[i];
    if (codes == Codes::kOfCheckpoints && phrase >= kCheckpointPhrases) break;
    if (text.starts_with(kTextPhrases[phrase])) return phrase;
  }
  return -1;
}

// Appends what stands for `text` at `at`; how much of it that is.
size_t PackNext(string_view text, size_t at, Codes codes, std::string& packed) {
  const string_view left = text.substr(at);
  char bytes[kUuidBytes];
  if (static_cast<unsigned char>(left[0]) >= kFirstPhrase) {
    packed += static_cast<char>(kLiteral);
    packed += left[0];
    return 1;
  }
  if (ReadUuid(left, bytes)) {
    packed += static_cast<char>(kUuid);
    packed.append(bytes, kUuidBytes);
    return kUuidText;
  }
  const bool has_all = codes == Codes::kAll;
  if (const size_t length = has_all ? ReadIpV4(left, bytes) : 0; length > 0) {
    packed += static_cast<char>(kIpV4);
    packed.append(bytes, kIpV4Bytes);
    return length;
  }
  if (const int phrase = PhraseAt(left, codes); phrase >= 0) {
    packed += static_cast<char>(kFirstPhrase + phrase);
    return kTextPhrases[phrase].size();
  }
  if (const Copied copied = has_all ? CopyAt(text, at) : Copied();
      copied.length > 0) {
    packed += static_cast<char>(kCopy);
    packed += static_cast<char>(copied.distance);
    packed += static_cast<char>(copied.length);
    return copied.length;
  }
  packed += left[0];
  return 1;
}

// `text` from `begin` on; what is before is packed already.
void Pack(string_view text, size_t begin, Codes codes, std::string& packed) {
  packed.clear();
  packed.reserve(text.size() - begin);
  for (size_t at = begin; at < text.size();) {
    at += PackNext(text, at, codes, packed);
  }
}

// How a text that rests begins which is one address or one UUID; others by
// their length and kRestsPacked.
struct Alone {
  unsigned char code;
  size_t bytes;
  uint64_t head;
};
constexpr Alone kAlone[] = {{kUuid, kUuidBytes, 0}, {kIpV4, kIpV4Bytes, 1}};
constexpr uint64_t kRestsPacked = std::size(kAlone);

// What a byte of packed text stands for, with the bytes behind it.
struct Code {
  size_t text_bytes = 0;  // at least; 0: there is no such code
  size_t more = 0;
};

constexpr Code CodeOf(unsigned char code) {
  if (code < kFirstPhrase) return {.text_bytes = 1};
  if (code == kUuid) return {.text_bytes = kUuidText, .more = kUuidBytes};
  if (code == kIpV4) return {.text_bytes = 7, .more = kIpV4Bytes};
  if (code == kCopy) return {.text_bytes = 1, .more = kCopyBytes};
  if (code == kLiteral) return {.text_bytes = 1, .more = 1};
  const size_t phrase = size_t{code} - kFirstPhrase;
  if (phrase >= std::size(kTextPhrases)) return {};
  return {.text_bytes = kTextPhrases[phrase].size()};
}

size_t ByteAt(string_view bytes, size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

size_t DigitsOf(size_t byte) { return byte < 10 ? 1 : byte < 100 ? 2 : 3; }

// Of the text; nullopt: Pack() did not make it.
std::optional<size_t> UnpackedSize(string_view packed) {
  size_t size = 0;
  while (!packed.empty()) {
    const auto first = static_cast<unsigned char>(packed[0]);
    const Code code = CodeOf(first);
    packed.remove_prefix(1);
    if (code.text_bytes == 0 || packed.size() < code.more) return std::nullopt;
    if (first == kCopy) {
      const size_t distance = ByteAt(packed, 0), length = ByteAt(packed, 1);
      if (length == 0 || length > distance || distance > size) {
        return std::nullopt;
      }
      size += length;
    } else if (first == kIpV4) {
      size += kIpV4Bytes - 1;  // dots
      for (size_t i = 0; i < kIpV4Bytes; ++i) {
        size += DigitsOf(ByteAt(packed, i));
      }
    } else {
      size += code.text_bytes;
    }
    packed.remove_prefix(code.more);
  }
  return size;
}

// nullopt: Pack() did not make it, or the text has more than `max_bytes`.
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
    } else if (code == kIpV4) {
      AppendIpV4(packed.substr(0, more), text);
    } else if (code == kCopy) {
      // There is room for it: it does not move.
      text.append(text.data() + text.size() - ByteAt(packed, 0),
                  ByteAt(packed, 1));
    } else if (code == kLiteral) {
      text += packed[0];
    } else {
      text += kTextPhrases[code - kFirstPhrase];
    }
    packed.remove_prefix(more);
  }
  return text;
}

}  // namespace

void PutPackedText(string_view text, StateWriter& out) {
  std::string& packed = out.scratch();
  Pack(text, 0, out.rests() ? Codes::kAll : Codes::kOfCheckpoints, packed);
  if (!out.rests()) return out.PutString(packed);
  for (const auto& [code, bytes, head] : kAlone) {
    if (packed.size() != bytes + 1) continue;
    if (static_cast<unsigned char>(packed[0]) != code) continue;
    out.PutU64(head);
    return out.PutRaw(string_view(packed).substr(1));
  }
  out.PutU64(packed.size() + kRestsPacked);
  out.PutRaw(packed);
}

std::string GetPackedText(StateReader& in, size_t max_bytes) {
  std::string alone;
  string_view packed;
  if (!in.rests()) {
    packed = in.GetString();
  } else if (const uint64_t head = in.GetU64(); head >= kRestsPacked) {
    packed = in.GetRaw(head - kRestsPacked);
  } else {
    const Alone& only = kAlone[head];
    alone = static_cast<char>(only.code);
    packed = alone.append(in.GetRaw(only.bytes));
  }
  std::optional<std::string> text = Unpacked(packed, max_bytes);
  if (!text.has_value()) in.Fail();
  return std::move(text).value_or("");
}

void PackedText::Append(string_view more) {
  std::string before = Text();
  const size_t size = before.size();
  string_view text = more.substr(0, kMaxBytes - size);
  if (size > 0) text = before.append(text);
  std::string packed;
  Pack(text, size, Codes::kAll, packed);
  if (!packed.empty()) SetBytes(text.size(), bytes(), packed);
}

void PackedText::SetBytes(size_t text_size, string_view first,
                          string_view then) {
  const Head head{.text_size = static_cast<uint16_t>(text_size),
                  .size = static_cast<uint16_t>(first.size() + then.size())};
  auto block = std::make_unique_for_overwrite<char[]>(sizeof(head) + head.size);
  std::memcpy(block.get(), &head, sizeof(head));
  char* end = std::copy(first.begin(), first.end(), block.get() + sizeof(head));
  std::copy(then.begin(), then.end(), end);
  block_ = std::move(block);
}

PackedText::Head PackedText::head() const {
  Head head;
  if (block_ != nullptr) std::memcpy(&head, block_.get(), sizeof(head));
  return head;
}

string_view PackedText::bytes() const {
  if (block_ == nullptr) return {};
  return {block_.get() + sizeof(Head), head().size};
}

std::string PackedText::Text() const {
  return Unpacked(bytes(), kMaxBytes).value_or("");
}

void PackedText::Save(StateWriter& out) const {
  if (out.rests()) return out.PutString(bytes());
  PutPackedText(Text(), out);
}

void PackedText::Load(StateReader& in, size_t max_bytes) {
  block_.reset();
  if (!in.rests()) return Append(GetPackedText(in, max_bytes));
  const string_view packed = in.GetString();
  const std::optional<size_t> size = UnpackedSize(packed);
  if (!size.has_value() || *size > max_bytes) return in.Fail();
  if (*size > 0) SetBytes(*size, packed, {});
}

}  // namespace oddverb
