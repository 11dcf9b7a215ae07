#include "app/service_http.h"

#include "app/recent_findings.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "nlohmann/json.hpp"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::SizeIs;

// The pages of one listener on loopback that asks for a token.
class ServiceHttpTest : public ::testing::Test {
 protected:
  void Start(ServiceAnswers answers) {
    ListenerConfig listener;
    listener.name = "local";
    listener.address = "127.0.0.1:0";
    listener.serve = {Served::kApi};
    listener.tokens.values = {"token"};
    ServiceConfig config;
    config.listeners = {listener};
    routes_ = std::make_unique<ServiceRoutes>(std::move(answers));
    auto sources = ServiceSources::Make(config);
    ASSERT_THAT(sources, IsOk());
    sources_ = *std::move(sources);
    auto started = HttpServer::Start(routes_->ServerOptions(config, *sources_));
    ASSERT_THAT(started, IsOk());
    server_ = *std::move(started);
  }
  HttpResult Send(const std::string& path, const std::string& method = "GET",
                  const std::string& token = "token") {
    auto client = HttpClient::Make({});
    EXPECT_THAT(client, IsOk());
    auto result =
        (*client)->Send({.method = method,
                         .url = "http://" + server_->address(0) + path,
                         .headers = {{"Authorization", "Bearer " + token}}},
                        absl::Seconds(30));
    EXPECT_THAT(result, IsOk());
    return result.ok() ? *std::move(result) : HttpResult();
  }

  std::unique_ptr<ServiceRoutes> routes_;
  std::unique_ptr<ServiceSources> sources_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ServiceHttpTest, HandsAllBelowTheAlertApisPathToIt) {
  ServiceAnswers answers;
  answers.alerts = [](std::string_view path, std::string_view query) {
    return HttpResponse{.content_type = "text/x",
                        .body = std::string(path) + "?" + std::string(query)};
  };
  Start(std::move(answers));
  EXPECT_EQ(Send("/api/v2/alerts/groups?filter=a%3Db").body,
            "/api/v2/alerts/groups?filter=a%3Db");
  EXPECT_EQ(Send("/api/v2/status").content_type, "text/x");
  EXPECT_EQ(Send("/api/v2/alerts", "GET", "wrong").status, 401);
  EXPECT_EQ(Send("/api/v2/silences", "POST").status, 405);
  // Grafana asks for it to tell Mimir from Alertmanager.
  EXPECT_EQ(Send("/alertmanager/api/v2/status").status, 404);
}

TEST_F(ServiceHttpTest, FindsAFindingByItsId) {
  RecentFindings recent;
  std::vector<Finding> findings(3);
  for (uint64_t i = 0; i < 3; ++i) {
    findings[i].id = {i, 7};
    findings[i].severity = static_cast<Severity>(i);
  }
  ASSERT_THAT(recent.Export(findings, absl::InfiniteFuture()), IsOk());
  ServiceAnswers answers;
  answers.findings_json = [&recent](const FindingQuery& query) {
    return recent.ToJson(query);
  };
  Start(std::move(answers));
  auto get = [this](const std::string& query) {
    return nlohmann::json::parse(Send("/api/v1/findings" + query).body);
  };
  EXPECT_THAT(get(""), SizeIs(3));
  EXPECT_THAT(get("?min_severity=low"), SizeIs(2));
  std::string id = findings[1].id.ToHex();
  ASSERT_THAT(get("?id=" + id), SizeIs(1));
  EXPECT_EQ(get("?id=" + id)[0]["id"], id);
  EXPECT_THAT(get("?min_severity=medium&id=" + id), SizeIs(0));
  EXPECT_THAT(get("?id=nothing"), SizeIs(0));
  EXPECT_EQ(Send("/api/v1/findings?min_severity=x").status, 400);
}

}  // namespace
}  // namespace oddverb
