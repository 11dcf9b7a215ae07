#include "bench/recorded_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr uint32_t kServiceAccount = 1000, kPerson = 1007;  // CastOf()

std::string EventOf(const std::string& user, const std::string& stage) {
  return R"({"kind":"Event","auditID":"a-1","stage":")" + stage +
         R"(","requestURI":"/api/v1/namespaces/web/pods/cart?watch=true",)"
         R"("verb":"get","user":{"username":")" +
         user +
         R"("},"sourceIPs":["10.9.9.9"],"userAgent":"cart/v3",)"
         R"("objectRef":{"resource":"pods","namespace":"web","name":"cart"},)"
         R"("responseStatus":{"code":200},"stageTimestamp":"2026-01-01T00:00:00Z"})"
         "\n";
}

class RecordedRequestsTest : public testing::Test {
 protected:
  absl::StatusOr<RecordedRequests> LoadText(const std::string& text) {
    return RecordedRequests::Load(folder_.Write("audit.log", text));
  }
  std::string Ask(const RecordedRequests& log, uint32_t who) {
    std::string out;
    log.Write(load_, 1, who, 0, out);
    return out;
  }

  const TempFolder folder_;
  const Load load_ = {1000, 10, 5, 7};
};

TEST_F(RecordedRequestsTest, AnIdentityAsksAsTheUserDidInItsOwnName) {
  auto log =
      LoadText(EventOf("system:serviceaccount:web:cart", "ResponseComplete"));
  ASSERT_TRUE(log.ok()) << log.status();
  const std::string event = Ask(*log, kServiceAccount);
  EXPECT_THAT(event, HasSubstr(R"("userAgent":"cart/v3")"));
  EXPECT_THAT(event, HasSubstr("serviceaccount:team-0:app-1000\""));
  EXPECT_THAT(event, HasSubstr("/namespaces/team-0/pods/cart?watch=true"));
  EXPECT_THAT(event, HasSubstr(R"("namespace":"team-0","name":"cart")"));
  EXPECT_THAT(event, Not(HasSubstr("10.9.9.9")));
  EXPECT_THAT(event, Not(HasSubstr("a-1")));
  EXPECT_THAT(event, Not(HasSubstr("2026-01-01")));
}

TEST_F(RecordedRequestsTest, WhomTheLogHasNothingOfAsksForMadeUpThings) {
  auto log =
      LoadText(EventOf("system:serviceaccount:web:cart", "ResponseComplete"));
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_THAT(Ask(*log, kPerson), Not(HasSubstr("cart")));
}

TEST_F(RecordedRequestsTest, DamagedLinesAreLeftOut) {
  auto log =
      LoadText("torn {\n\n" + EventOf("alice@example.com", "ResponseComplete"));
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_THAT(Ask(*log, kPerson), HasSubstr("cart/v3"));
}

TEST_F(RecordedRequestsTest, TheControlPlaneAndFirstStagesAreNobodysRequests) {
  auto log = LoadText(
      EventOf("system:serviceaccount:kube-system:cart", "ResponseComplete") +
      EventOf("system:node:worker-1", "ResponseComplete") +
      EventOf("alice@example.com", "RequestReceived"));
  EXPECT_EQ(log.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace oddverb
