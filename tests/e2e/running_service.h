// Talks to an `oddverb run` or `oddverb forward` that listens on loopback.
#ifndef ODDVERB_TESTS_E2E_RUNNING_SERVICE_H_
#define ODDVERB_TESTS_E2E_RUNNING_SERVICE_H_

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "net/http_client.h"
#include "tests/support/child_process.h"

namespace oddverb {

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
