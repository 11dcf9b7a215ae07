// What tests must know of the sanitizer that they run under.
#ifndef ODDVERB_TESTS_SUPPORT_SANITIZERS_H_
#define ODDVERB_TESTS_SUPPORT_SANITIZERS_H_

namespace oddverb {

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
// This and the one above keep freed memory or shadows of it: RSS says little
// about us.
constexpr bool UnderAddressSanitizer() {
#if defined(__SANITIZE_ADDRESS__)
  return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
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
