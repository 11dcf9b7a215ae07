#include "net/http_counters.h"

namespace oddverb {

std::string_view HttpRefusalName(HttpRefusal refusal) {
  switch (refusal) {
    case HttpRefusal::kConnections:
      return "connections";
    case HttpRefusal::kPeerConnections:
      return "peer_connections";
    case HttpRefusal::kTlsHandshake:
      return "tls_handshake";
    case HttpRefusal::kMalformed:
      return "malformed";
    case HttpRefusal::kHeaderTooLarge:
      return "header_too_large";
    case HttpRefusal::kUnauthorized:
      return "unauthorized";
    case HttpRefusal::kUnknownRoute:
      return "unknown_route";
    case HttpRefusal::kBodyTooLarge:
      return "body_too_large";
    case HttpRefusal::kBodyBudget:
      return "body_budget";
    case HttpRefusal::kBodyEncoding:
      return "body_encoding";
    case HttpRefusal::kDraining:
      return "draining";
    case HttpRefusal::kHandler:
      return "handler";
    case HttpRefusal::kCount:
      break;
  }
  return "unknown";
}

std::string_view HttpPhaseName(HttpPhase phase) {
  switch (phase) {
    case HttpPhase::kTlsHandshake:
      return "tls_handshake";
    case HttpPhase::kIdle:
      return "idle";
    case HttpPhase::kHeader:
      return "header";
    case HttpPhase::kBody:
      return "body";
    case HttpPhase::kHandler:
      return "handler";
    case HttpPhase::kWrite:
      return "write";
    case HttpPhase::kLinger:
      return "linger";
    case HttpPhase::kCount:
      break;
  }
  return "unknown";
}

}  // namespace oddverb
