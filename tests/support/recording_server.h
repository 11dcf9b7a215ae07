// An HTTP receiver on loopback for tests of what is sent: keeps every request,
// answers as it is told.
#ifndef ODDVERB_TESTS_SUPPORT_RECORDING_SERVER_H_
#define ODDVERB_TESTS_SUPPORT_RECORDING_SERVER_H_

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/http_handler.h"
#include "net/http_server.h"

namespace oddverb {

struct RecordedRequest {
  HttpRequestHead head = {};
  std::string body = {};
};

// Thread-safe.
class RecordingServer final : public HttpHandler {
 public:
  using Answer = std::function<HttpResponse(const RecordedRequest&)>;

  // Answers 200 with nothing, unless told otherwise.
  RecordingServer();
  ~RecordingServer() override;

  std::string url() const;  // without a slash at its end
  std::vector<RecordedRequest> requests() const;
  size_t count() const { return requests().size(); }
  void AnswerWith(Answer answer);
  void AnswerWithStatus(int status);
  // Polls until there are that many; false if they do not come.
  bool Await(size_t wanted) const;

  void Handle(HttpRequest request, HttpResponder responder) override;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Answer answer_;
  std::vector<RecordedRequest> requests_;
  std::unique_ptr<HttpServer> server_;
};

// Polls; false if it does not become true within a generous time.
bool Eventually(const std::function<bool()>& condition);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_RECORDING_SERVER_H_
