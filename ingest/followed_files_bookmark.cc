// FollowedFiles as bytes: what a restarted process needs to go on.
#include "base/state_io.h"
#include "ingest/followed_files.h"

namespace oddverb {
namespace {

constexpr uint64_t kVersion = 1;
constexpr uint64_t kActive = 1;
constexpr uint64_t kFinished = 2;
// Two hashes and six numbers or lengths.
constexpr size_t kLeastFileBytes = 22;

}  // namespace

std::string FollowedFiles::Save(
    const std::optional<Position>& unfinished) const {
  StateWriter out;
  out.PutU64(kVersion);
  out.PutU64(next_stream_);
  out.PutU64(files_.size());
  for (const std::unique_ptr<FollowedFile>& file : files_) {
    bool resumes_before =
        unfinished.has_value() && unfinished->stream == file->stream;
    bool finished = file->finished && !resumes_before;
    out.PutFixed64(file->identity.high);
    out.PutFixed64(file->identity.low);
    out.PutU64(file->stream);
    out.PutU64((file->active ? kActive : 0) | (finished ? kFinished : 0));
    out.PutU64(resumes_before ? unfinished->offset : file->offset);
    out.PutU64(resumes_before ? unfinished->line : file->line);
    out.PutU64(file->known_bytes);
    // Thousands of files may be finished; nobody asks for their names.
    out.PutString(finished ? "" : file->name);
  }
  return out.Release();
}

absl::Status FollowedFiles::Load(std::string_view bookmark) {
  StateReader in(bookmark);
  if (in.GetU64() != kVersion) in.Fail();
  uint64_t next_stream = in.GetU64();
  uint64_t count = in.GetCount(kLeastFileBytes);
  std::vector<std::unique_ptr<FollowedFile>> files;
  for (uint64_t i = 0; i < count && in.status().ok(); ++i) {
    auto file = std::make_unique<FollowedFile>();
    file->identity.high = in.GetFixed64();
    file->identity.low = in.GetFixed64();
    uint64_t stream = in.GetU64();
    uint64_t flags = in.GetU64();
    file->offset = in.GetU64();
    file->line = in.GetU64();
    file->known_bytes = in.GetU64();
    file->name = in.GetString();
    file->active = (flags & kActive) != 0;
    file->finished = (flags & kFinished) != 0;
    bool ascends = files.empty() || files.back()->stream < stream;
    if (stream >= next_stream || !ascends) in.Fail();
    file->stream = static_cast<uint32_t>(stream);
    files.push_back(std::move(file));
  }
  if (!in.AtEnd() || next_stream > ~uint32_t{0}) in.Fail();
  if (!in.status().ok()) return in.status();
  files_ = std::move(files);
  next_stream_ = static_cast<uint32_t>(next_stream);
  scanned_ = true;
  return absl::OkStatus();
}

}  // namespace oddverb
