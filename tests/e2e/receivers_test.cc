// Receivers that fail in each way that there is, all at once behind one
// `oddverb run`: each delays itself alone, and nothing is lost.
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/receiving_service.h"
#include "tests/net/http_test_server.h"
#include "tests/support/raw_server.h"
#include "tests/support/recording_server.h"
#include "tests/support/small_disk.h"
#include "tests/support/test_certificates.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::_;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr int kThieves = 20;
constexpr char kPoison[] = "thief-7";

class ReceiversTest : public ::testing::Test {
 protected:
  static std::string Webhook(const std::string& name, const std::string& url,
                             const std::string& more = "") {
    return absl::StrCat("  - {name: ", name, ", type: webhook, url: \"", url,
                        "\", timeout: 500ms", more, "}\n");
  }
  void Attack(int first = 0, int count = kThieves) {
    const absl::Time now = absl::Now();
    for (int i = first; i < first + count; ++i) {
      run_.log().Append(
          TheftBy(absl::StrCat("thief-", i), now, static_cast<uint64_t>(i)));
    }
  }

  // How often a receiver took the finding of each thief: `took` says which
  // requests it took.
  template <typename Took>
  static std::map<std::string, int> TakenBy(const RecordingServer& server,
                                            const Took& took) {
    std::map<std::string, int> taken;
    for (const RecordedRequest& request : server.requests()) {
      if (!took(request)) continue;
      const json body = json::parse(request.body);
      const json findings = body.is_array() ? body : json::array({body});
      for (const json& finding : findings) ++taken[finding["entity"]];
    }
    return taken;
  }

  ReceivingService run_;
};

constexpr char kQuick[] =
    "delivery: {retry: 100ms, max_retry: 300ms, drain: 0s}\n";

TEST_F(ReceiversTest, EachFailureDelaysItselfAloneAndLosesNothing) {
  RawServer silent("", RawServer::Then::kHang);
  RawServer garbage("\x16\x03 no HTTP\r\n\r\n", RawServer::Then::kClose);
  RawServer torn("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
                 RawServer::Then::kClose);
  RecordingServer failing, picky, busy, small;
  failing.AnswerWithStatus(500);
  auto is_poison = [](const RecordedRequest& request) {
    return absl::StrContains(request.body, absl::StrCat(kPoison, "\""));
  };
  picky.AnswerWith([&](const RecordedRequest& request) {
    return HttpResponse{.status = is_poison(request) ? 400 : 200};
  });
  std::atomic<int> busy_count{0};
  busy.AnswerWith([&](const RecordedRequest&) {
    return busy_count++ == 0
               ? HttpResponse{.status = 429, .retry_after = absl::Seconds(1)}
               : HttpResponse{.status = 204};
  });
  auto fits = [](const RecordedRequest& request) {
    return json::parse(request.body).size() <= 3;
  };
  small.AnswerWith([&](const RecordedRequest& request) {
    return HttpResponse{.status = fits(request) ? 200 : 413};
  });
  TestAuthority authority(run_.folder(), "authority");
  TestAuthority stranger(run_.folder(), "stranger");
  const CertificateFiles files = authority.Issue("server", {});
  HttpTestServer secure;
  secure.options.listeners[0].tls = {.certificate_file = files.certificate_file,
                                     .key_file = files.key_file};
  secure.Start();

  const std::map<std::string, std::string> broken = {
      {"silent", silent.url()},
      {"garbage", garbage.url()},
      {"torn", torn.url()},
      {"failing", failing.url()},
      {"stranger", "https://" + secure.address()}};
  std::string outputs =
      absl::StrCat(Webhook("picky", picky.url()), Webhook("busy", busy.url()),
                   Webhook("small", small.url(), ", body: array"));
  for (const auto& [name, url] : broken) {
    outputs +=
        Webhook(name, url,
                name == "stranger"
                    ? absl::StrCat(", tls: {ca_file: ", stranger.ca_file(), "}")
                    : "");
  }
  run_.Start(outputs, kQuick);
  Attack();

  // Whoever works has all of it, as if there were no others.
  EXPECT_TRUE(BecomesTrue([&] { return run_.Findings().size() == kThieves; }));
  for (const char* works : {"picky", "busy", "small"}) {
    EXPECT_TRUE(BecomesTrue([&] { return run_.Waiting(works) == 0; })) << works;
  }
  auto all = [](const RecordedRequest&) { return true; };
  EXPECT_THAT(
      TakenBy(picky, [&](const auto& request) { return !is_poison(request); }),
      AllOf(SizeIs(kThieves - 1), Each(Pair(_, 1))));
  EXPECT_GE(run_.Attempts("picky", "refused"), 1);
  EXPECT_TRUE(run_.service().process().ReadErrors("dead letter"));
  const auto taken_by_busy = TakenBy(busy, all);
  EXPECT_THAT(taken_by_busy, SizeIs(kThieves));
  EXPECT_EQ(busy.count(), kThieves + 1u) << "the first one twice";
  EXPECT_THAT(TakenBy(small, fits), AllOf(SizeIs(kThieves), Each(Pair(_, 1))));
  for (const auto& [name, url] : broken) {
    EXPECT_TRUE(BecomesTrue([&, output = name] {
      return run_.Attempts(output, "retry") >= 2;
    })) << name;
    EXPECT_EQ(run_.Attempts(name, "success"), 0) << name;
    EXPECT_EQ(run_.Waiting(name), kThieves) << name;
  }
  EXPECT_EQ(run_.service().Get("open", "/readyz").status, 200);
  EXPECT_THAT(run_.Stop(), AllOf(HasSubstr("certificate"),
                                 HasSubstr("the receiver answered 500"),
                                 HasSubstr("msg=stopped")));

  // Once they work, they get what they lack.
  std::vector<std::unique_ptr<RecordingServer>> mended;
  outputs.clear();
  for (const auto& [name, url] : broken) {
    mended.push_back(std::make_unique<RecordingServer>());
    outputs += Webhook(name, mended.back()->url());
  }
  run_.Start(outputs, kQuick);
  for (const auto& server : mended) {
    EXPECT_TRUE(server->Await(kThieves));
    EXPECT_THAT(TakenBy(*server, all),
                AllOf(SizeIs(kThieves), Each(Pair(_, 1))));
  }
  run_.Stop();
}

