#include "tests/support/api_server.h"

#include <zlib.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

std::vector<std::string> StoryArguments(const AuditStory& story, int rate) {
  return {"-events",        absl::StrCat(story.events),
          "-attackers",     absl::StrCat(story.attackers),
          "-burst",         absl::StrCat(story.attempts),
          "-burst-spacing", absl::StrCat(story.attempt_spacing),
          "-step",          absl::FormatDuration(story.step),
          "-rate",          absl::StrCat(rate)};
}

ChildSetup SetupWith(const std::string& program, const AuditStory& story,
                     int rate, std::vector<std::string> arguments) {
  ChildSetup setup;
  setup.program = program;
  setup.arguments = StoryArguments(story, rate);
  setup.arguments.insert(setup.arguments.end(), arguments.begin(),
                         arguments.end());
  return setup;
}

// Of a plain file or a compressed one.
void AppendContent(const std::string& path, std::string& out) {
  gzFile file = gzopen(path.c_str(), "rb");
  ASSERT_NE(file, nullptr) << path;
  char block[1 << 16];
  int got = 0;
  while ((got = gzread(file, block, sizeof(block))) > 0) {
    out.append(block, static_cast<size_t>(got));
  }
  EXPECT_EQ(got, 0) << path;
  gzclose(file);
}

}  // namespace

bool AuditStory::AttackGoesOnAfter(uint64_t events_judged) const {
  for (int attacker = 1; attacker <= attackers; ++attacker) {
    int64_t begin = int64_t{attacker} * events / (attackers + 1);
    int64_t last = begin + int64_t{attempt_spacing} * (attempts - 1);
    auto judged = static_cast<int64_t>(events_judged);
    if (begin < judged && judged <= last) return true;
  }
  return false;
}

bool ApiServer::IsBuilt(const std::string& program) {
  return std::filesystem::exists(program);
}

ChildSetup ApiServer::SetupOf(const std::string& program,
                              const AuditStory& story, const Log& log,
                              int rate) {
  return SetupWith(program, story, rate,
                   {"-mode", "log", "-log-path", log.path, "-log-compress",
                    "-log-maxsize", absl::StrCat(log.max_size_mib)});
}

ChildSetup ApiServer::SetupOf(const std::string& program,
                              const AuditStory& story, const Webhook& webhook,
                              int rate) {
  std::vector<std::string> arguments = {
      "-mode",
      "webhook",
      "-webhook-config",
      webhook.kubeconfig,
      "-webhook-initial-backoff",
      absl::FormatDuration(webhook.initial_backoff)};
  if (webhook.batch_size == 0) {
    arguments.push_back("-blocking");
  } else {
    arguments.insert(arguments.end(),
                     {"-batch-throttle-qps", "0", "-batch-max-size",
                      absl::StrCat(webhook.batch_size)});
  }
  return SetupWith(program, story, rate, std::move(arguments));
}

void ApiServer::ExpectHandedOverAll(ChildProcess& server,
                                    absl::Duration patience) {
  ChildResult result = server.Wait(patience);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  // How k8s.io/apiserver/pkg/audit tells of events that it gives up.
  EXPECT_THAT(result.errors, testing::Not(testing::HasSubstr("affecting")));
}

std::string KubeconfigOf(const WebhookClient& client) {
  return absl::StrCat(
      "apiVersion: v1\nkind: Config\nclusters:\n"
      "  - name: oddverb\n    cluster: {server: \"",
      client.url, "\", certificate-authority: ", client.ca_file,
      "}\nusers:\n  - name: apiserver\n    user: {client-certificate: ",
      client.certificate_file, ", client-key: ", client.key_file,
      "}\ncontexts:\n  - name: oddverb\n"
      "    context: {cluster: oddverb, user: apiserver}\n"
      "current-context: oddverb\n");
}

std::string ContentOfLog(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path().string());
  }
  // "audit-TIME.log" sorts before "audit.log".
  std::sort(paths.begin(), paths.end());
  std::string content;
  for (const std::string& path : paths) {
    // Beside the file that it is made of it is not complete.
    bool is_copy = absl::EndsWith(path, ".gz") &&
                   std::binary_search(paths.begin(), paths.end(),
                                      path.substr(0, path.size() - 3));
    if (!is_copy) AppendContent(path, content);
  }
  return content;
}

}  // namespace oddverb
