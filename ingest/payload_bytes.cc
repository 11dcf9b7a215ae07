#include "ingest/payload_bytes.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/json_string.h"
#include "base/strings.h"
#include "ingest/byte_stream.h"

namespace oddverb {
namespace {

constexpr std::string_view kGzipStart = "\x1f\x8b";
constexpr std::string_view kZstdStart = "\x28\xb5\x2f\xfd";

class MemoryStream final : public ByteStream {
 public:
  explicit MemoryStream(std::string_view bytes) : bytes_(bytes) {}

  absl::StatusOr<size_t> Read(absl::Time, std::span<char> to) override {
    size_t count = std::min(to.size(), bytes_.size() - read_);
    std::memcpy(to.data(), bytes_.data() + read_, count);
    read_ += count;
    return count;
  }
  uint64_t stored_bytes_read() const override { return read_; }
  void Park() override {}

 private:
  std::string_view bytes_;
  size_t read_ = 0;
};

}  // namespace

std::string_view CompressionOf(std::string_view bytes) {
  if (bytes.starts_with(kGzipStart)) return "gzip";
  if (bytes.starts_with(kZstdStart)) return "zstd";
  return "";
}

Decompressed Decompress(std::string_view stored, size_t most_bytes,
                        Arena& arena) {
  constexpr size_t kUsualRatio = 8;
  constexpr size_t kLeastRoom = 4096;
  std::unique_ptr<ByteStream> stream =
      MakeDecodedStream(std::make_unique<MemoryStream>(stored));
  Decompressed result;
  std::string text;
  size_t size = 0;
  for (;;) {
    // One byte more than is allowed tells that there are more.
    if (size == text.size()) {
      size_t room =
          std::max({2 * size, kUsualRatio * stored.size(), kLeastRoom});
      text.resize(std::min(room, most_bytes + 1));
    }
    absl::StatusOr<size_t> got = stream->Read(
        absl::InfiniteFuture(), {text.data() + size, text.size() - size});
    if (!got.ok()) result.status = got.status();
    if (!got.ok() || *got == 0) break;
    size += *got;
    if (size > most_bytes) {
      size = most_bytes;
      result.status = absl::ResourceExhaustedError(
          absl::StrCat("more than ", most_bytes, " bytes when unpacked"));
      break;
    }
  }
  result.text = CopyPadded(std::string_view(text).substr(0, size), arena);
  return result;
}

std::optional<std::string_view> DecodeBase64(std::string_view text,
                                             Arena& arena) {
  std::string bytes;
  if (!absl::Base64Unescape(A(text), &bytes)) return std::nullopt;
  return CopyPadded(bytes, arena);
}

std::string_view CopyPadded(std::string_view text, Arena& arena) {
  char* room = arena.Allocate(text.size() + kJsonStringPadding);
  std::memcpy(room, text.data(), text.size());
  std::memset(room + text.size(), 0, kJsonStringPadding);
  return {room, text.size()};
}

}  // namespace oddverb
