// `oddverb run` (or forward) with a configuration, and what it answers over
// HTTP.
#ifndef ODDVERB_TESTS_E2E_RUNNING_SERVICE_H_
#define ODDVERB_TESTS_E2E_RUNNING_SERVICE_H_

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "net/http_client.h"
#include "tests/e2e/run_oddverb.h"
#include "tests/support/becomes_true.h"
#include "tests/support/child_process.h"

namespace oddverb {

class LoopbackService {
 public:
  explicit LoopbackService(const ChildSetup& setup) : process_(setup) {}
  explicit LoopbackService(std::vector<std::string> arguments)
      : LoopbackService(OddverbSetup(std::move(arguments))) {}

  // False, with the log in the test's output, if it does not start.
  bool Started(std::string_view message = "msg=started") {
    if (process_.ReadErrors(message)) return true;
    ADD_FAILURE() << process_.errors();
    return false;
  }
  ChildProcess& process() { return process_; }

  // "127.0.0.1:PORT" of a listener, from the log; a service that stood by
  // before has another one now.
  std::string AddressOf(std::string_view listener) {
    const std::string& log = process_.errors();
    std::string mark =
        absl::StrCat("listener=", std::string(listener), " address=");
    size_t at = log.rfind(mark);
    if (at == std::string::npos) return "";
    at += mark.size();
    return log.substr(at, log.find_first_of(" \n", at) - at);
  }

  // Safe in any thread, as it does not look into the process's log.
  static HttpResult SendTo(const std::string& address,
                           const HttpClientRequest& request) {
    auto client = HttpClient::Make(HttpClientOptions());
    EXPECT_TRUE(client.ok()) << client.status();
    const std::string url =
        absl::StrCat("http://", address, std::string(request.url));
    HttpClientRequest full = request;
    full.url = url;
    auto result = (*client)->Send(full, absl::Seconds(30));
    return result.ok() ? *std::move(result) : HttpResult();
  }
  HttpResult Send(std::string_view listener, const HttpClientRequest& request) {
    return SendTo(AddressOf(listener), request);
  }
  HttpResult Get(std::string_view listener, const std::string& path,
                 const std::string& token = "") {
    HttpClientRequest request;
    request.method = "GET";
    request.url = path;
    if (!token.empty()) {
      request.headers.push_back(
          {"Authorization", absl::StrCat("Bearer ", token)});
    }
    return Send(listener, request);
  }
  HttpResult Post(std::string_view listener, const std::string& path,
                  std::string_view body) {
    HttpClientRequest request;
    request.url = path;
    request.body = body;
    return Send(listener, request);
  }

  // Value of a series of /metrics, "NAME{LABELS}"; -1 if there is none.
  double Metric(std::string_view listener, const std::string& series) {
    std::string text = absl::StrCat("\n", Get(listener, "/metrics").body);
    size_t at = text.find(absl::StrCat("\n", series, " "));
    return at == std::string::npos
               ? -1
               : std::atof(text.c_str() + at + series.size() + 2);
  }

  // Of all series of `name` with this label.
  double Sum(std::string_view listener, const std::string& name,
             const std::string& label) {
    double sum = 0;
    for (const std::string& line : LinesOf(Get(listener, "/metrics").body)) {
      if (!line.starts_with(absl::StrCat(name, "{"))) continue;
      if (line.find(label) == std::string::npos) continue;
      sum += std::atof(line.c_str() + line.rfind(' '));
    }
    return sum;
  }

 private:
  ChildProcess process_;
};

// Port of a listener, from the log line that tells its address.
inline std::string PortOf(ChildProcess& service) {
  if (!service.ReadErrors("msg=started")) return "";
  const std::string& log = service.errors();
  size_t address = log.find("address=127.0.0.1:");
  if (address == std::string::npos) return "";
  address += std::string_view("address=127.0.0.1:").size();
  return log.substr(address,
                    log.find_first_not_of("0123456789", address) - address);
}

// The body of a GET of the running service; empty unless it answers 200.
inline std::string Get(const std::string& port, const std::string& path) {
  auto client = HttpClient::Make(HttpClientOptions());
  EXPECT_TRUE(client.ok());
  std::string url = absl::StrCat("http://127.0.0.1:", port, path);
  auto result =
      (*client)->Send({.method = "GET", .url = url}, absl::Seconds(20));
  if (!result.ok() || result->status != 200) return "";
  return result->body;
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_E2E_RUNNING_SERVICE_H_
