// Receivers for tests of exporters over HTTP, on loopback: one that is well
// behaved and remembers what it got, and one that says anything at all.
#ifndef ODDVERB_TESTS_EXPORTERS_RECEIVERS_H_
#define ODDVERB_TESTS_EXPORTERS_RECEIVERS_H_

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "net/listen_socket.h"
#include "tests/net/http_test_server.h"

namespace oddverb {

struct Received {
  HttpRequestHead head;
  std::string body;

  std::string Header(std::string_view name) const {
    return std::string(head.Header(name).value_or("(none)"));
  }
};

// A real HttpServer. Answers by `answer`, which gets the number of the request
// (from 0) and its body.
class Receiver {
 public:
  using Answer = std::function<HttpResponse(size_t, const std::string&)>;

  explicit Receiver(Answer answer =
                        [](size_t, const std::string&) {
                          return HttpResponse{.status = 204};
                        })
      : answer_(std::move(answer)) {
    server_.handler.handle = [this](HttpRequest request,
                                    HttpResponder responder) {
      responder.Respond(Take(std::move(request)));
    };
    server_.Start();
  }

  std::string url(std::string_view path = "/") const {
    return "http://" + server_.address() + std::string(path);
  }
  std::vector<Received> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }
  std::vector<std::string> bodies() const {
    std::vector<std::string> bodies;
    for (const Received& request : requests()) bodies.push_back(request.body);
    return bodies;
  }

 private:
  HttpResponse Take(HttpRequest request) {
    std::lock_guard lock(mutex_);
    std::string body(request.body->view());
    HttpResponse response = answer_(requests_.size(), body);
    requests_.push_back({std::move(request.head), std::move(body)});
    return response;
  }

  const Answer answer_;
  mutable std::mutex mutex_;
  std::vector<Received> requests_;  // guarded by mutex_
  HttpTestServer server_;           // ends first
};

// Reads a request on each connection, sends `answer` as it is and closes.
class RudeReceiver {
 public:
  explicit RudeReceiver(std::string answer)
      : answer_(std::move(answer)),
        socket_(*OpenListenSocket(*ListenAddress::Parse("127.0.0.1:0"))),
        thread_([this] { Serve(); }) {}
  ~RudeReceiver() {
    ends_ = true;
    ::shutdown(socket_.socket.get(), SHUT_RDWR);
    thread_.join();
  }
  std::string url() const { return "http://" + socket_.address + "/"; }

 private:
  static void WaitReadable(int descriptor) {
    pollfd entry{.fd = descriptor, .events = POLLIN, .revents = 0};
    ::poll(&entry, 1, /*timeout=*/1000);
  }

  void Serve() {
    while (!ends_) {
      WaitReadable(socket_.socket.get());
      OwnedDescriptor client(::accept(socket_.socket.get(), nullptr, nullptr));
      if (client.get() < 0) continue;
      // The bodies of these tests end with a brace.
      char byte = 0;
      while (byte != '}' && ::read(client.get(), &byte, 1) == 1) {
      }
      (void)!::write(client.get(), answer_.data(), answer_.size());
    }
  }

  const std::string answer_;
  ListenSocket socket_;
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_EXPORTERS_RECEIVERS_H_
