#include "net/http_handler.h"

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/net/http_test_server.h"

namespace oddverb {
namespace {

TEST(HttpResponderTest, AnswersLaterFromAnotherThread) {
  HttpTestServer test;
  std::promise<HttpResponder> parked;
  test.handler.handle = [&](HttpRequest, HttpResponder responder) {
    parked.set_value(std::move(responder));
  };
  test.Start();
  RawClient client(test.address());
  client.Send(kGet);
  HttpResponder responder = parked.get_future().get();
  std::thread([&] {
    responder.Respond({.status = 202, .body = "late"});
    responder.Respond({.status = 500, .body = "second"});  // does not count
  }).join();
  RawResponse response = client.ReadResponse();
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.body, "late");
  EXPECT_EQ(test.counters().responses[5], 0u);
}

TEST(HttpResponderTest, ADroppedResponderAnswers500) {
  HttpTestServer test;
  test.handler.handle = [](HttpRequest, HttpResponder) {};
  test.Start();
  RawClient client(test.address());
  for (int i = 0; i < 2; ++i) {  // and the connection lives on
    client.Send(PostText("x"));
    EXPECT_EQ(client.ReadResponse().status, 500);
  }
}

TEST(HttpResponderTest, AHandlerThatNeverAnswersIsCutOffWith503) {
  HttpTestServer test;
  std::vector<HttpResponder> parked = {};
  test.handler.handle = [&](HttpRequest, HttpResponder responder) {
    parked.push_back(std::move(responder));
  };
  test.options.deadlines.handler = absl::Milliseconds(50);
  test.Start();
  RawClient client(test.address());
  for (int i = 0; i < 2; ++i) {
    client.Send(kGet);
    RawResponse response = client.ReadResponse();
    EXPECT_EQ(response.status, 503);
    EXPECT_TRUE(response.HasHeader("Retry-After: 5"));
  }
  test.server->Stop(absl::ZeroDuration());
  EXPECT_EQ(test.counters().Of(HttpPhase::kHandler), 2u);
}

TEST(HttpResponderTest, AnAssignedOneAnswersWhatTheOldOneOwed) {
  class Recorder final : public HttpResponder::Channel {
   public:
    explicit Recorder(std::vector<int>& statuses) : statuses_(statuses) {}
    void Send(HttpResponse response) override {
      statuses_.push_back(response.status);
    }

   private:
    std::vector<int>& statuses_;
  };
  std::vector<int> first, second;
  {
    HttpResponder responder(std::make_unique<Recorder>(first));
    responder = HttpResponder(std::make_unique<Recorder>(second));
    EXPECT_EQ(first, std::vector<int>{500});
    HttpResponder moved = std::move(responder);
    moved.Respond({.status = 200});
  }
  EXPECT_EQ(first, std::vector<int>{500});
  EXPECT_EQ(second, std::vector<int>{200});
}

}  // namespace
}  // namespace oddverb
