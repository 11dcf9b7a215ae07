// Shows how a scan is doing on stderr: a bar on a terminal (10 times a
// second), else a line every 10 s. Runs a thread of its own from construction
// to Stop().
#ifndef ODDVERB_APP_PROGRESS_H_
#define ODDVERB_APP_PROGRESS_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "absl/time/time.h"

namespace oddverb {

struct ProgressReading {
  uint64_t events = 0;
  uint64_t read_bytes = 0;   // as stored
  uint64_t total_bytes = 0;  // 0 = unknown
};

// One line without line end, e.g.
// " [######----]  61 %  11,700 events  17.0 MB  2.1 M events/s  1 s left".
// At most `columns` wide.
std::string ProgressLine(const ProgressReading& reading, absl::Duration elapsed,
                         int columns);

class Progress {
 public:
  enum class Style : uint8_t { kOff, kBar, kLines };

  // `read` is called from the progress thread.
  Progress(Style style, std::function<ProgressReading()> read);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Erases the bar and joins the thread.
  void Stop();

 private:
  void Run();
  void Show(absl::Duration elapsed) const;

  const Style style_;
  const std::function<ProgressReading()> read_;
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

// Columns of the terminal behind `fd`; 0 if it is none.
int TerminalColumns(int fd);

}  // namespace oddverb

#endif  // ODDVERB_APP_PROGRESS_H_
