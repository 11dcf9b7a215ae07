// The real falcosidekick between us and a webhook: what it accepts, and that it
// hands every field on unchanged. Needs its program: ODDVERB_FALCOSIDEKICK is
// the path (tested with its main branch of August 2026); skipped without it.
#include <cstdlib>
#include <map>
#include <string>

#include "exporters/falco_http_exporter.h"
#include "exporters/finding_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/http_client.h"
#include "tests/exporters/finding_samples.h"
#include "tests/exporters/receivers.h"
#include "tests/support/child_process.h"
#include "tests/support/free_port.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using nlohmann::json;

bool Answers(const std::string& url) {
  auto client = HttpClient::Make({});
  return client.ok() &&
         (*client)->Send({.method = "GET", .url = url}, absl::Seconds(5)).ok();
}

TEST(FalcosidekickTest, TakesEveryFindingAndHandsItOnUnchanged) {
  const char* program = std::getenv("ODDVERB_FALCOSIDEKICK");
  if (program == nullptr) GTEST_SKIP() << "ODDVERB_FALCOSIDEKICK is not set";
  Receiver behind;
  const std::string port = std::to_string(FreePort());
  ChildSetup setup;
  setup.program = program;
  setup.environment = {{"LISTENADDRESS", "127.0.0.1"},
                       {"LISTENPORT", port},
                       {"WEBHOOK_ADDRESS", behind.url("/in")}};
  ChildProcess falcosidekick(setup);
  const std::string url = "http://127.0.0.1:" + port + "/";
  ASSERT_TRUE(Becomes([&] { return Answers(url + "ping"); }))
      << falcosidekick.errors();

  auto exporter = MakeFalcoHttpExporter({.url = url});
  ASSERT_THAT(exporter, IsOk());
  std::map<std::string, json> sent;
  for (const Finding& finding : HostileFindings(300)) {
    ASSERT_THAT((*exporter)->Export({&finding, 1}, absl::InfiniteFuture()),
                IsOk());
    std::string text;
    FormatFinding(FindingFormat::kFalco, finding, text);
    sent[finding.id.ToHex() + json::parse(text)["time"].get<std::string>()] =
        json::parse(text);
  }
  ASSERT_TRUE(Becomes([&] { return behind.bodies().size() >= sent.size(); }));
  for (const std::string& body : behind.bodies()) {
    const json alert = json::parse(body);
    bool found = false;
    for (const auto& [key, expected] : sent) {
      found |= alert["output_fields"] == expected["output_fields"] &&
               alert["output"] == expected["output"] &&
               alert["priority"] == expected["priority"] &&
               alert["rule"] == expected["rule"] &&
               alert["source"] == expected["source"];
    }
    EXPECT_TRUE(found) << body;
  }
}

}  // namespace
}  // namespace oddverb
