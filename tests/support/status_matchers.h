// GoogleMock matchers for absl::Status and StatusOr (not in Debian's Abseil).
#ifndef ODDVERB_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define ODDVERB_TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace oddverb {

inline absl::Status StatusOf(const absl::Status& status) { return status; }
template <class T>
absl::Status StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

MATCHER(IsOk, "is OK") {
  absl::Status status = StatusOf(arg);
  *result_listener << status.ToString();
  return status.ok();
}

// EXPECT_THAT(result, StatusIs(absl::StatusCode::kDataLoss, HasSubstr("x")));
MATCHER_P2(StatusIs, code, message_matcher, "") {
  absl::Status status = StatusOf(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         ::testing::Matches(message_matcher)(std::string(status.message()));
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_STATUS_MATCHERS_H_
