// What an HttpServer counts. Thread-safe: each is an atomic, read at any time.
#ifndef ODDVERB_NET_HTTP_COUNTERS_H_
#define ODDVERB_NET_HTTP_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace oddverb {

// Why a connection or a request was turned away.
enum class HttpRefusal : uint8_t {
  kConnections,      // HttpLimits::max_connections
  kPeerConnections,  // HttpLimits::max_connections_per_peer
  kTlsHandshake,     // bad certificate, old protocol, not TLS at all
  kMalformed,
  kHeaderTooLarge,
  kUnauthorized,
  kUnknownRoute,  // path or method
  kBodyTooLarge,
  kBodyBudget,    // HttpLimits::max_body_bytes_in_flight
  kBodyEncoding,  // not gzip, or damaged gzip
  kDraining,
  kHandler,  // by HttpHandler::Screen
  kCount,
};
// A word for a metric label: "connections", "tls_handshake", ...
std::string_view HttpRefusalName(HttpRefusal refusal);

// The phase whose deadline was missed.
enum class HttpPhase : uint8_t {
  kTlsHandshake,
  kIdle,
  kHeader,
  kBody,
  kHandler,
  kWrite,
  kLinger,
  kCount,
};
std::string_view HttpPhaseName(HttpPhase phase);

struct HttpCounters {
  template <class Enum>
  using PerKind =
      std::array<std::atomic<uint64_t>, static_cast<size_t>(Enum::kCount)>;

  std::atomic<uint64_t> connections_open{0};
  std::atomic<uint64_t> connections_total{0};  // the refused ones are not in it
  std::atomic<uint64_t> accept_errors{0};      // e.g. out of descriptors
  std::atomic<uint64_t> internal_errors{0};    // exceptions caught
  std::atomic<uint64_t> bytes_in{0};           // decrypted
  std::array<std::atomic<uint64_t>, 6> responses{};  // [status / 100]
  PerKind<HttpRefusal> refused{};
  PerKind<HttpPhase> timeouts{};

  void Count(HttpRefusal refusal) {
    refused[static_cast<size_t>(refusal)].fetch_add(1,
                                                    std::memory_order_relaxed);
  }
  void Count(HttpPhase phase) {
    timeouts[static_cast<size_t>(phase)].fetch_add(1,
                                                   std::memory_order_relaxed);
  }
  uint64_t Of(HttpRefusal refusal) const {
    return refused[static_cast<size_t>(refusal)];
  }
  uint64_t Of(HttpPhase phase) const {
    return timeouts[static_cast<size_t>(phase)];
  }
};

}  // namespace oddverb

#endif  // ODDVERB_NET_HTTP_COUNTERS_H_
