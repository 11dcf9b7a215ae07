#include "exporters/webhook_exporter.h"

#include <string>

#include "exporters/falco_http_exporter.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/exporters/finding_samples.h"
#include "tests/exporters/receivers.h"
#include "tests/support/json_schema.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Time kNoDeadline = absl::InfiniteFuture();

std::vector<Finding> Findings(int count) {
  std::vector<Finding> findings(static_cast<size_t>(count), TypicalFinding());
  for (size_t i = 0; i < findings.size(); ++i) findings[i].id = {1, i};
  return findings;
}

std::unique_ptr<Exporter> MakeWebhook(const WebhookOptions& options) {
  absl::StatusOr<std::unique_ptr<Exporter>> made =
      WebhookExporter::Make(options);
  EXPECT_THAT(made, IsOk());
  return *std::move(made);
}

// The last digits of the ids, in the order in which they came.
std::vector<int> IdsOf(const std::vector<std::string>& bodies) {
  std::vector<int> ids;
  for (const std::string& body : bodies) {
    const std::string id = json::parse(body).at("id");
    ids.push_back(std::stoi(id.substr(id.size() - 4), nullptr, 16));
  }
  return ids;
}

TEST(WebhookExporterTest, PostsEachFindingInItsFormatAndType) {
  struct Case {
    FindingFormat format;
    const char* type;
  } cases[] = {
      {FindingFormat::kNative, "application/json"},
      {FindingFormat::kOcsf, "application/json"},
      {FindingFormat::kEcs, "application/json"},
      {FindingFormat::kFalco, "application/json"},
      {FindingFormat::kCloudEvents, "application/cloudevents+json"},
  };
  for (const Case& c : cases) {
    Receiver receiver;
    auto exporter =
        MakeWebhook({.http = {.url = receiver.url()}, .format = c.format});
    const std::vector<Finding> findings = Findings(3);
    ASSERT_THAT(exporter->Export(findings, kNoDeadline), IsOk());
    const std::vector<Received> requests = receiver.requests();
    ASSERT_EQ(requests.size(), 3u);
    for (size_t i = 0; i < findings.size(); ++i) {
      std::string expected;
      FormatFinding(c.format, findings[i], expected);
      EXPECT_EQ(requests[i].body, expected);
      EXPECT_EQ(requests[i].Header("Content-Type"), c.type);
    }
  }
}

TEST(WebhookExporterTest, PostsAllAsOneArrayIfAsked) {
  Receiver receiver;
  auto exporter = MakeWebhook({.http = {.url = receiver.url()},
                               .format = FindingFormat::kCloudEvents,
                               .body = WebhookBody::kArray});
  ASSERT_THAT(exporter->Export(Findings(3), kNoDeadline), IsOk());
  ASSERT_THAT(exporter->Export(Findings(0), kNoDeadline), IsOk());
  const std::vector<Received> requests = receiver.requests();
  ASSERT_EQ(requests.size(), 1u) << "nothing is sent for no findings";
  EXPECT_EQ(json::parse(requests[0].body).size(), 3u);
  EXPECT_EQ(requests[0].Header("Content-Type"),
            "application/cloudevents-batch+json");
}

TEST(WebhookExporterTest, GoesOnWhereItFailedInsteadOfTellingTwice) {
  Receiver receiver([](size_t request, const std::string&) {
    return HttpResponse{.status = request == 2 ? 503 : 200};
  });
  auto exporter = MakeWebhook({.http = {.url = receiver.url()}});
  const std::vector<Finding> findings = Findings(5);
  EXPECT_EQ(exporter->Export(findings, kNoDeadline).code(),
            absl::StatusCode::kUnavailable);
  ASSERT_THAT(exporter->Export(findings, kNoDeadline), IsOk());
  EXPECT_THAT(IdsOf(receiver.bodies()), ElementsAre(0, 1, 2, 2, 3, 4));
}

