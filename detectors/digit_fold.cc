#include "detectors/digit_fold.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace oddverb {
namespace {

using std::string_view;

// From Unicode 15's compatibility mappings and decimal digits (category Nd):
// `count` characters from `first` on are those from `ascii` on.
struct FoldRange {
  uint32_t first;
  uint32_t count;
  char ascii;
};
// Sorted.
constexpr FoldRange kRanges[] = {
    {0xb2, 2, '2'},     {0xb9, 1, '1'},     {0x660, 10, '0'},
    {0x6f0, 10, '0'},   {0x7c0, 10, '0'},   {0x966, 10, '0'},
    {0x9e6, 10, '0'},   {0xa66, 10, '0'},   {0xae6, 10, '0'},
    {0xb66, 10, '0'},   {0xbe6, 10, '0'},   {0xc66, 10, '0'},
    {0xce6, 10, '0'},   {0xd66, 10, '0'},   {0xde6, 10, '0'},
    {0xe50, 10, '0'},   {0xed0, 10, '0'},   {0xf20, 10, '0'},
    {0x1040, 10, '0'},  {0x1090, 10, '0'},  {0x17e0, 10, '0'},
    {0x1810, 10, '0'},  {0x1946, 10, '0'},  {0x19d0, 10, '0'},
    {0x1a80, 10, '0'},  {0x1a90, 10, '0'},  {0x1b50, 10, '0'},
    {0x1bb0, 10, '0'},  {0x1c40, 10, '0'},  {0x1c50, 10, '0'},
    {0x2024, 1, '.'},   {0x2070, 1, '0'},   {0x2074, 6, '4'},
    {0x2080, 10, '0'},  {0x2460, 9, '1'},   {0x24b6, 26, 'A'},
    {0x24d0, 26, 'a'},  {0x24ea, 1, '0'},   {0x24f5, 9, '1'},
    {0x24ff, 1, '0'},   {0x2776, 9, '1'},   {0x2780, 9, '1'},
    {0x278a, 9, '1'},   {0x3002, 1, '.'},   {0xa620, 10, '0'},
    {0xa8d0, 10, '0'},  {0xa900, 10, '0'},  {0xa9d0, 10, '0'},
    {0xa9f0, 10, '0'},  {0xaa50, 10, '0'},  {0xabf0, 10, '0'},
    {0xfe52, 1, '.'},   {0xfe55, 1, ':'},   {0xff0e, 1, '.'},
    {0xff0f, 1, '/'},   {0xff10, 10, '0'},  {0xff1a, 1, ':'},
    {0xff21, 26, 'A'},  {0xff41, 26, 'a'},  {0xff61, 1, '.'},
    {0x104a0, 10, '0'}, {0x1d400, 26, 'A'}, {0x1d41a, 26, 'a'},
    {0x1d434, 26, 'A'}, {0x1d44e, 26, 'a'}, {0x1d468, 26, 'A'},
    {0x1d482, 26, 'a'}, {0x1d5a0, 26, 'A'}, {0x1d5ba, 26, 'a'},
    {0x1d5d4, 26, 'A'}, {0x1d5ee, 26, 'a'}, {0x1d670, 26, 'A'},
    {0x1d68a, 26, 'a'}, {0x1d7ce, 10, '0'}, {0x1d7d8, 10, '0'},
    {0x1d7e2, 10, '0'}, {0x1d7ec, 10, '0'}, {0x1d7f6, 10, '0'},
    {0x1f130, 26, 'A'}, {0x1fbf0, 10, '0'},
};

// Two characters and more.
void FoldNumber(uint32_t code, std::string& out) {
  auto add = [&out](uint32_t number) { out += std::to_string(number); };
  if (code >= 0x2469 && code <= 0x2473) return add(code - 0x2469 + 10);
  if (code >= 0x2488 && code <= 0x249b) {  // "1." to "20."
    add(code - 0x2488 + 1);
    out += '.';
  }
}

bool HasNoWidth(uint32_t code) {
  return code == 0xad || code == 0x34f || code == 0x180e ||
         (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x2064) ||
         (code >= 0xfe00 && code <= 0xfe0f) || code == 0xfeff;
}

struct Character {
  uint32_t code = 0;
  size_t length = 1;
};
// Of UTF-8; a stray byte is one character of code 0.
Character ReadCharacter(string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
  if (length == 1 || length > text.size()) return {};
  uint32_t code = lead & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  return {code, length};
}

// True if `code` is one that changes; what it becomes is appended.
bool Fold(uint32_t code, std::string& out) {
  const auto* next = std::upper_bound(
      std::begin(kRanges), std::end(kRanges), code,
      [](uint32_t c, const FoldRange& r) { return c < r.first; });
  if (next != std::begin(kRanges)) {
    const FoldRange& range = *(next - 1);
    if (code - range.first < range.count) {
      out += static_cast<char>(static_cast<uint32_t>(range.ascii) +
                               (code - range.first));
      return true;
    }
  }
  size_t before = out.size();
  FoldNumber(code, out);
  return out.size() > before || HasNoWidth(code);
}

// Index of the first byte at or behind `at` that is not ASCII; size() if none.
size_t FindNonAscii(string_view text, size_t at) {
  constexpr uint64_t kHighBits = 0x8080808080808080U;
  uint64_t word = 0;
  for (; at + sizeof(word) <= text.size(); at += sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    if ((word & kHighBits) != 0) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

}  // namespace

std::string FoldDigits(string_view text) {
  std::string folded, piece;
  size_t copied = 0;  // so much of `text` is in `folded`
  bool any = false;
  for (size_t at = FindNonAscii(text, 0); at < text.size();
       at = FindNonAscii(text, at)) {
    const Character character = ReadCharacter(text.substr(at));
    piece.clear();
    if (Fold(character.code, piece)) {
      folded.append(text.substr(copied, at - copied)).append(piece);
      copied = at + character.length;
      any = true;
    }
    at += character.length;
  }
  if (any) folded.append(text.substr(copied));
  return folded;
}

}  // namespace oddverb
