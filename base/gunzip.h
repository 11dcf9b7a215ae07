// Unpacks small gzip members that stand inside of other data. Thread-safe.
#ifndef ODDVERB_BASE_GUNZIP_H_
#define ODDVERB_BASE_GUNZIP_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace oddverb {

// By its first bytes.
bool IsGzip(std::string_view bytes);

// The first `limit` bytes of the first member; what came before any damage.
std::string Gunzip(std::string_view bytes, size_t limit);

}  // namespace oddverb

#endif  // ODDVERB_BASE_GUNZIP_H_
