// Hints to the cache that memory will be read soon. Any address will do.
// Thread-safe.
#ifndef ODDVERB_BASE_PREFETCH_H_
#define ODDVERB_BASE_PREFETCH_H_

#include <cstddef>

namespace oddverb {

inline void PrefetchLine(const void* at) {
  // The builtin alone has no effect in GCC's eyes: it leaves out calls of
  // functions that do nothing else.
  asm volatile("" : : "r"(at));
  __builtin_prefetch(at);
}

// Of what is likely to be written, too.
inline void PrefetchLineToWrite(const void* at) {
  asm volatile("" : : "r"(at));
  __builtin_prefetch(at, 1);
}

// `bytes` from `begin` on, wherever in its line that lies.
inline void PrefetchBytes(const void* begin, size_t bytes) {
  constexpr size_t kLine = 64;
  const char* at = static_cast<const char*>(begin);
  for (size_t i = 0; i < bytes; i += kLine) PrefetchLine(at + i);
  if (bytes > 0) PrefetchLine(at + bytes - 1);
}

}  // namespace oddverb

#endif  // ODDVERB_BASE_PREFETCH_H_
