// The end of a server: what runs is finished, nothing new begins.
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "net/http_server.h"
#include "tests/net/http_test_server.h"

namespace oddverb {
namespace {

struct ParkedRequest {
  HttpTestServer test;
  std::promise<HttpResponder> parked;
  ParkedRequest() {
    test.handler.handle = [this](HttpRequest request, HttpResponder responder) {
      if (request.head.path == "/park") {
        parked.set_value(std::move(responder));
      } else {
        responder.Respond({.status = 200});
      }
    };
    // The clients here keep their side open.
    test.options.deadlines.linger = absl::Milliseconds(20);
    test.Start();
  }
};

constexpr std::string_view kPark = "GET /park HTTP/1.1\r\n\r\n";

TEST(HttpServerDrainTest, FinishesWhatRunsAndRefusesWhatIsNew) {
  ParkedRequest p;
  RawClient running(p.test.address());
  RawClient idle(p.test.address());
  RawClient silent(p.test.address());
  idle.Send(kGet);
  EXPECT_EQ(idle.ReadResponse().status, 200);
  running.Send(kPark);
  HttpResponder responder = p.parked.get_future().get();

  std::string address = p.test.address();
  std::thread stopper([&] { p.test.server->Stop(absl::Seconds(60)); });
  EXPECT_EQ(idle.ReadToEnd(), "");
  EXPECT_EQ(silent.ReadToEnd(), "");
  EXPECT_TRUE(Becomes([&] { return !RawClient(address).connected(); }));

  responder.Respond({.status = 200, .body = "done"});
  RawResponse response = running.ReadResponse();
  EXPECT_EQ(response.body, "done");
  EXPECT_TRUE(response.HasHeader("Connection: close"));
  EXPECT_EQ(running.ReadToEnd(), "");
  stopper.join();
  EXPECT_EQ(p.test.counters().connections_open, 0u);
}

TEST(HttpServerDrainTest, ABodyThatIsBeingReadIsFinished) {
  ParkedRequest p;
  RawClient client(p.test.address());
  client.Send(
      "POST /x HTTP/1.1\r\nExpect: 100-continue\r\n"
      "Content-Length: 5\r\n\r\n");
  ASSERT_EQ(client.ReadHead().status, 100);
  std::string address = p.test.address();
  std::thread stopper([&] { p.test.server->Stop(absl::Seconds(60)); });
  EXPECT_TRUE(Becomes([&] { return !RawClient(address).connected(); }));
  client.Send("hello");
  RawResponse response = client.ReadResponse();
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.HasHeader("Connection: close"));
  EXPECT_EQ(client.ReadToEnd(), "");
  stopper.join();
}

TEST(HttpServerDrainTest, ARequestThatArrivesMeanwhileGets503) {
  ParkedRequest p;
  RawClient client(p.test.address());
  client.Send("POST /x HT");  // under way, so it is not closed
  ASSERT_TRUE(Becomes([&] { return p.test.counters().bytes_in > 0; }));
  std::string address = p.test.address();
  std::thread stopper([&] { p.test.server->Stop(absl::Seconds(60)); });
  EXPECT_TRUE(Becomes([&] { return !RawClient(address).connected(); }));
  client.Send("TP/1.1\r\nContent-Length: 5\r\n\r\nhello");
  RawResponse response = client.ReadResponse();
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(response.HasHeader("Retry-After: 5"));
  EXPECT_EQ(client.ReadToEnd(), "");
  stopper.join();
  EXPECT_EQ(p.test.counters().Of(HttpRefusal::kDraining), 1u);
}

TEST(HttpServerDrainTest, CutsOffWhatDoesNotEndInTime) {
  auto p = std::make_unique<ParkedRequest>();
  RawClient client(p->test.address());
  client.Send(kPark);
  HttpResponder responder = p->parked.get_future().get();
  p->test.server->Stop(absl::Milliseconds(1));
  p->test.server->Stop(absl::Seconds(60));  // has no effect any more
  p.reset();
  EXPECT_EQ(client.ReadToEnd(), "");
  responder.Respond({.status = 200});  // goes nowhere
}

TEST(HttpServerDrainTest, AnswersMayRaceWithTheEnd) {
  for (int round = 0; round < 30; ++round) {
    auto p = std::make_unique<ParkedRequest>();
    RawClient client(p->test.address());
    client.Send(kPark);
    HttpResponder responder = p->parked.get_future().get();
    std::thread answer([&] { responder.Respond({.status = 200}); });
    p.reset();
    answer.join();
  }
}

}  // namespace
}  // namespace oddverb
