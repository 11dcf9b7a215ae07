// Finds audit events in what shippers and clouds put around them: Fluent Bit,
// Docker, Vector, Filebeat, OpenShift, CloudWatch, Firehose, Kinesis, Event
// Hubs, Pub/Sub, Cloud Logging; in gzip, zstd and the runtimes' log lines. The
// content of each record tells which it is; envelopes may lie in one another.
//
// The slow path: asked only for what the EventWalker found to be no event. An
// audit event is never searched for envelopes, as clients write its bodies.
//
// Bounded: by kMostLayers, and by what a record may unpack to. One thread; one
// instance serves many batches.
#ifndef ODDVERB_INGEST_ENVELOPE_READER_H_
#define ODDVERB_INGEST_ENVELOPE_READER_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/envelope_members.h"
#include "ingest/event_walker.h"
#include "ingest/structural_index.h"
#include "model/event_batch.h"

namespace oddverb {

class EnvelopeReader {
 public:
  // gzip of Firehose of gzip of CloudWatch's messages are four.
  static constexpr size_t kMostLayers = 5;

  // `walker` must outlive this, and have the same batch.
  explicit EnvelopeReader(EventWalker& walker) : walker_(walker) {}

  void SetBatch(EventBatch& batch) { batch_ = &batch; }
  void ReleaseExcess();

  // What became of one record, beside its events. Parts of envelopes that hold
  // none and need not (texts, control messages, other logs) leave no trace.
  struct Result {
    std::string_view envelope = {};  // the outermost, for people; "" = none
    EventWalker::Others others =
        {};  // values in no envelope that are no events
    // Parts that should hold one and do not; the rest is about the first.
    uint64_t broken = 0;
    RejectReason reason = RejectReason::kNotJson;
    std::string detail = {};
    std::string_view sample = {};
    bool replaced = false;  // bad bytes
    bool salvaged = false;  // an event behind a torn one
  };

  // Of `record_bytes` as they are stored.
  void BeginRecord(size_t record_bytes);
  const Result& result() const { return result_; }

  // Passes the JSON value at the cursor and appends its events to the batch.
  // False where it is no JSON (cursor.error()); what was read before stays.
  bool ReadDocument(TokenCursor& cursor);

  // The same for a record that is compressed or a line of a container's log.
  // False, and nothing done, for any other.
  bool ReadPayload(std::string_view record);

 private:
  enum class Found : uint8_t { kYes, kNo };
  // What a member that may hold an event turned out to be.
  enum class Content : uint8_t { kUnwrapped, kText, kNone };
  struct Failure {
    size_t start = 0;     // of the value that is no JSON
    size_t position = 0;  // of what is wrong with it
    const char* error = "";
  };

  bool ReadValue(TokenCursor& cursor, size_t layer);
  bool ReadElement(TokenCursor& cursor, size_t layer);
  Found ReadObject(TokenCursor& cursor, size_t layer, bool& whole,
                   EventWalker::Others& others);
  bool Unwrap(const EnvelopeMembers& members, std::string_view text,
              size_t layer);
  void UnwrapCloudLogging(std::string_view entry, size_t layer);
  void UnwrapCloudWatch(const EnvelopeMembers& members, size_t layer);
  bool UnwrapLogEvent(TokenCursor& cursor, size_t layer);
  void UnwrapRecords(const EnvelopeMembers& members, size_t layer);
  void UnwrapRecord(const EnvelopeMembers& record, size_t layer);
  void UnwrapAzure(const EnvelopeMembers& record, size_t layer);
  void UnwrapBase64(const EnvelopeMembers& members, size_t layer);
  bool UnwrapShipped(const EnvelopeMembers& members, size_t layer);
  Content UnwrapMember(const EnvelopeMembers& members, EnvelopeKey key,
                       size_t layer);

  void ReadText(std::string_view text, size_t layer);
  void ReadJson(std::string_view text, size_t layer);
  void ReadTorn(std::string_view text, const Failure& failure, size_t layer);
  void ReadCompressed(std::string_view stored, size_t layer);
  void ReadContainerLines(std::string_view lines, size_t layer);

  // Whether a text may hold an event: JSON, compressed, a runtime's line.
  static bool IsPayload(std::string_view text);
  std::string_view Text(std::string_view raw);
  // The object at `layer` is this envelope.
  void Name(std::string_view envelope, size_t layer);
  // A part at `layer` should hold an event and does not.
  void Break(size_t layer, RejectReason reason, std::string_view detail,
             std::string_view sample);
  void NoteOthers(const EventWalker::Others& others, const TokenCursor& cursor,
                  size_t layer);

  EventWalker& walker_;
  EventBatch* batch_ = nullptr;
  // Of the text of each layer. That of layer 0 is the decoder's.
  std::array<StructuralIndex, kMostLayers + 1> indexes_;
  // The envelopes around what is read now, by layer.
  std::array<std::string_view, kMostLayers + 2> names_;
  size_t unpack_bytes_left_ = 0;
  Result result_;
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_ENVELOPE_READER_H_
