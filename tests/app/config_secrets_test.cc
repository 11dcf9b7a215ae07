#include "app/config_secrets.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ConfigSecretsTest, ReadsTokensOneALine) {
  TempFolder folder;
  std::string path = folder.Write("tokens", "abc\n\n  d-._~+/=9 \r\n\t\nlast");
  absl::StatusOr<std::vector<std::string>> tokens =
      ReadSecretFile(SecretKind::kToken, path, 3);
  ASSERT_THAT(tokens, IsOk());
  EXPECT_THAT(*tokens, ElementsAre("abc", "d-._~+/=9", "last"));
  EXPECT_THAT(ReadSecretFile(SecretKind::kToken, path, 2),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("more than 2 tokens")));
}

TEST(ConfigSecretsTest, TokenFileErrorsSayWhereButNotWhat) {
  TempFolder folder;
  const struct {
    std::string content;
    std::string_view expected;
  } kCases[] = {
      {"", "none; write one a line"},
      {"\n \n", "none; write one a line"},
      {"good\nSECRET with blank\n", "line 2: a token with a character"},
      {std::string("SECRET\0", 7), "line 1: a token with a character"},
      {"SECRET\xc3\xa9", "line 1: a token with a character"},
      {"good\n" + std::string(4097, 'S'), "line 2: a token of more than 4 KiB"},
      {std::string((1 << 20) + 1, '\n'), "larger than 1 MiB"},
  };
  for (const auto& test : kCases) {
    std::string path = folder.Write("tokens", test.content);
    absl::Status status =
        ReadSecretFile(SecretKind::kToken, path, 100).status();
    EXPECT_THAT(
        std::string(status.message()),
        StartsWith("tokens of " + path + ": " + std::string(test.expected)));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("SECRET")));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("SSSS")));
  }
  EXPECT_THAT(CheckSecret(SecretKind::kToken, std::string(4096, 't')), IsOk());
  EXPECT_THAT(ReadSecretFile(SecretKind::kToken, folder.path("absent"), 9),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("No such file or directory")));
}

TEST(ConfigSecretsTest, KnowsAUrlThatCanBePostedTo) {
  for (const char* good :
       {"https://hooks.slack.com/services/T0/B0/x", "http://127.0.0.1:9093",
        "https://[::1]:9093/api?x=%20"}) {
    EXPECT_THAT(CheckSecret(SecretKind::kUrl, good), IsOk()) << good;
  }
  for (const char* bad :
       {"", "hooks.slack.com/SECRET", "https://", "https:///SECRET",
        "ftp://host/SECRET", "https://host/SECRET word",
        "https://host/\nSECRET", "https://host/SECRET\xc3\xa9"}) {
    absl::Status status = CheckSecret(SecretKind::kUrl, bad);
    EXPECT_THAT(status,
                StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_))
        << bad;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("SECRET")));
  }
}

TEST(ConfigSecretsTest, KnowsAHeader) {
  for (const char* good : {"X-Scope-OrgID: team", "Authorization: Basic eDp5",
                           "X-Empty:", "X-Text: a\tb \xc3\xa9"}) {
    EXPECT_THAT(CheckSecret(SecretKind::kHeader, good), IsOk()) << good;
  }
  for (const char* bad : {"", "SECRET", ": SECRET", "A b: SECRET",
                          "X: SECRET\r\nY: 1", "X: SECRET\x7f"}) {
    absl::Status status = CheckSecret(SecretKind::kHeader, bad);
    EXPECT_THAT(status,
                StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_))
        << bad;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("SECRET")));
  }
}

}  // namespace
}  // namespace oddverb
