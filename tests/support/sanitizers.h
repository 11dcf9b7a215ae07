// What tests must know of the sanitizer that they run under.
#ifndef ODDVERB_TESTS_SUPPORT_SANITIZERS_H_
#define ODDVERB_TESTS_SUPPORT_SANITIZERS_H_

namespace oddverb {

enum class Sanitizer { kNone, kAddress, kThread };

// The one that this is built with: g++ and clang say it in different ways.
constexpr Sanitizer CurrentSanitizer() {
#if defined(__SANITIZE_ADDRESS__)
  return Sanitizer::kAddress;
#elif defined(__SANITIZE_THREAD__)
  return Sanitizer::kThread;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  return Sanitizer::kAddress;
#elif __has_feature(thread_sanitizer)
  return Sanitizer::kThread;
#else
  return Sanitizer::kNone;
#endif
#else
  return Sanitizer::kNone;
#endif
}

// It keeps freed memory, or shadows of it, as the other one does: RSS says
// little about us.
constexpr bool UnderAddressSanitizer() {
  return CurrentSanitizer() == Sanitizer::kAddress;
}

// It knows nothing of the C11 threads that librdkafka starts, and crashes: a
// test that makes a client of Kafka skips itself, and says kNoKafkaClient.
constexpr bool UnderThreadSanitizer() {
  return CurrentSanitizer() == Sanitizer::kThread;
}
inline constexpr char kNoKafkaClient[] =
    "librdkafka does not run under ThreadSanitizer";

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_SANITIZERS_H_
