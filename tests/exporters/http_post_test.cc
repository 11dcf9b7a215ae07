#include "exporters/http_post.h"

#include <future>
#include <string>
#include <thread>

#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/exporters/receivers.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_certificates.h"
#include "tests/support/wall_clock.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::unique_ptr<HttpPost> MakePost(const HttpPostOptions& options) {
  absl::StatusOr<std::unique_ptr<HttpPost>> post = HttpPost::Make(options);
  EXPECT_THAT(post, IsOk());
  return *std::move(post);
}

absl::StatusOr<std::string> SendOnce(const HttpPostOptions& options) {
  return MakePost(options)->Send("application/json", "{}",
                                 absl::InfiniteFuture());
}

TEST(HttpPostTest, SendsTypeTokenHeadersAndBodyAndReturnsTheAnswersBody) {
  Receiver receiver([](size_t, const std::string&) {
    return HttpResponse{.status = 201, .body = "taken"};
  });
  auto post = MakePost({.url = receiver.url("/in?a=1"),
                        .headers = {{"X-Key", "k1"}},
                        .bearer_token = "s3cret"});
  for (const char* body : {"{\"a\":1}", ""}) {
    auto answer = post->Send("text/x", body, absl::InfiniteFuture());
    ASSERT_THAT(answer, IsOk());
    EXPECT_EQ(*answer, "taken");
  }
  const std::vector<Received> requests = receiver.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].head.method, "POST");
  EXPECT_EQ(requests[0].head.path, "/in");
  EXPECT_EQ(requests[0].head.query, "a=1");
  EXPECT_EQ(requests[0].body, "{\"a\":1}");
  EXPECT_EQ(requests[0].Header("Content-Type"), "text/x");
  EXPECT_EQ(requests[0].Header("Authorization"), "Bearer s3cret");
  EXPECT_EQ(requests[0].Header("X-Key"), "k1");
  EXPECT_EQ(requests[1].body, "");
}

TEST(HttpPostTest, SaysWhatEachStatusMeans) {
  struct Case {
    int status;
    absl::StatusCode meaning;
  } cases[] = {{200, absl::StatusCode::kOk},
               {204, absl::StatusCode::kOk},
               {299, absl::StatusCode::kOk},
               {301, absl::StatusCode::kInvalidArgument},
               {400, absl::StatusCode::kInvalidArgument},
               {401, absl::StatusCode::kUnavailable},
               {403, absl::StatusCode::kUnavailable},
               {404, absl::StatusCode::kUnavailable},
               {405, absl::StatusCode::kInvalidArgument},
               {408, absl::StatusCode::kUnavailable},
               {413, absl::StatusCode::kOutOfRange},
               {415, absl::StatusCode::kInvalidArgument},
               {422, absl::StatusCode::kInvalidArgument},
               {429, absl::StatusCode::kUnavailable},
               {500, absl::StatusCode::kUnavailable},
               {502, absl::StatusCode::kUnavailable},
               {503, absl::StatusCode::kUnavailable},
               {599, absl::StatusCode::kUnavailable}};
  for (const Case& c : cases) {
    Receiver receiver([&](size_t, const std::string&) {
      return HttpResponse{.status = c.status};
    });
    EXPECT_EQ(SendOnce({.url = receiver.url()}).status().code(), c.meaning)
        << c.status;
  }
}

TEST(HttpPostTest, HandsOnRetryAfterOnlyWhereRetryingHelps) {
  for (int status : {429, 503, 400, 200}) {
    Receiver receiver([&](size_t, const std::string&) {
      return HttpResponse{.status = status, .retry_after = absl::Seconds(7)};
    });
    const std::optional<absl::Duration> wait =
        RetryAfterOf(SendOnce({.url = receiver.url()}).status());
    EXPECT_EQ(wait.has_value(), status == 429 || status == 503) << status;
    EXPECT_EQ(wait.value_or(absl::Seconds(7)), absl::Seconds(7));
  }
  EXPECT_FALSE(RetryAfterOf(absl::UnavailableError("x")).has_value());
  EXPECT_FALSE(RetryAfterOf(absl::OkStatus()).has_value());
}

TEST(HttpPostTest, ShowsTheStartOfTheAnswerMadeVisible) {
  Receiver receiver([](size_t, const std::string&) {
    return HttpResponse{
        .status = 400,
        .body = "bad\n\x1b[2J field\xff" + std::string(5000, 'x')};
  });
  const absl::Status status = SendOnce({.url = receiver.url()}).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("the receiver answered 400: "
                                         "bad\\n\\x1b[2J field\\xff")));
  EXPECT_LT(status.message().size(), 400u);
}

TEST(HttpPostTest, MessagesHoldNeitherPathNorTokenOfTheUrl) {
  RudeReceiver receiver("");
  const absl::Status status =
      SendOnce({.url = receiver.url() + "T000/B000/secret",
                .bearer_token = "token1"})
          .status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable,
                               AllOf(Not(HasSubstr("secret")),
                                     Not(HasSubstr("token1")))));
}

