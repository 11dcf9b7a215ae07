#include "app/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "app/number_text.h"
#include "base/clock.h"

namespace oddverb {

int TerminalColumns(int fd) {
  winsize size{};
  if (isatty(fd) == 0) return 0;
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string ProgressLine(const ProgressReading& reading, absl::Duration elapsed,
                         int columns) {
  double seconds = std::max(absl::ToDoubleSeconds(elapsed), 1e-3);
  double rate = static_cast<double>(reading.events) / seconds;
  std::string line;
  double done = 0;
  if (reading.total_bytes > 0) {
    done = std::min(1.0, static_cast<double>(reading.read_bytes) /
                             static_cast<double>(reading.total_bytes));
    constexpr int kBarWidth = 24;
    int filled = static_cast<int>(done * kBarWidth);
    line = absl::StrFormat(
        " [%s%s] %3.0f %%", std::string(static_cast<size_t>(filled), '#'),
        std::string(static_cast<size_t>(kBarWidth - filled), '-'), done * 100);
  }
  absl::StrAppend(&line, "  ", Counted(reading.events, "event"), "  ",
                  BytesText(reading.read_bytes), "  ", RateText(rate),
                  " events/s");
  if (done > 0 && done < 1 && seconds > 1) {
    absl::StrAppend(
        &line, absl::StrFormat("  %.0f s left", seconds * (1 - done) / done));
  }
  if (columns > 0 && line.size() > static_cast<size_t>(columns)) {
    line.resize(static_cast<size_t>(columns));
  }
  return line;
}

Progress::Progress(Style style, std::function<ProgressReading()> read)
    : style_(style), read_(std::move(read)) {
  if (style_ != Style::kOff) thread_ = std::thread([this] { Run(); });
}

Progress::~Progress() { Stop(); }

void Progress::Stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  stop_changed_.notify_all();
  thread_.join();
  // Back to the start of the line, and erase it.
  if (style_ == Style::kBar) std::fputs("\r\033[K", stderr);
}

void Progress::Show(absl::Duration elapsed) const {
  if (style_ == Style::kBar) {
    std::string line =
        ProgressLine(read_(), elapsed, TerminalColumns(STDERR_FILENO) - 1);
    std::fprintf(stderr, "\r%s\033[K", line.c_str());
    std::fflush(stderr);
  } else {
    std::fprintf(stderr, "%s\n", ProgressLine(read_(), elapsed, 0).c_str());
  }
}

void Progress::Run() {
  const std::chrono::milliseconds period(style_ == Style::kBar ? 100 : 10'000);
  const absl::Time start = SteadyNow();
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stop_changed_.wait_for(lock, period, [this] { return stopping_; })) {
    lock.unlock();
    Show(SteadyNow() - start);
    lock.lock();
  }
}

}  // namespace oddverb
