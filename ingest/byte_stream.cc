#include "ingest/byte_stream.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "ingest/compressed_stream.h"

namespace oddverb {
namespace {

// read(2) over one file, pipe or terminal.
class FileStream final : public ByteStream {
 public:
  explicit FileStream(StoredFile file) : file_(std::move(file)) {}
  ~FileStream() override { Close(); }
  FileStream(const FileStream&) = delete;
  FileStream& operator=(const FileStream&) = delete;

  absl::StatusOr<size_t> Read(absl::Time deadline,
                              std::span<char> to) override {
    if (descriptor_ < 0) ODDVERB_RETURN_IF_ERROR(Open());
    for (;;) {
      if (!is_regular()) ODDVERB_RETURN_IF_ERROR(WaitReadable(deadline));
      ssize_t got = ::read(descriptor_, to.data(), to.size());
      if (got >= 0) {
        read_bytes_ += static_cast<uint64_t>(got);
        return static_cast<size_t>(got);
      }
      // EAGAIN: another reader of the pipe was faster; wait again.
      if (errno != EINTR && (errno != EAGAIN || is_regular())) {
        return FileError(file_.path, errno);
      }
    }
  }

  uint64_t stored_bytes_read() const override { return read_bytes_; }

  void Park() override {
    if (is_regular() && !file_.is_stdin()) Close();
  }

 private:
  bool is_regular() const { return file_.kind == StoredFile::Kind::kRegular; }

  absl::Status Open() {
    ODDVERB_ASSIGN_OR_RETURN(descriptor_, OpenForReading(file_));
    if (read_bytes_ == 0) return absl::OkStatus();
    if (::lseek(descriptor_, static_cast<off_t>(read_bytes_), SEEK_SET) < 0) {
      return FileError(file_.path, errno);
    }
    return absl::OkStatus();
  }

  absl::Status WaitReadable(absl::Time deadline) {
    for (;;) {
      struct pollfd waiting = {descriptor_, POLLIN, 0};
      int ready = ::poll(&waiting, 1, MillisecondsUntil(deadline));
      if (ready > 0) return absl::OkStatus();
      if (ready < 0 && errno != EINTR) return FileError(file_.path, errno);
      if (ready == 0 && SteadyNow() >= deadline) {
        return absl::DeadlineExceededError("nothing to read yet");
      }
    }
  }

  static int MillisecondsUntil(absl::Time deadline) {
    if (deadline == absl::InfiniteFuture()) return -1;
    absl::Duration left = deadline - SteadyNow();
    if (left <= absl::ZeroDuration()) return 0;
    // Rounded up, or the last millisecond would be a busy loop.
    return static_cast<int>(
        std::min<int64_t>(absl::ToInt64Milliseconds(left) + 1, INT_MAX));
  }

  void Close() {
    if (descriptor_ >= 0 && !file_.is_stdin()) ::close(descriptor_);
    descriptor_ = -1;
  }

  StoredFile file_;
  int descriptor_ = -1;
  uint64_t read_bytes_ = 0;
};

// A stream whose first bytes have been looked at already.
class PrefixedStream final : public ByteStream {
 public:
  PrefixedStream(std::string prefix, std::unique_ptr<ByteStream> rest)
      : prefix_(std::move(prefix)), rest_(std::move(rest)) {}

  absl::StatusOr<size_t> Read(absl::Time deadline,
                              std::span<char> to) override {
    if (prefix_.empty()) return rest_->Read(deadline, to);
    size_t count = std::min(prefix_.size(), to.size());
    std::memcpy(to.data(), prefix_.data(), count);
    prefix_.erase(0, count);
    return count;
  }

  uint64_t stored_bytes_read() const override {
    return rest_->stored_bytes_read();
  }

  void Park() override { rest_->Park(); }

 private:
  std::string prefix_;
  std::unique_ptr<ByteStream> rest_;
};

// A known first few bytes. `reader` is empty for what is read here; else the
// command that makes it readable.
struct Format {
  std::string_view magic;
  std::string_view name;
  std::string_view reader;
};

constexpr Format kFormats[] = {
    {"\x1f\x8b", "gzip", ""},
    {"\x28\xb5\x2f\xfd", "zstd", ""},
    {"\xfd\x37zXZ", "xz", "xzcat"},
    {"BZh", "bzip2", "bzcat"},
    {"\x04\x22\x4d\x18", "lz4", "lz4cat"},
    {"\x1f\x9d", "compress", "zcat"},
    {"PK\x03\x04", "zip", "unzip -p"},
};
constexpr size_t kLongestMagicBytes = 5;

// Finds out at the first Read() what the bytes are, since a pipe may not have
// any before.
class DecodedStream final : public ByteStream {
 public:
  explicit DecodedStream(std::unique_ptr<ByteStream> stored)
      : stream_(std::move(stored)) {}

  absl::StatusOr<size_t> Read(absl::Time deadline,
                              std::span<char> to) override {
    if (!known_) ODDVERB_RETURN_IF_ERROR(FindFormat(deadline));
    return stream_->Read(deadline, to);
  }

  uint64_t stored_bytes_read() const override {
    return stream_->stored_bytes_read();
  }

  void Park() override { stream_->Park(); }

 private:
  // Keeps the bytes read so far when the deadline passes.
  absl::Status FindFormat(absl::Time deadline) {
    while (first_bytes_.size() < kLongestMagicBytes && MayBecomeMagic()) {
      char bytes[kLongestMagicBytes];
      size_t room = kLongestMagicBytes - first_bytes_.size();
      ODDVERB_ASSIGN_OR_RETURN(size_t got,
                               stream_->Read(deadline, {bytes, room}));
      if (got == 0) break;
      first_bytes_.append(bytes, got);
    }
    return UseFormat(Match());
  }

  bool MayBecomeMagic() const {
    return std::any_of(
        std::begin(kFormats), std::end(kFormats), [this](const Format& format) {
          return format.magic.size() > first_bytes_.size() &&
                 format.magic.substr(0, first_bytes_.size()) == first_bytes_;
        });
  }

  const Format* Match() const {
    for (const Format& format : kFormats) {
      if (std::string_view(first_bytes_).starts_with(format.magic)) {
        return &format;
      }
    }
    return nullptr;
  }

  absl::Status UseFormat(const Format* format) {
    if (format != nullptr && !format->reader.empty()) {
      return absl::UnimplementedError(absl::StrCat(
          "compressed with ", std::string(format->name),
          ", which is not read here; use: ", std::string(format->reader),
          " FILE | oddverb scan -"));
    }
    known_ = true;
    stream_ = std::make_unique<PrefixedStream>(std::move(first_bytes_),
                                               std::move(stream_));
    if (format == nullptr) return absl::OkStatus();
    stream_ = format->name == "gzip" ? MakeGzipStream(std::move(stream_))
                                     : MakeZstdStream(std::move(stream_));
    return absl::OkStatus();
  }

  std::unique_ptr<ByteStream> stream_;
  std::string first_bytes_;
  bool known_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> MakeFileStream(StoredFile file) {
  return std::make_unique<FileStream>(std::move(file));
}

std::unique_ptr<ByteStream> MakeDecodedStream(
    std::unique_ptr<ByteStream> stored) {
  return std::make_unique<DecodedStream>(std::move(stored));
}

}  // namespace oddverb