TEST(HttpPostTest, WhatIsNoHttpOrEndsInTheMiddleIsWorthAnotherTry) {
  for (const char* answer :
       {"", "garbage\r\n\r\n", "HTTP/1.1 2",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "\x16\x03\x01\x02\x00\x01"}) {
    RudeReceiver receiver(answer);
    EXPECT_EQ(SendOnce({.url = receiver.url()}).status().code(),
              absl::StatusCode::kUnavailable)
        << answer;
  }
}

TEST(HttpPostTest, AReceiverThatHangsIsLeftAtTheTimeoutOrTheDeadline) {
  auto silent = *OpenListenSocket(*ListenAddress::Parse("127.0.0.1:0"));
  const std::string url = "http://" + silent.address + "/";
  EXPECT_EQ(
      SendOnce({.url = url, .timeout = absl::Milliseconds(50)}).status().code(),
      absl::StatusCode::kUnavailable);
  EXPECT_EQ(MakePost({.url = url, .timeout = absl::Hours(1)})
                ->Send("x/y", "{}", SteadyNow() + absl::Milliseconds(50))
                .status()
                .code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(MakePost({.url = url})
                ->Send("x/y", "{}", absl::InfinitePast())
                .status()
                .code(),
            absl::StatusCode::kDeadlineExceeded);
}

// Set forward, it must not end an attempt before its time; set back, it must
// not let one hang for as long.
TEST(HttpPostTest, AClockThatIsSetMovesNoDeadline) {
  Receiver receiver;
  auto silent = *OpenListenSocket(*ListenAddress::Parse("127.0.0.1:0"));
  auto post = MakePost({.url = receiver.url(), .timeout = absl::Hours(1)});
  const absl::Time far = SteadyNow() + absl::Minutes(5);
  {
    WallClockJump jump(absl::Hours(2));
    EXPECT_THAT(post->Send("x/y", "{}", far), IsOk());
  }
  post = MakePost(
      {.url = "http://" + silent.address + "/", .timeout = absl::Hours(1)});
  const absl::Time near = SteadyNow() + absl::Milliseconds(50);
  WallClockJump jump(-absl::Hours(2));
  EXPECT_FALSE(post->Send("x/y", "{}", near).ok());
}

TEST(HttpPostTest, NobodyListeningIsWorthAnotherTry) {
  std::string address;
  {
    auto gone = *OpenListenSocket(*ListenAddress::Parse("127.0.0.1:0"));
    address = gone.address;
  }
  EXPECT_EQ(SendOnce({.url = "http://" + address}).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(HttpPostTest, AWrongUrlIsRefusedForGood) {
  for (const char* url : {"", "ftp://127.0.0.1/", "not a url"}) {
    EXPECT_EQ(SendOnce({.url = url}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << url;
  }
}

TEST(HttpPostTest, AbortEndsTheSendUnderWay) {
  auto silent = *OpenListenSocket(*ListenAddress::Parse("127.0.0.1:0"));
  auto post = MakePost(
      {.url = "http://" + silent.address + "/", .timeout = absl::Hours(1)});
  std::thread aborts([&] { post->Abort(); });
  EXPECT_EQ(post->Send("x/y", "{}", absl::InfiniteFuture()).status().code(),
            absl::StatusCode::kCancelled);
  aborts.join();
}

class HttpPostTlsTest : public ::testing::Test {
 protected:
  std::string Start(const TestAuthority::Subject& subject) {
    const CertificateFiles files = authority_.Issue("server", subject);
    server_.options.listeners[0].tls = {
        .certificate_file = files.certificate_file, .key_file = files.key_file};
    server_.Start();
    return "https://" + server_.address() + "/";
  }

  TempFolder folder_;
  TestAuthority authority_{folder_, "authority"};
  TestAuthority stranger_{folder_, "stranger"};
  HttpTestServer server_;
};

TEST_F(HttpPostTlsTest, SendsToAServerThatItsAuthorityVouchesFor) {
  const std::string url = Start({});
  EXPECT_THAT(SendOnce({.url = url,
                        .client = {.tls = {.ca_file = authority_.ca_file()}}}),
              IsOk());
}

TEST_F(HttpPostTlsTest, AWrongCertificateLosesNothingAsAPersonCanMendIt) {
  const std::string url = Start({});
  EXPECT_THAT(
      SendOnce(
          {.url = url, .client = {.tls = {.ca_file = stranger_.ca_file()}}}),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("certificate")));
}

TEST_F(HttpPostTlsTest, SoDoesOneOfAnotherName) {
  const std::string url = Start({.names = "DNS:elsewhere.example"});
  EXPECT_EQ(SendOnce({.url = url,
                      .client = {.tls = {.ca_file = authority_.ca_file()}}})
                .status()
                .code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(HttpPostTlsTest, AnAuthorityFileThatIsMissingIsSaidAtStart) {
  EXPECT_EQ(HttpPost::Make({.url = "https://x",
                            .client = {.tls = {.ca_file = "/no/such"}}})
                .status()
                .code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace oddverb