// The file's disk alone is full: the state has room.
TEST_F(ReceiversTest, AFileOnAFullDiskWaitsAndHasEachFindingOnceInTheEnd) {
  SmallDisk disk(run_.folder().path("disk"), "1m");
  if (!disk.mounted()) GTEST_SKIP() << "may not mount a tmpfs";
  const std::string file = run_.folder().path("disk/findings");
  RecordingServer webhook;
  run_.WriteFindingsTo(file);
  run_.Start(Webhook("other", webhook.url()), kQuick);
  Attack(0, 1);
  ASSERT_TRUE(BecomesTrue([&] { return run_.Findings().size() == 1; }));
  // What is left of the file's last page takes a part of a line.
  disk.Fill();
  Attack(1, kThieves - 1);
  EXPECT_TRUE(webhook.Await(kThieves)) << "others do not wait";
  EXPECT_TRUE(BecomesTrue([&] { return run_.Attempts("file", "retry") >= 2; }));
  EXPECT_GT(run_.Waiting("file"), 0);
  EXPECT_EQ(run_.service().Get("open", "/readyz").status, 200);
  EXPECT_TRUE(run_.service().process().ReadErrors("No space left on device"));
  // A crash does not make it forget where it was.
  run_.Kill();
  run_.Start(Webhook("other", webhook.url()), kQuick);
  EXPECT_TRUE(BecomesTrue([&] { return run_.Attempts("file", "retry") >= 1; }));
  disk.Free();
  EXPECT_TRUE(BecomesTrue([&] { return run_.Waiting("file") == 0; }));
  run_.Stop();
  std::set<std::string> ids;
  for (const json& finding : run_.Findings()) {
    EXPECT_TRUE(ids.insert(finding.value("id", "none")).second) << finding;
  }
  EXPECT_THAT(ids, SizeIs(kThieves));
}

// As they stand in the JSON of the log.
const std::map<std::string, std::string>& HostileNames() {
  static const std::map<std::string, std::string> names = {
      {"quotes", R"(a\"b\\c'd`e)"},
      {"lines", R"(a\nb\r\n{\"rule\":\"forged\"}\n)"},
      {"controls", R"(a\u0000b\u001b[2J\u007f\u0085\u2028\u202e)"},
      {"markup", "<!channel> & <script>alert(1)</script> ${url} {{ .x }}"},
      {"bytes", "\xff\xfe\xed\xa0\x80\xc0\xaf"},
      {"megabyte", std::string(1 << 20, 'x')}};
  return names;
}

TEST_F(ReceiversTest, HostileNamesGoThroughEveryKindOfOutput) {
  const std::vector<std::string> kinds = {
      "type: falcosidekick",
      "type: loki",
      "type: otlp",
      "type: alertmanager",
      "type: webhook, format: native",
      "type: webhook, format: falco",
      "type: webhook, format: ocsf",
      "type: webhook, format: ecs",
      "type: webhook, format: cloudevents",
      "type: webhook, body: array",
      "type: webhook, template: slack",
      "type: webhook, template: teams",
      "type: webhook, template: pagerduty, template_values: {routing_key: "
      "0123456789}"};
  std::vector<std::unique_ptr<RecordingServer>> servers;
  std::string outputs;
  for (const std::string& kind : kinds) {
    servers.push_back(std::make_unique<RecordingServer>());
    const bool is_alertmanager = absl::StrContains(kind, "alertmanager");
    absl::StrAppend(&outputs, "  - {name: out-", servers.size(), ", ", kind,
                    is_alertmanager ? ", urls: [" : ", url: \"",
                    servers.back()->url(), is_alertmanager ? "]" : "/in\"",
                    "}\n");
  }
  run_.Start(outputs, kQuick);
  const absl::Time now = absl::Now();
  uint64_t number = 0;
  for (const auto& [name, text] : HostileNames()) {
    run_.log().Append(TheftBy(text, now, number++));
  }
  ASSERT_TRUE(BecomesTrue(
      [&] { return run_.Findings().size() == HostileNames().size(); }));
  for (size_t i = 0; i < kinds.size(); ++i) {
    const std::string output = absl::StrCat("out-", i + 1);
    EXPECT_TRUE(BecomesTrue([&] { return run_.Waiting(output) == 0; }))
        << kinds[i];
    EXPECT_EQ(run_.Attempts(output, "refused"), 0) << kinds[i];
    for (const RecordedRequest& request : servers[i]->requests()) {
      // Throws nothing: null if it is no JSON, or no UTF-8.
      const json body = json::parse(request.body, /*cb=*/nullptr,
                                    /*allow_exceptions=*/false);
      EXPECT_FALSE(body.is_discarded()) << kinds[i];
      EXPECT_THAT(request.body, testing::Not(HasSubstr("\n{\"rule\"")));
      EXPECT_THAT(request.body, testing::Not(HasSubstr("\x1b")));
    }
  }
  run_.Stop();
  EXPECT_THAT(run_.Findings(), SizeIs(HostileNames().size()));
}

}  // namespace
}  // namespace oddverb
