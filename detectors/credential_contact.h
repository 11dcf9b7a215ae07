// One address that a credential was used from, with what a finding needs of its
// first use. Of CredentialContacts. Plain state, one thread.
#ifndef ODDVERB_DETECTORS_CREDENTIAL_CONTACT_H_
#define ODDVERB_DETECTORS_CREDENTIAL_CONTACT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "model/audit_event.h"
#include "model/finding.h"

namespace oddverb {

// Bounded: texts are cut, and there are at most kMaxAgents clients. Times are
// kept in microseconds, as audit events have them.
class Contact {
 public:
  static constexpr size_t kMaxAgents = 4;
  static constexpr size_t kMaxAgentBytes = 96;
  static constexpr size_t kMaxUriBytes = 96;

  Contact() = default;
  // `event` is the first use from its address.
  explicit Contact(const AuditEvent& event);

  // Views live until the next Add() to the contacts.
  std::string_view ip() const { return Piece(kIp); }
  std::vector<std::string_view> user_agents() const;
  Evidence first_use() const;
  absl::Time last_use() const { return absl::FromUnixMicros(last_micros_); }
  // Requests.
  int64_t uses() const { return uses_; }
  // RFC 1918 and its like; false for what is no address.
  bool is_private() const { return (flags_ & kPrivate) != 0; }
  bool is_v6() const { return ip().find(':') != std::string_view::npos; }
  bool IsAt(std::string_view source_ip) const;
  bool SharesAgentWith(const Contact& other) const;

  // What was said of this address; 0 = nothing.
  static constexpr uint8_t kReportedLow = 1;
  static constexpr uint8_t kReportedFully = 2;
  uint8_t reported = 0;

 private:
  friend class CredentialContacts;
  // Order of the texts; the agents follow.
  enum PieceIndex : size_t { kIp, kAuditId, kVerb, kUri, kAgents };
  // Of saved state: texts and times as they are.
  static constexpr uint64_t kOldestState = 1;
  enum Flag : uint8_t { kPrivate = 1, kStartsSeen = 2, kAllFlags = 3 };

  // Each piece of texts_ is a byte of length and that many bytes.
  std::string_view Piece(size_t index) const;
  size_t PieceCount() const;
  void NoteAgent(std::string_view agent);
  // False for the second line of a request that was counted already.
  bool Count(const AuditEvent& event);
  // Times are written as what they are before `latest_micros`.
  void Save(int64_t latest_micros, StateWriter& out) const;
  void SaveTexts(StateWriter& out) const;
  void LoadTexts(StateReader& in);
  void Load(uint64_t version, int64_t latest_micros, StateReader& in);

  std::string texts_;
  int64_t first_micros_ = 0;
  int64_t last_micros_ = 0;
  uint32_t uses_ = 0;
  int16_t first_code_ = 0;
  uint8_t flags_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_CREDENTIAL_CONTACT_H_
