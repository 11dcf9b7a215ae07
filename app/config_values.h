// Values of the configuration as text that it can be loaded from again.
#ifndef ODDVERB_APP_CONFIG_VALUES_H_
#define ODDVERB_APP_CONFIG_VALUES_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "base/ip_address.h"

namespace oddverb {

// "1m30s"; "0s".
std::string DurationValue(absl::Duration duration);
// "2027-01-31T00:00:00Z".
std::string MomentValue(absl::Time time);
// In the largest binary unit that says it exactly: "8MiB".
std::string SizeValue(int64_t bytes);
// "10.0.0.0/8"; "10.0.0.1/32".
std::string NetworkValue(const IpNetwork& network);

}  // namespace oddverb

#endif  // ODDVERB_APP_CONFIG_VALUES_H_
