// Short names of fields, and what of an event they stand for. Pure functions
// over a constant table.
#ifndef ODDVERB_RULES_SHORT_NAMES_H_
#define ODDVERB_RULES_SHORT_NAMES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

enum class PodPlace : uint8_t { kNone, kPod, kContainer };

struct ShortNameMeaning {
  // In the event; none where it is no short name.
  std::vector<std::string> paths = {};
  // Where it is of pods, the path below each of them. Borrows from the name.
  PodPlace pod_place = PodPlace::kNone;
  std::string_view below = {};
};

// Of a name of the table, or one that begins with "pod." or "container.".
ShortNameMeaning MeaningOfShortName(std::string_view name);

// Those of the table.
std::vector<std::string_view> ShortNames();

}  // namespace oddverb

#endif  // ODDVERB_RULES_SHORT_NAMES_H_
