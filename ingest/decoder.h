// Turns records into AuditEvents: stage 1 of simdjson over the whole batch,
// then one walk over its structural index. Never fails as a whole: a record
// that cannot be judged becomes a Rejected, and costs no other record.
//
// One thread each. The returned batch owns all that its events borrow.
#ifndef ODDVERB_INGEST_DECODER_H_
#define ODDVERB_INGEST_DECODER_H_

#include <memory>
#include <vector>

#include "base/ip_address.h"
#include "model/event_batch.h"
#include "model/field.h"

namespace oddverb {

class Decoder {
 public:
  struct Options {
    FieldSet fields = AllFields();
    // Peeled off the right end of sourceIPs to find the address to believe.
    std::vector<IpNetwork> trusted_proxies = {};
  };

  explicit Decoder(Options options);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  std::unique_ptr<EventBatch> Decode(RawBatch raw);

  // Takes a batch that nobody needs any more: the next Decode() reuses its
  // memory, and the returned RawBatch (empty) may be filled again. It may come
  // from another Decoder.
  RawBatch Recycle(std::unique_ptr<EventBatch> batch);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_DECODER_H_
