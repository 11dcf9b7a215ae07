#include "ingest/identified_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ingest/cri_lines.h"
#include "ingest/stored_file.h"

namespace oddverb {
namespace {

// Enough to hold the auditID and the URI of an event.
constexpr size_t kStartBytes = 4096;
constexpr size_t kBlockBytes = 16 * 1024;
// NULs before the first line: the hole that a writer leaves which goes on at
// its old place behind a truncation (lumberjack does), so about a log's size.
constexpr uint64_t kMostBlankBytes = uint64_t{1} << 30;

ssize_t ReadAt(int descriptor, char* to, size_t size, uint64_t offset) {
  ssize_t got;
  do {
    got = ::pread(descriptor, to, size, static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  return got;
}

// The stored bytes from some place on, without moving the descriptor's own.
class DescriptorStream final : public ByteStream {
 public:
  DescriptorStream(int descriptor, const std::string& path, uint64_t offset)
      : descriptor_(descriptor), path_(path), offset_(offset) {}

  absl::StatusOr<size_t> Read(absl::Time, std::span<char> to) override {
    ssize_t got = ReadAt(descriptor_, to.data(), to.size(), offset_);
    if (got < 0) return FileError(path_, errno);
    offset_ += static_cast<uint64_t>(got);
    read_bytes_ += static_cast<uint64_t>(got);
    return static_cast<size_t>(got);
  }
  uint64_t stored_bytes_read() const override { return read_bytes_; }
  void Park() override {}

 private:
  const int descriptor_;
  const std::string& path_;
  uint64_t offset_;
  uint64_t read_bytes_ = 0;
};

bool StartsCompressed(int descriptor) {
  char bytes[4];
  ssize_t got = ReadAt(descriptor, bytes, sizeof(bytes), 0);
  std::string_view start(bytes, got > 0 ? static_cast<size_t>(got) : 0);
  return start.starts_with("\x1f\x8b") || start == "\x28\xb5\x2f\xfd";
}

bool IsBlank(char c) {
  return c == '\0' || c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

}  // namespace

absl::StatusOr<std::shared_ptr<const IdentifiedFile>> IdentifiedFile::Open(
    const LogFile& file) {
  int descriptor;
  do {
    descriptor =
        ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return FileError(file.path, errno);
  std::shared_ptr<IdentifiedFile> opened(new IdentifiedFile(descriptor, file));
  struct stat facts;
  if (::fstat(descriptor, &facts) != 0) return FileError(file.path, errno);
  if (facts.st_dev != file.device || facts.st_ino != file.inode) {
    return absl::NotFoundError(absl::StrCat(file.path, ": was renamed"));
  }
  opened->compressed_ = !file.active && StartsCompressed(descriptor);
  if (absl::Status read = opened->ReadFirstLine(); !read.ok()) {
    return absl::Status(read.code(),
                        absl::StrCat(file.path, ": ", read.message()));
  }
  return opened;
}

IdentifiedFile::IdentifiedFile(int descriptor, const LogFile& file)
    : descriptor_(descriptor),
      path_(file.path),
      device_(file.device),
      inode_(file.inode) {}

IdentifiedFile::~IdentifiedFile() { ::close(descriptor_); }

absl::Status IdentifiedFile::ReadFirstLine() {
  std::unique_ptr<ByteStream> bytes = ReadFrom(0);
  std::unique_ptr<char[]> block(new char[kBlockBytes]);
  std::string line;
  uint64_t offset = 0;
  for (;;) {
    ODDVERB_ASSIGN_OR_RETURN(
        size_t got,
        bytes->Read(absl::InfinitePast(), {block.get(), kBlockBytes}));
    std::string_view rest(block.get(), got);
    if (line.empty()) {
      size_t blanks = 0;
      while (blanks < got && IsBlank(rest[blanks])) ++blanks;
      rest.remove_prefix(blanks);
      start_offset_ = offset + blanks;
    }
    offset += got;
    size_t end = rest.find('\n');
    line.append(rest.substr(0, end));
    if (end != std::string_view::npos || line.size() >= kMostLineBytes) {
      TakeFirstLine(std::move(line), FirstLine::kWhole);
      break;
    }
    if (got == 0) {
      if (!line.empty()) TakeFirstLine(std::move(line), FirstLine::kTorn);
      break;
    }
    if (line.empty() && offset > kMostBlankBytes) break;
  }
  return absl::OkStatus();
}

void IdentifiedFile::TakeFirstLine(std::string line, FirstLine kind) {
  line.resize(std::min(line.size(), kMostLineBytes));
  first_line_ = kind;
  identity_ = KeyedHash().HashWide(line);
  in_container_form_ = CriLines::Accepts(line);
  line.resize(std::min(line.size(), kStartBytes));
  start_ = std::move(line);
}

bool IdentifiedFile::SameInodeAs(const LogFile& file) const {
  return device_ == file.device && inode_ == file.inode;
}

bool IdentifiedFile::StartChanged() const {
  if (compressed_ || start_.empty()) return false;
  char now[kStartBytes];
  ssize_t got = ReadAt(descriptor_, now, start_.size(), start_offset_);
  return got < 0 || std::string_view(now, static_cast<size_t>(got)) != start_;
}

uint64_t IdentifiedFile::ContentBytes() const {
  struct stat facts;
  if (::fstat(descriptor_, &facts) != 0) return 0;
  uint64_t stored = static_cast<uint64_t>(facts.st_size);
  if (!compressed_) return stored;
  // RFC 1952: the last four bytes are the size, modulo 2^32, of the last
  // member. zstd has none that can be relied on.
  constexpr uint64_t kLeastGzipBytes = 18;
  unsigned char bytes[4];
  char magic = '\0';
  if (stored < kLeastGzipBytes || ReadAt(descriptor_, &magic, 1, 0) != 1 ||
      magic != '\x1f' ||
      ReadAt(descriptor_, reinterpret_cast<char*>(bytes), sizeof(bytes),
             stored - sizeof(bytes)) != sizeof(bytes)) {
    return 0;
  }
  uint64_t size = 0;
  for (size_t i = sizeof(bytes); i-- > 0;) size = size << 8 | bytes[i];
  return size;
}

bool IdentifiedFile::LineEndsAt(uint64_t offset) const {
  if (offset == 0 || compressed_) return true;
  char last = '\0';
  if (ReadAt(descriptor_, &last, 1, offset - 1) != 1) return false;
  return IsBlank(last);
}

std::unique_ptr<ByteStream> IdentifiedFile::ReadFrom(uint64_t offset) const {
  if (!compressed_) {
    return std::make_unique<DescriptorStream>(descriptor_, path_, offset);
  }
  return MakeDecodedStream(
      std::make_unique<DescriptorStream>(descriptor_, path_, 0));
}

}  // namespace oddverb
