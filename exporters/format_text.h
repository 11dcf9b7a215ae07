// Pieces that several forms of a finding share: times, numbers, lists. Pure
// functions.
#ifndef ODDVERB_EXPORTERS_FORMAT_TEXT_H_
#define ODDVERB_EXPORTERS_FORMAT_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/json_writer.h"
#include "model/finding.h"

namespace oddverb {

// RFC 3339, UTC, microseconds cut off; outside of the years 1 to 9999 the
// nearest time of that range.
std::string TimeText(absl::Time time);

// Nanoseconds since 1970; outside of 1970 to 2262 the nearest of that range, as
// receivers count in 64 bits and some take 0 for "none": never below 1.
int64_t UnixNanos(absl::Time time);
// RFC 3339, UTC, nine digits of nanoseconds, within the range of UnixNanos().
std::string NanoTimeText(absl::Time time);

// Numbers of a finding are printed with at most four decimals: as units of
// 0.0001. NaN counts as 0, infinities as +-1e11.
inline constexpr int64_t kDecimalUnit = 10'000;
double FiniteNumber(double value);
int64_t DecimalUnits(double value);
// "-1.25", "3".
std::string DecimalText(int64_t units);

// Of 0 to 1, as 0 to 100.
int ConfidencePercent(const Finding& finding);

// "feature: value; feature: value".
std::string WhyText(const Finding& finding);

// The entry, if there is exactly one; else empty. For formats that have room
// for one where a finding may have many: the first of many would mislead.
std::string_view OnlyOne(const std::vector<std::string>& values);

// An ATT&CK id such as "T1552.007", else false: what else stands there came
// from a rule file.
bool IsAttackTechnique(std::string_view id);

// Key and value, unless the value is empty.
void AddText(std::string_view key, std::string_view value, JsonWriter& json);
void AddTexts(std::string_view key, const std::vector<std::string>& values,
              JsonWriter& json);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_FORMAT_TEXT_H_
