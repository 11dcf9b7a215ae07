#include "ingest/compressed_stream.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace oddverb {
namespace {

// Stored bytes waiting to be decompressed.
class CompressedInput {
 public:
  explicit CompressedInput(std::unique_ptr<ByteStream> stored)
      : stored_(std::move(stored)), bytes_(new char[kBytes]) {}

  // Reads more if nothing is waiting. Afterwards it is empty only at the end.
  absl::Status Fill(absl::Time deadline) {
    if (begin_ < end_ || at_end_) return absl::OkStatus();
    ODDVERB_ASSIGN_OR_RETURN(size_t got,
                             stored_->Read(deadline, {bytes_.get(), kBytes}));
    begin_ = 0;
    end_ = got;
    at_end_ = got == 0;
    return absl::OkStatus();
  }

  const char* data() const { return bytes_.get() + begin_; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  void Drop(size_t count) { begin_ += count; }
  uint64_t stored_bytes_read() const { return stored_->stored_bytes_read(); }
  void Park() { stored_->Park(); }

 private:
  // Small, because a merge may hold thousands; one read(2) per 32 KiB is
  // about 1 % of inflating them.
  static constexpr size_t kBytes = 32 * 1024;
  std::unique_ptr<ByteStream> stored_;
  std::unique_ptr<char[]> bytes_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool at_end_ = false;
};

absl::Status Damaged(const char* format, const std::string& what,
                     uint64_t stored_bytes) {
  return absl::DataLossError(absl::StrCat(format, " data damaged: ", what,
                                          " (near stored byte ", stored_bytes,
                                          "); nothing behind it can be read"));
}

class GzipStream final : public ByteStream {
 public:
  explicit GzipStream(std::unique_ptr<ByteStream> stored)
      : input_(std::move(stored)) {
    constexpr int kGzipOnly = 16;
    if (inflateInit2(&inflater_, MAX_WBITS + kGzipOnly) != Z_OK) {
      error_ = absl::ResourceExhaustedError("no memory to read gzip data");
    }
  }
  ~GzipStream() override { inflateEnd(&inflater_); }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  absl::StatusOr<size_t> Read(absl::Time deadline,
                              std::span<char> to) override {
    for (;;) {
      ODDVERB_RETURN_IF_ERROR(error_);
      // With a full output buffer, more may wait inside of the inflater.
      if (!output_was_full_) {
        ODDVERB_RETURN_IF_ERROR(input_.Fill(deadline));
        if (!in_member_ && DropPadding() == Padding::kMayGoOn) continue;
        if (input_.empty()) {
          if (!in_member_) return size_t{0};
          error_ = Damaged("gzip", "it ends too early (cut off)",
                           stored_bytes_read());
          continue;
        }
        in_member_ = true;
      }
      size_t produced = Inflate(to);
      if (produced > 0) return produced;
    }
  }

  uint64_t stored_bytes_read() const override {
    return input_.stored_bytes_read();
  }

  void Park() override { input_.Park(); }

 private:
  enum class Padding : uint8_t { kMayGoOn, kOver };

  // Between members: gzip files may be padded with NULs (tape blocks, a crash
  // before the file system wrote the data).
  Padding DropPadding() {
    if (input_.empty()) return Padding::kOver;
    while (members_ > 0 && !input_.empty() && *input_.data() == '\0') {
      input_.Drop(1);
    }
    if (input_.empty()) return Padding::kMayGoOn;
    if (members_++ > 0) inflateReset(&inflater_);
    return Padding::kOver;
  }

  // An error is kept for the next call, so that the bytes before it get out.
  size_t Inflate(std::span<char> to) {
    constexpr size_t kMost = std::numeric_limits<uInt>::max();
    size_t room = std::min(to.size(), kMost);
    inflater_.next_in =
        reinterpret_cast<Bytef*>(const_cast<char*>(input_.data()));
    inflater_.avail_in = static_cast<uInt>(input_.size());
    inflater_.next_out = reinterpret_cast<Bytef*>(to.data());
    inflater_.avail_out = static_cast<uInt>(room);
    int result = inflate(&inflater_, Z_NO_FLUSH);
    input_.Drop(input_.size() - inflater_.avail_in);
    if (result == Z_STREAM_END) {
      in_member_ = false;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      error_ = Damaged(
          "gzip", inflater_.msg != nullptr ? inflater_.msg : zError(result),
          stored_bytes_read());
    }
    output_was_full_ = in_member_ && inflater_.avail_out == 0;
    return room - inflater_.avail_out;
  }

  CompressedInput input_;
  z_stream inflater_ = {};
  absl::Status error_;
  uint64_t members_ = 0;
  bool in_member_ = false;
  bool output_was_full_ = false;
};

class ZstdStream final : public ByteStream {
 public:
  explicit ZstdStream(std::unique_ptr<ByteStream> stored)
      : input_(std::move(stored)), decompressor_(ZSTD_createDStream()) {
    if (decompressor_ == nullptr) {
      error_ = absl::ResourceExhaustedError("no memory to read zstd data");
    }
  }
  ~ZstdStream() override { ZSTD_freeDStream(decompressor_); }
  ZstdStream(const ZstdStream&) = delete;
  ZstdStream& operator=(const ZstdStream&) = delete;

  absl::StatusOr<size_t> Read(absl::Time deadline,
                              std::span<char> to) override {
    for (;;) {
      ODDVERB_RETURN_IF_ERROR(error_);
      // With a full output buffer, more may wait inside of the decompressor.
      if (!output_was_full_) {
        ODDVERB_RETURN_IF_ERROR(input_.Fill(deadline));
        if (input_.empty()) {
          if (!in_frame_) return size_t{0};
          error_ = Damaged("zstd", "it ends too early (cut off)",
                           stored_bytes_read());
          continue;
        }
      }
      size_t produced = Decompress(to);
      if (produced > 0) return produced;
    }
  }

  uint64_t stored_bytes_read() const override {
    return input_.stored_bytes_read();
  }

  void Park() override { input_.Park(); }

 private:
  size_t Decompress(std::span<char> to) {
    ZSTD_inBuffer in = {input_.data(), input_.size(), 0};
    ZSTD_outBuffer out = {to.data(), to.size(), 0};
    size_t wanted = ZSTD_decompressStream(decompressor_, &out, &in);
    if (ZSTD_isError(wanted)) {
      error_ = Damaged("zstd", ZSTD_getErrorName(wanted), stored_bytes_read());
    }
    // An empty call between frames would ask for the next frame's header.
    if (in.pos > 0 || out.pos > 0) in_frame_ = wanted != 0;
    output_was_full_ = in_frame_ && out.pos == out.size;
    input_.Drop(in.pos);
    return out.pos;
  }

  CompressedInput input_;
  ZSTD_DStream* decompressor_;
  absl::Status error_;
  bool in_frame_ = false;
  bool output_was_full_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> MakeGzipStream(std::unique_ptr<ByteStream> stored) {
  return std::make_unique<GzipStream>(std::move(stored));
}

std::unique_ptr<ByteStream> MakeZstdStream(std::unique_ptr<ByteStream> stored) {
  return std::make_unique<ZstdStream>(std::move(stored));
}

}  // namespace oddverb
