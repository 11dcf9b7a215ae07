#include "pipeline/part_state.h"

#include <algorithm>

namespace oddverb {

std::span<const StateRow> RowsOf(std::string_view owner,
                                 const std::vector<StateRow>& rows) {
  auto first = std::lower_bound(
      rows.begin(), rows.end(), owner,
      [](const StateRow& row, std::string_view o) { return row.owner < o; });
  auto last = std::upper_bound(
      first, rows.end(), owner,
      [](std::string_view o, const StateRow& row) { return o < row.owner; });
  return {first, last};
}

}  // namespace oddverb
