#include "ingest/webhook_source.h"

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

// What a sender is told; empty while it waits.
struct Answer {
  std::optional<HttpResponse> response;
  bool is_dropped = false;
};

class AnswerChannel final : public HttpResponder::Channel {
 public:
  explicit AnswerChannel(std::shared_ptr<Answer> answer)
      : answer_(std::move(answer)) {}
  ~AnswerChannel() override {
    answer_->is_dropped = !answer_->response.has_value();
  }
  void Send(HttpResponse response) override {
    answer_->response = std::move(response);
  }

 private:
  std::shared_ptr<Answer> answer_;
};

class WebhookSourceTest : public ::testing::Test {
 protected:
  explicit WebhookSourceTest() { Make(64 << 20); }

  void Make(uint64_t max_queued_bytes) {
    WebhookSource::Options options;
    options.source_index = 3;
    options.cluster = "prod";
    options.max_queued_bytes = max_queued_bytes;
    source_ = std::make_unique<WebhookSource>(options);
  }

  static HttpRequestHead Head(std::string path) {
    HttpRequestHead head;
    head.method = "POST";
    head.path = std::move(path);
    return head;
  }

  std::shared_ptr<Answer> Post(std::string_view body,
                               std::vector<HttpHeader> headers = {}) {
    HttpRequest request;
    request.head = Head("/audit/prod");
    request.head.headers = std::move(headers);
    request.body = std::make_unique<PaddedBuffer>();
    request.body->Append(body);
    auto answer = std::make_shared<Answer>();
    source_->Handle(std::move(request),
                    HttpResponder(std::make_unique<AnswerChannel>(answer)));
    return answer;
  }

  RawBatch Read() {
    RawBatch batch;
    EXPECT_THAT(source_->Read(absl::Now(), batch), IsOk());
    return batch;
  }

  static std::string Record(const RawBatch& batch, size_t index) {
    return std::string(batch.bytes->view().substr(batch.records[index].offset,
                                                  batch.records[index].length));
  }

  std::unique_ptr<WebhookSource> source_;
};

TEST_F(WebhookSourceTest, HandsOnEachBodyAsARecordInTheOrderOfArrival) {
  Post("{\"a\":1}");
  Post("[2,\n3]");
  RawBatch batch = Read();
  ASSERT_EQ(batch.records.size(), 2u);
  EXPECT_EQ(Record(batch, 0), "{\"a\":1}");
  EXPECT_EQ(Record(batch, 1), "[2,\n3]");
  EXPECT_EQ(batch.positions[1].source, 3u);
  EXPECT_EQ(batch.positions[1].offset, batch.positions[0].offset + 1);
  EXPECT_THAT(source_->Describe(batch.positions[0]),
              HasSubstr("POST /audit/prod, request 1"));
}

TEST_F(WebhookSourceTest, AnswersOnlyWhenTheEventsAreDurable) {
  std::shared_ptr<Answer> answer = Post("{}");
  RawBatch batch = Read();
  EXPECT_FALSE(answer->response.has_value());
  ASSERT_THAT(source_->Accepted(batch.positions[0]), IsOk());
  ASSERT_TRUE(answer->response.has_value());
  EXPECT_EQ(answer->response->status, 204);
}

TEST_F(WebhookSourceTest, ARefusedBodyIsToComeAgain) {
  std::shared_ptr<Answer> kept = Post("{}");
  std::shared_ptr<Answer> refused = Post("{}");
  RawBatch batch = Read();
  source_->Refused(batch.positions[1]);
  ASSERT_TRUE(refused->response.has_value());
  EXPECT_EQ(refused->response->status, 503);
  EXPECT_EQ(refused->response->retry_after, absl::Seconds(10));
  EXPECT_FALSE(kept->response.has_value());
}

TEST_F(WebhookSourceTest, TellsGarbageToItsSenderAndHandsOnNothing) {
  for (std::string_view body : {"", "  \n", "hello", "\"text\"", "\xff{"}) {
    std::shared_ptr<Answer> answer = Post(body);
    ASSERT_TRUE(answer->response.has_value()) << body;
    EXPECT_EQ(answer->response->status, 400) << body;
  }
  EXPECT_TRUE(Read().empty());
  EXPECT_EQ(source_->counters().refused_garbage, 5u);
}

TEST_F(WebhookSourceTest, TakesACompressedBody) {
  Post("\x1f\x8b\x08 and so on");
  Post("\x28\xb5\x2f\xfd and so on");
  EXPECT_EQ(Read().records.size(), 2u);
}

// The answers that Firehose demands: 200 with its id, and at failure a message.
TEST_F(WebhookSourceTest, AnswersFirehoseInItsOwnForm) {
  const std::vector<HttpHeader> headers = {
      {"x-amz-firehose-request-id", "id \"1\""}};
  std::shared_ptr<Answer> accepted = Post("{}", headers);
  std::shared_ptr<Answer> refused = Post("{}", headers);
  std::shared_ptr<Answer> garbage = Post("hello", headers);
  RawBatch batch = Read();
  ASSERT_THAT(source_->Accepted(batch.positions[0]), IsOk());
  source_->Refused(batch.positions[1]);
  HttpRequestHead elsewhere = Head("/audit/other");
  elsewhere.headers = headers;
  std::optional<HttpResponse> screened = source_->Screen(elsewhere);

  struct Case {
    std::optional<HttpResponse> response;
    int status;
    const char* error;
  };
  for (const Case& one : {Case{accepted->response, 200, nullptr},
                          Case{refused->response, 503, "busy, come again"},
                          Case{garbage->response, 400, "expected a JSON"},
                          Case{screened, 404, "/audit/prod"}}) {
    ASSERT_TRUE(one.response.has_value()) << one.status;
    EXPECT_EQ(one.response->status, one.status);
    EXPECT_EQ(one.response->content_type, "application/json");
    const auto body = nlohmann::json::parse(one.response->body, nullptr, false);
    EXPECT_EQ(body["requestId"], "id \"1\"");
    EXPECT_GT(body["timestamp"].get<int64_t>(), 1'700'000'000'000);
    EXPECT_EQ(body.contains("errorMessage"), one.error != nullptr);
    if (one.error == nullptr) continue;
    EXPECT_THAT(body["errorMessage"].get<std::string>(), HasSubstr(one.error));
  }
  EXPECT_EQ(refused->response->retry_after, absl::Seconds(10));
}

