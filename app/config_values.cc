#include "app/config_values.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace oddverb {

std::string DurationValue(absl::Duration duration) {
  // Abseil's "0" has no unit, which the loader refuses.
  if (duration == absl::ZeroDuration()) return "0s";
  return absl::FormatDuration(duration);
}

std::string MomentValue(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

std::string SizeValue(int64_t bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB"};
  size_t unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return absl::StrCat(bytes, A(kUnits[unit]));
}

std::string NetworkValue(const IpNetwork& network) {
  constexpr int kV4Offset = 96;  // of ::ffff:0:0/96
  bool is_v4 = network.base.is_v4() && network.prefix_bits >= kV4Offset;
  return absl::StrCat(network.base.ToString(), "/",
                      network.prefix_bits - (is_v4 ? kV4Offset : 0));
}

}  // namespace oddverb
