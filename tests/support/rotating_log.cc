#include "tests/support/rotating_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

std::string ContentOf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

void WriteFile(const std::string& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  EXPECT_TRUE(out.good()) << path;
}

}  // namespace

RotatingLog::RotatingLog(std::string folder)
    : folder_(std::move(folder)), path_(folder_ + "/audit.log") {
  Reopen();
}

RotatingLog::~RotatingLog() { ::close(descriptor_); }

std::string RotatingLog::AppendEvent() {
  std::string line =
      EventLine(absl::FromUnixMillis(time_ms_) + absl::Microseconds(events_),
                absl::StrCat("event-", events_));
  ++events_;
  Append(line + "\n");
  return line;
}

void RotatingLog::Append(std::string_view bytes) {
  ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
  EXPECT_EQ(written, static_cast<ssize_t>(bytes.size()));
}

std::string RotatingLog::RotatedPath() const {
  return absl::StrCat(
      folder_, "/audit-",
      absl::FormatTime("%Y-%m-%dT%H-%M-%E3S", absl::FromUnixMillis(time_ms_),
                       absl::UTCTimeZone()),
      ".log");
}

std::string RotatingLog::Rotate(int64_t step_ms) {
  time_ms_ += step_ms;
  std::string rotated = RotatedPath();
  std::filesystem::rename(path_, rotated);
  Reopen();
  return rotated;
}

void RotatingLog::CompressHalf(const std::string& path) {
  std::string compressed = GzipOf(ContentOf(path));
  WriteFile(path + ".gz", compressed.substr(0, compressed.size() / 2));
}

void RotatingLog::CompressAll(const std::string& path) {
  WriteFile(path + ".gz", GzipOf(ContentOf(path)));
}

void RotatingLog::RemovePlain(const std::string& path) {
  std::filesystem::remove(path);
}

void RotatingLog::CopyAndTruncate() {
  for (int i = copies_; i > 0; --i) {
    std::filesystem::rename(absl::StrCat(path_, ".", i),
                            absl::StrCat(path_, ".", i + 1));
  }
  ++copies_;
  WriteFile(path_ + ".1", ContentOf(path_));
  Truncate();
}

void RotatingLog::Truncate() { EXPECT_EQ(::ftruncate(descriptor_, 0), 0); }

void RotatingLog::Delete() { std::filesystem::remove(path_); }

void RotatingLog::Reopen() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ =
      ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  EXPECT_GE(descriptor_, 0) << path_;
}

}  // namespace oddverb