TEST_F(WebhookSourceTest, SendsEventsOfAnotherClusterAway) {
  EXPECT_FALSE(source_->Screen(Head("/audit/prod")).has_value());
  for (const char* path : {"/audit/", "/audit/prod2", "/audit/prod/x"}) {
    std::optional<HttpResponse> response = source_->Screen(Head(path));
    ASSERT_TRUE(response.has_value()) << path;
    EXPECT_EQ(response->status, 404);
    EXPECT_THAT(response->body, HasSubstr("/audit/prod"));
  }
}

TEST_F(WebhookSourceTest, AFullQueueIsToldBeforeTheBodyIsRead) {
  Make(/*max_queued_bytes=*/10);
  Post("{\"a\":12345678}");
  std::optional<HttpResponse> response = source_->Screen(Head("/audit/prod"));
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 503);
  EXPECT_TRUE(response->retry_after.has_value());
  Read();
  EXPECT_FALSE(source_->Screen(Head("/audit/prod")).has_value());
}

TEST_F(WebhookSourceTest, DrainsWhatItHasAndThenEnds) {
  Post("{}");
  source_->Drain();
  EXPECT_EQ(source_->Screen(Head("/audit/prod"))->status, 503);
  EXPECT_EQ(Read().records.size(), 1u);
  RawBatch batch;
  EXPECT_TRUE(absl::IsOutOfRange(source_->Read(absl::Now(), batch)));
}

// Its head was let in before: nobody would read it any more.
TEST_F(WebhookSourceTest, ABodyThatComesInWhileDrainingIsToComeAgain) {
  source_->Drain();
  std::shared_ptr<Answer> answer = Post("{}");
  ASSERT_TRUE(answer->response.has_value());
  EXPECT_EQ(answer->response->status, 503);
  EXPECT_GT(answer->response->retry_after, absl::ZeroDuration());
  RawBatch batch;
  EXPECT_TRUE(absl::IsOutOfRange(source_->Read(absl::Now(), batch)));
}

TEST_F(WebhookSourceTest, HeldItSendsAwayWhatIsNotReadYet) {
  auto read = Post("{\"read\":1}");
  Read();
  auto queued = Post("{\"queued\":1}");
  source_->SetIntake(WebhookSource::Intake::kHeld);
  ASSERT_TRUE(queued->response.has_value());
  EXPECT_EQ(queued->response->status, 503);
  EXPECT_TRUE(queued->response->retry_after.has_value());
  EXPECT_FALSE(read->response.has_value()) << "that may be durable already";
  EXPECT_EQ(source_->Screen(Head("/audit/prod"))->status, 503);
  // Its body was on the way.
  EXPECT_EQ(Post("{}")->response->status, 503);
  EXPECT_EQ(source_->counters().refused_held, 3u);
  EXPECT_TRUE(Read().empty());
  source_->SetIntake(WebhookSource::Intake::kOpen);
  EXPECT_FALSE(source_->Screen(Head("/audit/prod")).has_value());
  Post("{}");
  EXPECT_EQ(Read().records.size(), 1u);
}

TEST_F(WebhookSourceTest, ClosedItAnswersEverybody) {
  auto read = Post("{}");
  Read();
  auto queued = Post("{}");
  source_->Close();
  auto late = Post("{}");
  for (const auto& answer : {read, queued, late}) {
    ASSERT_TRUE(answer->response.has_value());
    EXPECT_EQ(answer->response->status, 503);
    EXPECT_TRUE(answer->response->retry_after.has_value());
  }
  EXPECT_EQ(source_->Screen(Head("/audit/prod"))->status, 503);
  EXPECT_EQ(source_->counters().refused_stopping, 4u);
  RawBatch batch;
  EXPECT_TRUE(absl::IsOutOfRange(source_->Read(absl::Now(), batch)));
  EXPECT_TRUE(batch.empty());
}

TEST_F(WebhookSourceTest, WaitsForTheDeadlineAndNotLonger) {
  RawBatch batch;
  EXPECT_THAT(source_->Read(absl::Now() + absl::Milliseconds(5), batch),
              IsOk());
  EXPECT_TRUE(batch.empty());
  std::thread sender([this] { Post("{}"); });
  EXPECT_THAT(source_->Read(absl::Now() + absl::Hours(1), batch), IsOk());
  sender.join();
  EXPECT_EQ(batch.records.size(), 1u);
}

// Of what an earlier process spooled, nobody waits for an answer.
TEST_F(WebhookSourceTest, AcceptingAnUnknownBodyIsNoError) {
  EXPECT_THAT(source_->Accepted({.source = 3, .offset = 4711}), IsOk());
}

}  // namespace
}  // namespace oddverb
