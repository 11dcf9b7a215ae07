#include "net/retry_after.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "base/strings.h"

namespace oddverb {
namespace {

// RFC 9110 5.6.7: IMF-fixdate, RFC 850, asctime. All are UTC.
constexpr std::string_view kDateForms[] = {
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
};

}  // namespace

std::optional<absl::Duration> ParseRetryAfter(std::string_view value,
                                              absl::Time now) {
  value = S(absl::StripAsciiWhitespace(A(value)));
  if (value.empty()) return std::nullopt;
  if (value.find_first_not_of("0123456789") == std::string_view::npos) {
    int64_t seconds = 0;
    // Digits that do not fit are a very long time.
    if (!absl::SimpleAtoi(A(value), &seconds)) return kMaxRetryAfter;
    return std::min(absl::Seconds(seconds), kMaxRetryAfter);
  }
  for (std::string_view form : kDateForms) {
    absl::Time date;
    if (absl::ParseTime(A(form), A(value), &date, nullptr)) {
      return std::clamp(date - now, absl::ZeroDuration(), kMaxRetryAfter);
    }
  }
  return std::nullopt;
}

}  // namespace oddverb
