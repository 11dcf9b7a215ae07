// Numbers for people: "1,234,567", "27.7 MB". Thread-safe.
#ifndef ODDVERB_APP_NUMBER_TEXT_H_
#define ODDVERB_APP_NUMBER_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace oddverb {

std::string WithCommas(uint64_t number);
// Decimal units, three significant digits: "27.7 MB".
std::string BytesText(uint64_t bytes);
// "3.1 M", "830 k", "12".
std::string RateText(double per_second);
// "1 event", "2 events".
std::string Counted(uint64_t number, std::string_view noun);

}  // namespace oddverb

#endif  // ODDVERB_APP_NUMBER_TEXT_H_
