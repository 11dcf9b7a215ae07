// What of secrets gets to the state directory: looked for in the bytes of its
// files.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/pipeline.h"
#include "tests/support/demo_log.h"
#include "tests/support/input_files.h"
#include "tests/support/pipeline_run.h"
#include "tests/support/posted_source.h"
#include "tests/support/state_probe.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

constexpr char kSecretText[] = "c2VjcmV0LWJ5dGVz";

bool IsOnDisk(const std::string& folder, const std::string& text) {
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(file.path(), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in),
                      std::istreambuf_iterator<char>()};
    if (bytes.find(text) != std::string::npos) return true;
  }
  return false;
}

// The demo's events in lists of 20, each with bodies; in between what is torn.
std::vector<std::string> Posts() {
  std::vector<std::string> posts;
  std::string items;
  int count = 0;
  for (std::string line : DemoLogLines()) {
    auto has = [&line](const char* text) {
      return line.find(text) != std::string::npos;
    };
    bool secret = !has(R"("objectRef":{"resource":)") ||
                  has(R"("objectRef":{"resource":"secrets")") ||
                  has(R"("objectRef":{"resource":"tokenreviews")") ||
                  has(R"("subresource":"token")");
    line.back() = ',';
    absl::StrAppend(&line, R"("requestObject":{"data":{"k":")",
                    secret ? kSecretText : "harmless-bytes", "\"}}}");
    absl::StrAppend(&items, items.empty() ? "" : ",", line);
    if (++count % 20 != 0) continue;
    posts.push_back(
        absl::StrCat("{\"kind\":\"EventList\",\"apiVersion\":"
                     "\"audit.k8s.io/v1\",\"metadata\":{},\"items\":[",
                     items, "]}"));
    items.clear();
    if (count % 200 == 0) posts.push_back(line.substr(0, line.size() - 9));
    if (count == 3000) break;
  }
  return posts;
}

// A database that is looked at after each write.
class WatchedCheckpoint final : public Checkpoint {
 public:
  WatchedCheckpoint(Checkpoint& to, std::string folder)
      : to_(to), folder_(std::move(folder)) {}

  absl::StatusOr<uint64_t> Commit(const CheckpointBatch& batch) override {
    auto result = to_.Commit(batch);
    Look();
    return result;
  }
  absl::StatusOr<std::optional<Restored>> Restore() override {
    return to_.Restore();
  }
  absl::Status Delivered(uint64_t number) override {
    return to_.Delivered(number);
  }
  absl::StatusOr<uint64_t> Spool(
      std::string_view source,
      std::span<const std::string_view> bodies) override {
    auto result = to_.Spool(source, bodies);
    Look();
    return result;
  }
  absl::StatusOr<std::vector<SpooledBody>> ReadSpool(
      std::string_view source, uint64_t after, size_t max_bytes) override {
    return to_.ReadSpool(source, after, max_bytes);
  }

  bool saw_secret() const { return saw_secret_; }
  bool saw_rest() const { return saw_rest_; }

 private:
  void Look() {
    saw_secret_ |= IsOnDisk(folder_, kSecretText);
    saw_rest_ |= IsOnDisk(folder_, "harmless-bytes");
  }

  Checkpoint& to_;
  const std::string folder_;
  bool saw_secret_ = false;
  bool saw_rest_ = false;
};

struct SecretsOutcome {
  std::string findings;
  bool saw_secret = false;
  bool saw_rest = false;
  std::vector<DeadLetter> dead_letters;
};

SecretsOutcome RunWith(const std::vector<std::string>& posts,
                       SecretBodies secret_bodies) {
  TempFolder folder;
  FixedClock clock;
  auto state = OpenState(folder.path("state"), clock);
  WatchedCheckpoint checkpoint(*state, folder.path("state"));
  PipelineOptions options;
  options.secret_bodies = secret_bodies;
  auto pipeline = Pipeline::Make(options, AllParts(), &checkpoint);
  EXPECT_THAT(pipeline, IsOk());
  PostedSource source(posts);
  CapturingExporter exporter;
  Delivery delivery({DeliveryPolicy::kAtOnce}, {&exporter});
  std::atomic<bool> stop{false};
  EXPECT_THAT(
      (*pipeline)->Run(
          {{"hook", &source}}, delivery, [](size_t, const Rejected&) {}, stop),
      IsOk());
  return {exporter.Ndjson(), checkpoint.saw_secret(), checkpoint.saw_rest(),
          *state->ReadDeadLetters(0, 1000)};
}

TEST(StateSecretsTest, NoByteOfASecretIsWrittenAndFindingsStay) {
  std::vector<std::string> posts = Posts();
  SecretsOutcome kept = RunWith(posts, SecretBodies::kKeep);
  EXPECT_TRUE(kept.saw_secret) << "so the test sees one where there is one";
  SecretsOutcome stripped = RunWith(posts, SecretBodies::kStrip);
  EXPECT_FALSE(stripped.saw_secret);
  EXPECT_TRUE(stripped.saw_rest) << "other bodies are kept";
  EXPECT_FALSE(kept.findings.empty());
  EXPECT_TRUE(stripped.findings == kept.findings);
  ASSERT_GT(stripped.dead_letters.size(), 5u);
  ASSERT_EQ(stripped.dead_letters.size(), kept.dead_letters.size());
  for (size_t i = 0; i < kept.dead_letters.size(); ++i) {
    const DeadLetterRow& row = stripped.dead_letters[i].row;
    EXPECT_EQ(row.sample, "");
    EXPECT_NE(kept.dead_letters[i].row.sample, "");
    EXPECT_EQ(row.reason, kept.dead_letters[i].row.reason);
    EXPECT_EQ(row.record_bytes, kept.dead_letters[i].row.record_bytes);
  }
}

// A killed process leaves the spool to the next one.
TEST(StateSecretsTest, ASpooledCopyIsJudgedAlike) {
  std::vector<std::string> posts = Posts();
  std::erase_if(posts, [](const std::string& post) {
    return !post.starts_with("{\"kind\":\"EventList\"");
  });
  std::vector<std::string> copies;
  for (const std::string& post : posts) {
    copies.push_back(WithoutSecretBodies(post));
    std::string body = absl::StrCat("{\"data\":{\"k\":\"", kSecretText, "\"}}");
    EXPECT_TRUE(copies.back() == absl::StrReplaceAll(post, {{body, "null"}}));
  }
  EXPECT_TRUE(FindingsOf(copies, {}) == FindingsOf(posts, {}));
}

}  // namespace
}  // namespace oddverb
