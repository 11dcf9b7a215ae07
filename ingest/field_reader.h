// Reads the values of one audit event's keys into its fields. Each function
// passes exactly one value, whatever its type is: a value of the wrong type
// leaves its field empty, and the event is still judged. They return false
// only where the record is no JSON (TokenCursor::error() says why).
//
// One thread. Strings without escapes borrow from the batch's bytes, others
// from its arena.
#ifndef ODDVERB_INGEST_FIELD_READER_H_
#define ODDVERB_INGEST_FIELD_READER_H_

#include <span>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/ip_address.h"
#include "base/json_string.h"
#include "ingest/timestamp.h"
#include "ingest/token_cursor.h"
#include "model/audit_event.h"
#include "model/field.h"

namespace oddverb {

class FieldReader {
 public:
  FieldReader(FieldSet fields, std::vector<IpNetwork> trusted_proxies);

  // Where the strings and lists of the following events go.
  void SetArena(Arena& arena) { arena_ = &arena; }

  // A string without escapes; {} for a value of another type.
  bool ReadString(TokenCursor& cursor, std::string_view& out) {
    if (cursor.Peek() != '"') {
      out = {};
      return cursor.SkipValue();
    }
    out = Text(cursor.TakeRawString());
    return true;
  }
  std::string_view Text(std::string_view raw) {
    return HasEscapePadded(raw) ? UnescapePadded(raw, *arena_) : raw;
  }

  bool ReadTime(TokenCursor& cursor, absl::Time& out);
  bool ReadUser(TokenCursor& cursor, AuditEvent& event);
  bool ReadImpersonatedUser(TokenCursor& cursor, AuditEvent& event);
  bool ReadSourceIps(TokenCursor& cursor, AuditEvent& event);
  bool ReadObjectReference(TokenCursor& cursor, AuditEvent& event);
  bool ReadResponseStatus(TokenCursor& cursor, AuditEvent& event);
  bool ReadAnnotations(TokenCursor& cursor, AuditEvent& event);
  // A body as it is written; null is the same as absent.
  bool ReadBody(TokenCursor& cursor, RawJson& out);

 private:
  bool ReadStrings(TokenCursor& cursor, std::span<const std::string_view>& out);
  bool ReadOddStrings(TokenCursor& cursor,
                      std::span<const std::string_view>& out);
  bool ReadFirstString(TokenCursor& cursor, std::string_view& out);
  bool ReadUserExtra(TokenCursor& cursor, AuditEvent& event);
  bool ReadCode(TokenCursor& cursor, int& out);
  bool ReadDecision(TokenCursor& cursor, Decision& out);
  bool ReadTruncated(TokenCursor& cursor, bool& out);
  template <class KeyOf>
  auto Identify(std::string_view raw_key, KeyOf key_of);
  std::string_view BelievedSource(
      std::span<const std::string_view> source_ips) const;

  std::vector<IpNetwork> trusted_proxies_;
  bool reads_user_name_;
  bool reads_user_uid_;
  bool reads_user_groups_;
  bool reads_user_extra_;
  Arena* arena_ = nullptr;
  TimestampReader timestamps_;
  std::vector<std::string_view> list_;  // of an odd list; kept for its capacity
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_FIELD_READER_H_
