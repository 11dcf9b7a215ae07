// A whole service in this process while somebody sets the wall clock: findings
// come, checkpoints are made, the watchdog is fed, and nothing looks wedged.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "app/app.h"
#include "app/service.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "tests/support/demo_log.h"
#include "tests/support/input_files.h"
#include "tests/support/wall_clock.h"

namespace oddverb {
namespace {

// What systemd would hear.
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& path) {
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(
        ::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
        0);
  }
  ~NotifySocket() { ::close(socket_); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  // Since the last call.
  int AliveMessages() {
    int alive = 0;
    char text[256];
    for (ssize_t got; (got = ::recv(socket_, text, sizeof(text), 0)) >= 0;) {
      std::string_view message(text, static_cast<size_t>(got));
      if (message == "WATCHDOG=1") ++alive;
    }
    return alive;
  }

 private:
  int socket_ = -1;
};

// By the number of looks and not by a clock, which is what is tested here.
bool Becomes(const std::function<bool()>& condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return false;
}

size_t LinesIn(const std::string& path) {
  std::ifstream in(path);
  return static_cast<size_t>(std::count(std::istreambuf_iterator<char>(in),
                                        std::istreambuf_iterator<char>(),
                                        '\n'));
}

class ServiceClockTest : public ::testing::TestWithParam<int> {};

TEST_P(ServiceClockTest, NothingStallsWhenTheClockIsSet) {
  SteadyNow();  // begins with the true time
  TempFolder folder;
  std::filesystem::create_directory(folder.path("log"));
  std::string log = folder.Write("log/audit.log", "");
  std::string findings = folder.path("findings");
  std::string config = folder.Write(
      "c.yaml",
      absl::StrCat("state_dir: ", folder.path("state"),
                   "\nlog: {level: error}\nthreads: 2\n"
                   "checkpoint: {interval: 100ms}\n"
                   "sources: [{name: log, type: tail, poll_interval: 50ms, "
                   "path: ",
                   log, "}]\noutputs: [{name: f, type: ndjson, path: ",
                   findings, "}]\n"));
  NotifySocket systemd(folder.path("notify"));
  auto environment = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "NOTIFY_SOCKET") return folder.path("notify");
    if (name == "WATCHDOG_USEC") return "400000";
    return std::nullopt;
  };
  std::atomic<bool> stop{false};
  std::atomic<bool> reload{false};
  int exit_code = -1;
  std::thread service([&] {
    exit_code = RunService(config, environment, {stop, reload});
  });

  std::vector<std::string> lines = DemoLogLines();
  std::ofstream out(log, std::ios::app);
  auto write = [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) out << lines[i] << "\n";
    out.flush();
  };
  write(0, 4000);
  EXPECT_TRUE(Becomes([&] { return LinesIn(findings) > 5; }));
  size_t before = LinesIn(findings);
  {
    WallClockJump jump(absl::Hours(GetParam()));
    systemd.AliveMessages();
    write(4000, lines.size());
    EXPECT_TRUE(Becomes([&] { return LinesIn(findings) > before + 5; }));
    int alive = 0;
    EXPECT_TRUE(
        Becomes([&] { return (alive += systemd.AliveMessages()) > 5; }));
  }
  stop = true;
  service.join();
  EXPECT_EQ(exit_code, kExitFine);
}

INSTANTIATE_TEST_SUITE_P(Hours, ServiceClockTest, ::testing::Values(-1, 1));

}  // namespace
}  // namespace oddverb
