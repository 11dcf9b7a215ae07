#include "base/gunzip.h"

#include <zlib.h>

namespace oddverb {

bool IsGzip(std::string_view bytes) {
  constexpr size_t kSmallest = 18;  // header and trailer
  return bytes.size() > kSmallest && bytes.starts_with("\x1f\x8b\x08");
}

std::string Gunzip(std::string_view bytes, size_t limit) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return {};
  std::string text(limit, '\0');
  std::string input(bytes);
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(limit);
  inflate(&stream, Z_SYNC_FLUSH);
  text.resize(limit - stream.avail_out);
  inflateEnd(&stream);
  return text;
}

}  // namespace oddverb
