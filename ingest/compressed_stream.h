// Decompression of gzip (RFC 1952, several members) and zstd (RFC 8878,
// several frames) as ByteStreams over the stored bytes. Memory is bounded by
// the formats' windows (32 KiB; 128 MiB at most), never by what a header
// promises. One thread.
#ifndef ODDVERB_INGEST_COMPRESSED_STREAM_H_
#define ODDVERB_INGEST_COMPRESSED_STREAM_H_

#include <memory>

#include "ingest/byte_stream.h"

namespace oddverb {

std::unique_ptr<ByteStream> MakeGzipStream(std::unique_ptr<ByteStream> stored);
std::unique_ptr<ByteStream> MakeZstdStream(std::unique_ptr<ByteStream> stored);

}  // namespace oddverb

#endif  // ODDVERB_INGEST_COMPRESSED_STREAM_H_
