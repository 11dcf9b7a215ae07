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

// Both classes and three sizes, each below 256. The bit at the top tells it
// from an empty entry.
uint64_t ShapeOf(const Tuple& tuple) {
  return uint64_t{1} << 63 | static_cast<uint64_t>(tuple.verb_class) << 40 |
         static_cast<uint64_t>(tuple.path_class) << 32 |
         tuple.group.size() << 16 | tuple.resource.size() << 8 |
         tuple.subresource.size();
}

}  // namespace

uint64_t TupleHasher::Hash(const Tuple& tuple) {
  const size_t group = tuple.group.size(), resource = tuple.resource.size();
  if (group + resource + tuple.subresource.size() > kMaxTextBytes) {
    return HashTuple(hash_, tuple, scratch_);
  }
  if (entries_.empty()) entries_.resize(kEntries);
  const uint64_t shape = ShapeOf(tuple);
  uint64_t mixed = shape * 0x9e3779b97f4a7c15U;
  if (resource >= kWord) mixed ^= WordAt(tuple.resource.data());
  mixed *= 0xff51afd7ed558ccdU;
  Entry& entry = entries_[(mixed >> 32) % kEntries];
  char* text = entry.text.data();
  scratch_.Clear();
  if (entry.shape != shape || !Same(text, tuple.group) ||
      !Same(text + group, tuple.resource) ||
      !Same(text + group + resource, tuple.subresource)) {
    entry.shape = shape;
    tuple.group.copy(text, group);
    tuple.resource.copy(text + group, resource);
    tuple.subresource.copy(text + group + resource, tuple.subresource.size());
    AddKind(tuple, scratch_);
    entry.prefix = hash_.Prefix(scratch_.bytes());
    scratch_.Clear();
    entry.scope_size = UINT64_MAX;
  }
  string_view scope = tuple.scope;
  if (entry.scope_size == scope.size() && Same(entry.scope.data(), scope)) {
    return entry.hash;
  }
  scratch_.Add(scope);
  uint64_t hash = KeyedHash::HashAfter(entry.prefix, scratch_.bytes());
  if (scope.size() <= kMaxScopeBytes) {
    entry.scope_size = scope.size();
    scope.copy(entry.scope.data(), scope.size());
    entry.hash = hash;
  }
  return hash;
}

}  // namespace oddverb
