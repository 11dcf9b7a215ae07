// Takes in the body of a request piece by piece, decoding gzip on the way.
//
// What an attacker can make it hold is bounded three times: by the limit on
// the bytes sent, by the same limit on the decoded bytes (a gzip bomb stops
// there), and by the budget that all requests share. One thread.
#ifndef ODDVERB_NET_HTTP_BODY_H_
#define ODDVERB_NET_HTTP_BODY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/padded_buffer.h"
#include "net/byte_budget.h"

namespace oddverb {

enum class ContentCoding : uint8_t { kIdentity, kGzip };

enum class BodyOutcome : uint8_t {
  kOk,
  kTooLarge,
  kOverBudget,
  kBadEncoding,  // damaged or cut gzip
};

// Memory that must be leased before the first byte is read.
size_t FirstLeaseBytes(std::optional<uint64_t> content_length,
                       ContentCoding coding, size_t max_bytes);

class BodyReceiver {
 public:
  // `lease` holds `first_bytes`, which are allocated at once.
  struct Start {
    ContentCoding coding = ContentCoding::kIdentity;
    size_t max_bytes = 0;
    size_t first_bytes = 0;
  };
  BodyReceiver(const Start& start, ByteLease lease);
  ~BodyReceiver();
  BodyReceiver(const BodyReceiver&) = delete;
  BodyReceiver& operator=(const BodyReceiver&) = delete;

  // The first failure stays.
  BodyOutcome Put(std::string_view wire);
  // The body has ended.
  BodyOutcome Finish();
  BodyOutcome outcome() const { return outcome_; }

  std::unique_ptr<PaddedBuffer> TakeBody() { return std::move(body_); }
  ByteLease TakeLease() { return std::move(lease_); }

 private:
  class Gunzip;

  BodyOutcome Append(std::string_view bytes);
  BodyOutcome Inflate(std::string_view wire);
  // Room for at least one more byte (max_bytes_ permitting), `wanted_bytes`
  // in all if possible.
  BodyOutcome MakeRoom(size_t wanted_bytes);

  const size_t max_bytes_;
  size_t wire_bytes_ = 0;
  BodyOutcome outcome_ = BodyOutcome::kOk;
  std::unique_ptr<PaddedBuffer> body_;
  ByteLease lease_;
  std::unique_ptr<Gunzip> gunzip_;  // null for kIdentity
};

}  // namespace oddverb

#endif  // ODDVERB_NET_HTTP_BODY_H_
