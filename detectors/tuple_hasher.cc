#include "detectors/tuple_hasher.h"

#include <cstring>
#include <string_view>

namespace oddverb {
namespace {

using std::string_view;

constexpr size_t kWord = sizeof(uint64_t);

uint64_t WordAt(const char* bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// By words, the last of which overlaps the one before: names are short, and a
// comparison of a length that varies is a call.
bool Same(const char* stored, string_view text) {
  size_t size = text.size();
  if (size < kWord) {
    for (size_t at = 0; at < size; ++at) {
      if (stored[at] != text[at]) return false;
    }
    return true;
  }
  for (size_t at = 0; at + kWord < size; at += kWord) {
    if (WordAt(stored + at) != WordAt(text.data() + at)) return false;
  }
  return WordAt(stored + size - kWord) == WordAt(text.data() + size - kWord);
}

// Both classes and four sizes, each below 256. The bit at the top tells it from
// an empty entry.
uint64_t ShapeOf(const Tuple& tuple) {
  return uint64_t{1} << 63 | static_cast<uint64_t>(tuple.verb_class) << 40 |
         static_cast<uint64_t>(tuple.path_class) << 32 |
         tuple.group.size() << 24 | tuple.resource.size() << 16 |
         tuple.subresource.size() << 8 | tuple.scope.size();
}

// The last bytes, which tell most names of one length apart.
uint64_t EndOf(string_view text) {
  if (text.size() >= kWord) return WordAt(text.data() + text.size() - kWord);
  uint64_t word = 0;
  for (char c : text) word = word << 8 | static_cast<unsigned char>(c);
  return word;
}

size_t PlaceOf(const Tuple& tuple, uint64_t shape) {
  uint64_t mixed = shape * 0x9e3779b97f4a7c15U;
  mixed = (mixed ^ EndOf(tuple.resource)) * 0xff51afd7ed558ccdU;
  mixed ^= mixed >> 32;
  mixed = (mixed ^ EndOf(tuple.scope)) * 0xc4ceb9fe1a85ec53U;
  return mixed >> 32;
}

}  // namespace

uint64_t TupleHasher::Hash(const Tuple& tuple) {
  const size_t group = tuple.group.size(),
               resource = group + tuple.resource.size(),
               subresource = resource + tuple.subresource.size();
  if (subresource + tuple.scope.size() > kMaxTextBytes) {
    return HashTuple(hash_, tuple, scratch_);
  }
  const uint64_t shape = ShapeOf(tuple);
  Entry& entry = entries_[PlaceOf(tuple, shape) % kEntries];
  char* text = entry.text.data();
  if (entry.shape == shape && Same(text, tuple.group) &&
      Same(text + group, tuple.resource) &&
      Same(text + resource, tuple.subresource) &&
      Same(text + subresource, tuple.scope)) {
    return entry.hash;
  }
  entry.shape = shape;
  tuple.group.copy(text, group);
  tuple.resource.copy(text + group, tuple.resource.size());
  tuple.subresource.copy(text + resource, tuple.subresource.size());
  tuple.scope.copy(text + subresource, tuple.scope.size());
  entry.hash = HashTuple(hash_, tuple, scratch_);
  return entry.hash;
}

}  // namespace oddverb
