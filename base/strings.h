// The seam between std::string_view and Debian's Abseil, whose
// absl::string_view is a type of its own with no conversion either way.
// Interfaces of this project speak std::string_view; A() and S() translate at
// the call into Abseil. Also compiles where both names mean one type.
#ifndef ODDVERB_BASE_STRINGS_H_
#define ODDVERB_BASE_STRINGS_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace oddverb {

// To Abseil.
inline absl::string_view A(std::string_view s) { return {s.data(), s.size()}; }
// From Abseil.
inline std::string_view S(absl::string_view s) { return {s.data(), s.size()}; }

// Transparent hash, so that a map with std::string keys is searched by
// std::string_view. Seeded per process: never let its order reach output.
struct StringViewHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const noexcept {
    return absl::HashOf(A(s));
  }
};

template <class V>
using StringMap =
    absl::flat_hash_map<std::string, V, StringViewHash, std::equal_to<>>;
using StringSet =
    absl::flat_hash_set<std::string, StringViewHash, std::equal_to<>>;

}  // namespace oddverb

#endif  // ODDVERB_BASE_STRINGS_H_
