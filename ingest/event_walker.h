// Walks one JSON document over its structural index and makes AuditEvents of
// it: a single event (a line of the audit log), an EventList (a webhook's
// POST), or an array of either. Only keys at depth 1 of an event count; bodies
// may hold look-alikes. Any order of keys is right, the API server's is fast.
//
// One thread; one instance serves many batches.
#ifndef ODDVERB_INGEST_EVENT_WALKER_H_
#define ODDVERB_INGEST_EVENT_WALKER_H_

#include <array>
#include <cstdint>
#include <vector>

#include "base/ip_address.h"
#include "ingest/event_keys.h"
#include "ingest/field_reader.h"
#include "ingest/token_cursor.h"
#include "model/event_batch.h"
#include "model/field.h"

namespace oddverb {

class EventWalker {
 public:
  EventWalker(FieldSet fields, std::vector<IpNetwork> trusted_proxies);

  // Where the events of the following documents go.
  void SetBatch(EventBatch& batch);

  // What a document held beside audit events: values of other kinds.
  struct Others {
    uint64_t count = 0;
    uint32_t first_position = 0;
  };

  // Passes the value at the cursor, appends its audit events to the batch, and
  // adds what else it holds to `others`. False where it is no JSON
  // (cursor.error()); the events of a list before that place stay.
  bool WalkDocument(TokenCursor& cursor, Others& others);

 private:
  enum class Kind : uint8_t { kAbsent, kEvent, kEventList, kOther };
  enum class Api : uint8_t { kAbsent, kAudit, kOther };
  // What an object showed of itself so far.
  struct Shape {
    Kind kind = Kind::kAbsent;
    Api api = Api::kAbsent;
    uint32_t seen = 0;  // bit per EventKey

    bool Saw(EventKey key) const;
    bool IsEvent() const;
    bool IsEventList() const;
  };
  enum class Lists { kAllowed, kRefused };
  struct Object;

  bool WalkObject(TokenCursor& cursor, Lists lists, Others& others);
  bool ReadMember(TokenCursor& cursor, Object& object, Others& others,
                  std::string_view raw_key);
  bool ReadField(TokenCursor& cursor, EventKey key, AuditEvent& event);
  bool ReadKind(TokenCursor& cursor, Shape& shape);
  bool ReadApiVersion(TokenCursor& cursor, Shape& shape);
  bool ReadLevel(TokenCursor& cursor, AuditEvent& event);
  bool ReadStage(TokenCursor& cursor, AuditEvent& event);
  bool ReadItems(TokenCursor& cursor, Object& object, Others& others);
  bool WalkItems(TokenCursor& cursor, Lists lists, Others& others);
  bool EndObject(TokenCursor& cursor, Object& object, Others& others);

  static uint32_t WantedKeys(const FieldSet& fields);
  EventKey Identify(std::string_view raw_key, EventKey previous);
  static void ClearField(EventKey key, AuditEvent& event);

  uint32_t wanted_;  // bit per EventKey
  // The key last seen behind each key.
  std::array<EventKey, kEventKeys> followers_{};
  FieldReader reader_;
  AuditEvent blank_;  // copied for each event: faster than to construct one
  EventBatch* batch_ = nullptr;
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_EVENT_WALKER_H_
