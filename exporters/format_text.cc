#include "exporters/format_text.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"

namespace oddverb {
namespace {

// Keeps units below 2^53, where a double still holds each whole number.
constexpr double kMaxNumber = 1e11;

bool AreDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

}  // namespace

std::string TimeText(absl::Time time) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::Time first = absl::FromCivil(absl::CivilSecond(1), utc);
  const absl::Time end = absl::FromCivil(absl::CivilSecond(10000), utc);
  time = std::clamp(time, first, end - absl::Microseconds(1));
  return absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%E6SZ", time, utc);
}

int64_t UnixNanos(absl::Time time) {
  const absl::Time last =
      absl::FromUnixNanos(std::numeric_limits<int64_t>::max());
  return absl::ToUnixNanos(std::clamp(time, absl::FromUnixNanos(1), last));
}

std::string NanoTimeText(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%E9SZ",
                          absl::FromUnixNanos(UnixNanos(time)),
                          absl::UTCTimeZone());
}

double FiniteNumber(double value) {
  if (std::isnan(value)) return 0;
  return std::clamp(value, -kMaxNumber, kMaxNumber);
}

int64_t DecimalUnits(double value) {
  return std::llround(FiniteNumber(value) * static_cast<double>(kDecimalUnit));
}

std::string DecimalText(int64_t units) {
  const uint64_t size = static_cast<uint64_t>(std::abs(units));
  std::string text = units < 0 ? "-" : "";
  text += std::to_string(size / kDecimalUnit);
  if (const uint64_t rest = size % kDecimalUnit; rest != 0) {
    // "1" and 4 digits
    std::string decimals = std::to_string(kDecimalUnit + rest);
    decimals.erase(decimals.find_last_not_of('0') + 1);
    decimals[0] = '.';
    text += decimals;
  }
  return text;
}

int ConfidencePercent(const Finding& finding) {
  return static_cast<int>(
      std::lround(std::clamp(FiniteNumber(finding.confidence), 0., 1.) * 100));
}

std::string WhyText(const Finding& finding) {
  std::string text;
  for (const FindingReason& reason : finding.why) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", reason.feature, ": ",
                    reason.value);
  }
  return text;
}

std::string_view OnlyOne(const std::vector<std::string>& values) {
  return values.size() == 1 ? std::string_view(values.front())
                            : std::string_view();
}

bool IsAttackTechnique(std::string_view id) {
  // T1552 or T1552.007
  if (id.size() != 5 && id.size() != 9) return false;
  if (id[0] != 'T' || !AreDigits(id.substr(1, 4))) return false;
  return id.size() == 5 || (id[5] == '.' && AreDigits(id.substr(6)));
}

void AddText(std::string_view key, std::string_view value, JsonWriter& json) {
  if (!value.empty()) json.Key(key).String(value);
}

void AddTexts(std::string_view key, const std::vector<std::string>& values,
              JsonWriter& json) {
  if (values.empty()) return;
  json.Key(key).BeginArray();
  for (const std::string& value : values) json.String(value);
  json.EndArray();
}

}  // namespace oddverb
