// The bytes of one input, decompressed, in order. Formats are told apart by
// their first bytes, never by the name, so standard input may be compressed
// too.
//
// One thread.
#ifndef ODDVERB_INGEST_BYTE_STREAM_H_
#define ODDVERB_INGEST_BYTE_STREAM_H_

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ingest/stored_file.h"

namespace oddverb {

class ByteStream {
 public:
  virtual ~ByteStream() = default;

  // Reads what is there into the front of `to`: at least one byte; 0 = the
  // end. REQUIRES: `to` is not empty.
  // DeadlineExceeded: nothing came until `deadline` (by SteadyNow()); call
  // again. Only pipes and terminals make a reader wait; a deadline of the past
  // asks them once. DataLoss: compressed data are damaged or cut off;
  // Unimplemented: a format that is not read here; others: opening or read(2)
  // failed. Whatever was readable before an error has been handed out, and the
  // error is final.
  virtual absl::StatusOr<size_t> Read(absl::Time deadline,
                                      std::span<char> to) = 0;

  // Bytes taken from the input as it is stored.
  virtual uint64_t stored_bytes_read() const = 0;

  // Gives back the file descriptor until the next Read(), which opens the
  // file again at the same place. Nothing happens where that is impossible.
  virtual void Park() = 0;
};

// The bytes as stored. The file is opened at the first Read().
std::unique_ptr<ByteStream> MakeFileStream(StoredFile file);

// Decompresses `stored` if its first bytes say gzip or zstd.
std::unique_ptr<ByteStream> MakeDecodedStream(
    std::unique_ptr<ByteStream> stored);

}  // namespace oddverb

#endif  // ODDVERB_INGEST_BYTE_STREAM_H_
