// A server on loopback that is no HTTP server: for each connection it reads
// what comes first, sends fixed bytes, and then closes or keeps silent.
#ifndef ODDVERB_TESTS_SUPPORT_RAW_SERVER_H_
#define ODDVERB_TESTS_SUPPORT_RAW_SERVER_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace oddverb {

class RawServer {
 public:
  enum class Then : uint8_t { kClose, kHang };
  RawServer(std::string bytes, Then then);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  std::string url() const;
  int connections() const { return connections_; }

 private:
  void Serve();

  const std::string bytes_;
  const Then then_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> ends_{false};
  std::vector<int> kept_;
  std::thread thread_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_RAW_SERVER_H_