TEST(WebhookExporterTest, PartsOfAFailedCallPassOverWhatWasTakenToo) {
  // Refuses one finding for good, which the caller finds by halves.
  Receiver receiver([](size_t, const std::string& body) {
    const bool bad = IdsOf({body})[0] == 2;
    return HttpResponse{.status = bad ? 400 : 200};
  });
  auto exporter = MakeWebhook({.http = {.url = receiver.url()}});
  const std::vector<Finding> all = Findings(4);
  const std::span<const Finding> findings(all);
  const auto refused = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(exporter->Export(findings, kNoDeadline).code(), refused);
  EXPECT_THAT(exporter->Export(findings.first(1), kNoDeadline), IsOk());
  EXPECT_THAT(exporter->Export(findings.subspan(1, 1), kNoDeadline), IsOk());
  EXPECT_EQ(exporter->Export(findings.subspan(2), kNoDeadline).code(), refused);
  EXPECT_THAT(exporter->Export(findings.subspan(3), kNoDeadline), IsOk());
  EXPECT_THAT(IdsOf(receiver.bodies()), ElementsAre(0, 1, 2, 2, 3));
}

TEST(WebhookExporterTest, ATakenFindingIsForgottenOnceItsCallIsThrough) {
  Receiver receiver([](size_t request, const std::string&) {
    return HttpResponse{.status = request == 1 ? 503 : 200};
  });
  auto exporter = MakeWebhook({.http = {.url = receiver.url()}});
  EXPECT_FALSE(exporter->Export(Findings(2), kNoDeadline).ok());
  for (int i = 0; i < 2; ++i) {
    ASSERT_THAT(exporter->Export(Findings(2), kNoDeadline), IsOk());
  }
  EXPECT_THAT(IdsOf(receiver.bodies()), ElementsAre(0, 1, 1, 0, 1));
}

TEST(WebhookExporterTest, HandsOnWhatTheReceiverSaid) {
  Receiver receiver([](size_t, const std::string&) {
    return HttpResponse{.status = 429, .retry_after = absl::Seconds(30)};
  });
  auto exporter = MakeWebhook({.http = {.url = receiver.url()}});
  const absl::Status status = exporter->Export(Findings(1), kNoDeadline);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(RetryAfterOf(status), absl::Seconds(30));
  EXPECT_EQ(exporter->Export(Findings(1), absl::InfinitePast()).code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST(WebhookExporterTest, FillsATemplate) {
  Receiver receiver;
  auto exporter =
      MakeWebhook({.http = {.url = receiver.url()},
                   .body = WebhookBody::kArray,
                   .form = {.text = "${severity|upper|raw} ${finding_id|raw}"},
                   .content_type = "text/plain"});
  ASSERT_THAT(exporter->Export(Findings(2), kNoDeadline), IsOk());
  EXPECT_THAT(receiver.bodies(),
              ElementsAre("CRITICAL 00000000000000010000000000000000",
                          "CRITICAL 00000000000000010000000000000001"));
  EXPECT_EQ(receiver.requests()[0].Header("Content-Type"), "text/plain");
}

TEST(WebhookExporterTest, RefusesAWrongTemplateAtStart) {
  EXPECT_THAT(WebhookExporter::Make(
                  {.http = {.url = "http://x"}, .form = {.text = "${sumary}"}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("did you mean summary")));
}

TEST(FalcoHttpExporterTest, PostsOneFalcoAlertARequest) {
  Receiver receiver;
  auto exporter = MakeFalcoHttpExporter({.url = receiver.url()});
  ASSERT_THAT(exporter, IsOk());
  ASSERT_THAT((*exporter)->Export(Findings(2), kNoDeadline), IsOk());
  ASSERT_EQ(receiver.bodies().size(), 2u);
  const json schema = DataSchema("falco_alert");
  for (const std::string& body : receiver.bodies()) {
    EXPECT_EQ(SchemaMismatch(schema, json::parse(body)), "");
  }
}

}  // namespace
}  // namespace oddverb
