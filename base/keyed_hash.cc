#include "base/keyed_hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace oddverb {
namespace {

// SipHash reads its input as little-endian words; here a word is copied.
static_assert(std::endian::native == std::endian::little);

struct SipState {
  uint64_t v0, v1, v2, v3;

  void Round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }

  void Compress(uint64_t word) {
    v3 ^= word;
    Round();
    v0 ^= word;
  }
};

SipState Start(uint64_t k0, uint64_t k1) {
  return {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
          k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
}

uint64_t Load(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof(word));
  return word;
}

// The last `count` < 8 bytes of `bytes`. By one load where there are eight: a
// loop of a length that varies is slower than all the rest.
uint64_t LoadLast(std::string_view bytes, size_t count) {
  if (count == 0) return 0;
  if (bytes.size() >= sizeof(uint64_t)) {
    return Load(bytes.data() + bytes.size() - sizeof(uint64_t)) >>
           8 * (sizeof(uint64_t) - count);
  }
  uint64_t word = 0;
  for (size_t i = 0; i < count; ++i) {
    auto c = static_cast<unsigned char>(bytes[bytes.size() - count + i]);
    word |= uint64_t{c} << (8 * i);
  }
  return word;
}

void Absorb(SipState& s, std::string_view bytes) {
  const char* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; p += 8, left -= 8) s.Compress(Load(p));
  s.Compress(uint64_t{bytes.size()} << 56 | LoadLast(bytes, left));
}

uint64_t Finish(SipState& s) {
  s.Round();
  s.Round();
  s.Round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

template <typename Word>
void CopyEnds(std::string_view from, char* to) {
  Word first, last;
  size_t behind = from.size() - sizeof(Word);
  std::memcpy(&first, from.data(), sizeof(first));
  std::memcpy(&last, from.data() + behind, sizeof(last));
  std::memcpy(to, &first, sizeof(first));
  std::memcpy(to + behind, &last, sizeof(last));
}

// Names are short, and a copy of a length that varies is a call: two copies of
// a fixed length that overlap are not.
void Copy(std::string_view from, char* to) {
  using TwoWords = std::array<uint64_t, 2>;
  if (from.size() > 2 * sizeof(TwoWords)) {
    std::memcpy(to, from.data(), from.size());
  } else if (from.size() >= sizeof(TwoWords)) {
    CopyEnds<TwoWords>(from, to);
  } else if (from.size() >= sizeof(uint64_t)) {
    CopyEnds<uint64_t>(from, to);
  } else if (from.size() >= sizeof(uint32_t)) {
    CopyEnds<uint32_t>(from, to);
  } else {
    for (char c : from) *to++ = c;
  }
}

}  // namespace

std::string Hash128::ToHex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex(32, '0');
  for (int i = 0; i < 16; ++i) {
    hex[static_cast<size_t>(15 - i)] = kDigits[(high >> (4 * i)) & 15];
    hex[static_cast<size_t>(31 - i)] = kDigits[(low >> (4 * i)) & 15];
  }
  return hex;
}

uint64_t KeyedHash::Hash(std::string_view bytes) const {
  SipState s = Start(k0_, k1_);
  Absorb(s, bytes);
  s.v2 ^= 0xff;
  return Finish(s);
}

Hash128 KeyedHash::HashWide(std::string_view bytes) const {
  SipState s = Start(k0_, k1_);
  s.v1 ^= 0xee;
  Absorb(s, bytes);
  s.v2 ^= 0xee;
  Hash128 result;
  result.high = Finish(s);
  s.v1 ^= 0xdd;
  result.low = Finish(s);
  return result;
}

uint64_t KeyedHash::Combine(uint64_t a, uint64_t b) const {
  SipState s = Start(k0_, k1_);
  s.Compress(a);
  s.Compress(b);
  s.Compress(uint64_t{16} << 56);
  s.v2 ^= 0xff;
  return Finish(s);
}

char* HashInput::Take(size_t bytes) {
  const size_t begin = std::exchange(size_, size_ + bytes);
  if (longer_.empty()) {
    if (size_ <= first_.size()) return first_.data() + begin;
    longer_.assign(first_.data(), begin);
  }
  if (size_ > longer_.size()) {
    longer_.resize(std::max(size_, 2 * longer_.size()));
  }
  return longer_.data() + begin;
}

HashInput& HashInput::Add(std::string_view part) {
  uint64_t size = part.size();
  char* to = Take(sizeof(size) + part.size());
  std::memcpy(to, &size, sizeof(size));
  Copy(part, to + sizeof(size));
  return *this;
}

HashInput& HashInput::Add(uint64_t number) {
  std::memcpy(Take(sizeof(number)), &number, sizeof(number));
  return *this;
}

}  // namespace oddverb
