// What tests must know of the sanitizer that they run under.
#ifndef ODDVERB_TESTS_SUPPORT_SANITIZERS_H_
#define ODDVERB_TESTS_SUPPORT_SANITIZERS_H_

#if defined(__SANITIZE_ADDRESS__)
#define ODDVERB_HAS_LEAK_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ODDVERB_HAS_LEAK_SANITIZER
#endif
#endif
#ifdef ODDVERB_HAS_LEAK_SANITIZER
#include <sanitizer/lsan_interface.h>
#endif

namespace oddverb {

// For calls of a library that is known to lose memory: what this thread
// allocates meanwhile is no leak of ours.
class LeaksAllowed {
 public:
#ifdef ODDVERB_HAS_LEAK_SANITIZER
  LeaksAllowed() { __lsan_disable(); }
  ~LeaksAllowed() { __lsan_enable(); }
#else
  LeaksAllowed() {}
  ~LeaksAllowed() {}
#endif
  LeaksAllowed(const LeaksAllowed&) = delete;
  LeaksAllowed& operator=(const LeaksAllowed&) = delete;
};

// It knows nothing of the C11 threads that librdkafka starts, and crashes: a
// test that makes a client of Kafka skips itself, and says kNoKafkaClient.
constexpr bool UnderThreadSanitizer() {
#if defined(__SANITIZE_THREAD__)
  return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
  return true;
#else
  return false;
#endif
#else
  return false;
#endif
}
inline constexpr char kNoKafkaClient[] =
    "librdkafka does not run under ThreadSanitizer";

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_SANITIZERS_H_
