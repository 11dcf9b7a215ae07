#include "base/nearest_name.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace oddverb {
namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

size_t AllowedEdits(std::string_view a, std::string_view b) {
  return std::max<size_t>(2, std::max(a.size(), b.size()) / 3);
}

size_t LengthDifference(std::string_view a, std::string_view b) {
  return std::max(a.size(), b.size()) - std::min(a.size(), b.size());
}

// Optimal string alignment: inserts, deletes, replaces, and swaps of
// neighbours, no letter edited twice. Keeps three rows of the matrix.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> two_above(b.size() + 1), above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    two_above.swap(above);
    above.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replace = Lower(a[i - 1]) == Lower(b[j - 1]) ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + replace});
      if (i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
          Lower(a[i - 2]) == Lower(b[j - 1])) {
        row[j] = std::min(row[j], two_above[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view NearestName(std::string_view name,
                             std::span<const std::string> known) {
  std::string_view best;
  size_t best_distance = SIZE_MAX;
  for (const std::string& candidate : known) {
    size_t allowed = AllowedEdits(name, candidate);
    // Also keeps a monstrous name from costing its length times each known.
    if (LengthDifference(name, candidate) > allowed) continue;
    size_t distance = EditDistance(name, candidate);
    // Where every letter changes, nothing was misspelt.
    bool alike = distance < std::max(name.size(), candidate.size());
    if (alike && distance <= allowed && distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace oddverb
