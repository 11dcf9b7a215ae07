// What does it cost to receive an audit event over TLS, before anybody reads
// it?
//
// http_bench BODY.json: a child process posts the file (an EventList as the API
// server's webhook sends it) again and again over one TLS connection to the
// server in this process, whose CPU time is taken: kernel, TLS, HTTP and the
// copy into a padded buffer. Prints the median over blocks of requests.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace oddverb {
namespace {

constexpr int kBlocks = 21;
constexpr int kRequestsPerBlock = 200;

// Takes the CPU time at the start and after each block.
class TimingHandler final : public HttpHandler {
 public:
  void Handle(HttpRequest request, HttpResponder responder) override {
    bytes = request.body->size();
    if (requests_++ % kRequestsPerBlock == 0) {
      marks.push_back(CpuSecondsOfProcess());
      if (marks.size() == kBlocks + 1) done.set_value();
    }
    responder.Respond({.status = 204});
  }

  std::vector<double> marks;
  size_t bytes = 0;
  std::promise<void> done;

 private:
  int requests_ = 0;
};

// The child: posts until the server is gone.
int Post(const std::string& folder, const std::string& body, int port_pipe) {
  uint16_t port = 0;
  if (read(port_pipe, &port, sizeof(port)) != sizeof(port)) return 1;
  auto client = HttpClient::Make({.tls = {.ca_file = folder + "/tls.crt"}});
  if (!client.ok()) return 1;
  std::string url = "https://127.0.0.1:" + std::to_string(port) + "/audit";
  for (int i = 0; i <= kBlocks * kRequestsPerBlock; ++i) {
    auto result =
        (*client)->Send({.url = url,
                         .headers = {{"Content-Type", "application/json"}},
                         .body = body},
                        absl::Seconds(30));
    if (!result.ok()) {
      std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
      return 1;
    }
  }
  return 0;
}

int Serve(const std::string& folder, const std::string& body, int port_pipe) {
  TimingHandler handler;
  HttpServerOptions options;
  options.listeners.push_back(
      {.address = "127.0.0.1:0",
       .tls = TlsServerOptions{.certificate_file = folder + "/tls.crt",
                               .key_file = folder + "/tls.key"},
       .routes = {
           {.path = "/audit", .methods = {"POST"}, .handler = &handler}}});
  auto server = HttpServer::Start(options);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 1;
  }
  uint16_t port = (*server)->port(0);
  if (write(port_pipe, &port, sizeof(port)) != sizeof(port)) return 1;
  handler.done.get_future().wait();
  (*server)->Stop(absl::Seconds(5));

  std::vector<double> seconds;
  for (size_t i = 1; i < handler.marks.size(); ++i) {
    seconds.push_back((handler.marks[i] - handler.marks[i - 1]) /
                      kRequestsPerBlock);
  }
  std::sort(seconds.begin(), seconds.end());
  double median = seconds[seconds.size() / 2];
  // Each event of a body has one.
  double events = 0;
  for (size_t at = 0; (at = body.find("\"auditID\":", at)) != body.npos; ++at) {
    ++events;
  }
  std::printf("%zu bytes, %.0f events a request, %d x %d requests\n",
              handler.bytes, events, kBlocks, kRequestsPerBlock);
  std::printf("receive over TLS  %8.1f us/request (%.1f to %.1f)\n",
              median * 1e6, seconds.front() * 1e6, seconds.back() * 1e6);
  std::printf("                  %8.3f us/event %8.3f GB/s\n",
              median * 1e6 / std::max(events, 1.0),
              static_cast<double>(handler.bytes) / median * 1e-9);
  return 0;
}

int Run(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string body((std::istreambuf_iterator<char>(file)),
                   std::istreambuf_iterator<char>());
  if (body.empty()) {
    std::fprintf(stderr, "cannot read %s\n", path);
    return 1;
  }
  char folder[] = "/tmp/http_bench_XXXXXX";
  if (mkdtemp(folder) == nullptr) return 1;
  std::string make_certificate =
      std::string("cd ") + folder +
      " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
      "-nodes -subj /CN=bench -addext subjectAltName=IP:127.0.0.1 "
      "-keyout tls.key -out tls.crt 2>/dev/null";
  int port_pipe[2];
  int result = 1;
  if (std::system(make_certificate.c_str()) == 0 && pipe(port_pipe) == 0) {
    // Before any thread is there.
    pid_t child = fork();
    if (child == 0) _exit(Post(folder, body, port_pipe[0]));
    result = Serve(folder, body, port_pipe[1]);
    waitpid(child, nullptr, 0);
  } else {
    std::fprintf(stderr, "cannot make a certificate: is openssl installed?\n");
  }
  std::filesystem::remove_all(folder);
  return result;
}

}  // namespace
}  // namespace oddverb

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: http_bench BODY.json\n");
    return 2;
  }
  return oddverb::Run(argv[1]);
}
