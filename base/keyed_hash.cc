#include "base/keyed_hash.h"

#include <bit>
#include <cstring>

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

void Absorb(SipState& s, std::string_view bytes) {
  const char* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; p += 8, left -= 8) s.Compress(Load(p));
  uint64_t last = uint64_t{bytes.size()} << 56;
  for (size_t i = 0; i < left; ++i) {
    last |= uint64_t{static_cast<unsigned char>(p[i])} << (8 * i);
  }
  s.Compress(last);
}

uint64_t Finish(SipState& s) {
  s.Round();
  s.Round();
  s.Round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
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

HashInput& HashInput::Add(std::string_view part) {
  Add(part.size());
  bytes_.append(part);
  return *this;
}

HashInput& HashInput::Add(uint64_t number) {
  char word[8];
  std::memcpy(word, &number, sizeof(word));
  bytes_.append(word, sizeof(word));
  return *this;
}

}  // namespace oddverb
