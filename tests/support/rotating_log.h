// Writes a log as kube-apiserver does (one write(2) per event, rotation as in
// lumberjack), step by step, so that a reader can be run between any two.
#ifndef ODDVERB_TESTS_SUPPORT_ROTATING_LOG_H_
#define ODDVERB_TESTS_SUPPORT_ROTATING_LOG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

class RotatingLog {
 public:
  // Writes FOLDER/audit.log, which is created here.
  explicit RotatingLog(std::string folder);
  ~RotatingLog();
  RotatingLog(const RotatingLog&) = delete;
  RotatingLog& operator=(const RotatingLog&) = delete;

  // An event of its own, with its line end; returns the line without it.
  std::string AppendEvent();
  void Append(std::string_view bytes);

  // Renames audit.log by the time, which moves on by `step_ms`, and begins a
  // new one. Returns the new name's path.
  std::string Rotate(int64_t step_ms = 1000);

  // What happens to a rotated file when it is compressed, in this order.
  static void CompressHalf(const std::string& path);
  static void CompressAll(const std::string& path);
  static void RemovePlain(const std::string& path);

  // As logrotate does: audit.log.1 becomes audit.log.2 and so on, audit.log is
  // copied to audit.log.1 and emptied.
  void CopyAndTruncate();
  // Only the last step.
  void Truncate();

  // Deletes the active file. The writer keeps its descriptor.
  void Delete();
  // Opens a new active file, as lumberjack does when the name is gone.
  void Reopen();

  const std::string& path() const { return path_; }
  std::string RotatedPath() const;

 private:
  std::string folder_;
  std::string path_;
  int descriptor_ = -1;
  int64_t time_ms_ = 1'700'000'000'000;
  uint64_t events_ = 0;
  int copies_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_ROTATING_LOG_H_
