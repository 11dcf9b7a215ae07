#include "net/http_body.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

namespace oddverb {
namespace {

// First allocation where the size is not known; doubled as needed.
constexpr size_t kFirstBytes = 64 << 10;
// zlib: 15 = largest window, 16 = expect the header and trailer of gzip.
constexpr int kGzipWindow = 15 + 16;

}  // namespace

size_t FirstLeaseBytes(std::optional<uint64_t> content_length,
                       ContentCoding coding, size_t max_bytes) {
  if (content_length.has_value() && coding == ContentCoding::kIdentity) {
    return static_cast<size_t>(std::min<uint64_t>(*content_length, max_bytes));
  }
  return std::min(kFirstBytes, max_bytes);
}

// A zlib stream; pinned, as zlib keeps a pointer to it.
class BodyReceiver::Gunzip {
 public:
  Gunzip() { ready = inflateInit2(&stream, kGzipWindow) == Z_OK; }
  ~Gunzip() { inflateEnd(&stream); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  z_stream stream{};
  bool ready = false;
  bool member_ended = false;
};

BodyReceiver::BodyReceiver(const Start& start, ByteLease lease)
    : max_bytes_(start.max_bytes),
      body_(std::make_unique<PaddedBuffer>(start.first_bytes)),
      lease_(std::move(lease)) {
  if (start.coding == ContentCoding::kGzip) {
    gunzip_ = std::make_unique<Gunzip>();
  }
}

BodyReceiver::~BodyReceiver() = default;

BodyOutcome BodyReceiver::Put(std::string_view wire) {
  if (outcome_ != BodyOutcome::kOk) return outcome_;
  if (wire.size() > max_bytes_ - wire_bytes_) {
    return outcome_ = BodyOutcome::kTooLarge;
  }
  wire_bytes_ += wire.size();
  return outcome_ = gunzip_ == nullptr ? Append(wire) : Inflate(wire);
}

BodyOutcome BodyReceiver::Finish() {
  if (outcome_ == BodyOutcome::kOk && gunzip_ != nullptr &&
      !gunzip_->member_ended) {
    outcome_ = BodyOutcome::kBadEncoding;
  }
  return outcome_;
}

BodyOutcome BodyReceiver::MakeRoom(size_t wanted_bytes) {
  if (wanted_bytes <= body_->capacity()) return BodyOutcome::kOk;
  size_t grown = std::max({wanted_bytes, 2 * body_->capacity(), kFirstBytes});
  grown = std::min(grown, max_bytes_);
  if (grown <= body_->size()) return BodyOutcome::kTooLarge;
  if (!lease_.GrowTo(grown)) return BodyOutcome::kOverBudget;
  body_->Reserve(grown);
  return BodyOutcome::kOk;
}

BodyOutcome BodyReceiver::Append(std::string_view bytes) {
  BodyOutcome room = MakeRoom(body_->size() + bytes.size());
  if (room == BodyOutcome::kOk) body_->Append(bytes);
  return room;
}

BodyOutcome BodyReceiver::Inflate(std::string_view wire) {
  if (!gunzip_->ready) return BodyOutcome::kBadEncoding;
  z_stream& stream = gunzip_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(wire.data()));
  stream.avail_in = static_cast<uInt>(wire.size());
  while (true) {
    if (gunzip_->member_ended) {
      if (stream.avail_in == 0) return BodyOutcome::kOk;
      // RFC 1952 2.2: a file is a series of members.
      inflateReset(&stream);
      gunzip_->member_ended = false;
    }
    // At the limit the next byte goes to a place of its own: whether there is
    // one decides between a body of just the limit and one that is too large.
    Bytef beyond = 0;
    bool at_limit = body_->size() == max_bytes_;
    if (!at_limit) {
      BodyOutcome room = MakeRoom(body_->size() + 1);
      if (room != BodyOutcome::kOk) return room;
    }
    size_t space = at_limit ? 1 : body_->capacity() - body_->size();
    stream.next_out =
        at_limit ? &beyond
                 : reinterpret_cast<Bytef*>(body_->data()) + body_->size();
    stream.avail_out = static_cast<uInt>(space);
    int result = inflate(&stream, Z_NO_FLUSH);
    size_t made = space - stream.avail_out;
    if (at_limit && made > 0) return BodyOutcome::kTooLarge;
    if (!at_limit) body_->SetSize(body_->size() + made);
    if (result == Z_STREAM_END) {
      gunzip_->member_ended = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return BodyOutcome::kBadEncoding;
    } else if (stream.avail_out > 0) {
      return BodyOutcome::kOk;  // it has used up the input
    }
  }
}

}  // namespace oddverb
