#include "ingest/decoder.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "ingest/envelope_reader.h"
#include "ingest/event_walker.h"
#include "ingest/record_repair.h"
#include "ingest/structural_index.h"
#include "ingest/token_cursor.h"

namespace oddverb {
namespace {

// A recycled batch keeps room for so many events: 5 MB, while an ordinary
// batch holds a few hundred.
constexpr size_t kMostSpareEvents = 8192;

}  // namespace

class Decoder::Impl {
 public:
  explicit Impl(Options options)
      : walker_(options.fields, std::move(options.trusted_proxies)),
        envelopes_(walker_) {}

  std::unique_ptr<EventBatch> Decode(RawBatch raw);
  RawBatch Recycle(std::unique_ptr<EventBatch> batch);

 private:
  // One record that is decoded for itself.
  struct Record {
    Position position;
    std::string_view whole;
    std::string_view trimmed;    // part of `whole`
    std::string_view text;       // indexed: `trimmed`, or its repaired copy
    bool replaced = false;       // bytes of it
    bool closed_string = false;  // by a quote added to the end of `text`
    size_t first_event = 0;      // index of its first event in the batch
  };
  struct Failure {
    size_t start = 0;     // of the value that is no JSON, in Record::text
    size_t position = 0;  // of what is wrong with it
    const char* error = "";
  };

  std::string_view RecordText(size_t index) const;
  Position RecordPosition(size_t index) const;
  void DecodeIndexed();
  void DecodeAlone(size_t index);
  bool DecodeEnveloped(size_t index, TokenCursor& cursor);
  bool Prepare(Record& record);
  bool WalkAll(const Record& record, Failure& failure);
  bool WalkGlued(Record& record, std::string_view text);
  void RejectTorn(Record& record, const Failure& failure);
  void Conclude(Record& record, const Failure* torn);
  void RejectOthers(const Record& record, const EventWalker::Others& others);
  void Reject(const Record& record, RejectReason reason, std::string detail,
              std::string_view text);
  void StampEvents(const Record& record);

  StructuralIndex index_;         // of a whole batch
  StructuralIndex record_index_;  // of one record
  EventWalker walker_;
  EnvelopeReader envelopes_;
  EventBatch* batch_ = nullptr;
  std::unique_ptr<EventBatch> spare_;  // recycled, empty
};

std::unique_ptr<EventBatch> Decoder::Impl::Decode(RawBatch raw) {
  std::unique_ptr<EventBatch> batch =
      spare_ != nullptr ? std::move(spare_) : std::make_unique<EventBatch>();
  // Mostly one event a record; growing would move every event.
  batch->events.reserve(raw.records.size());
  batch->raw = std::move(raw);
  batch->rejected = std::move(batch->raw.rejected);
  batch->raw.rejected.clear();
  batch_ = batch.get();
  walker_.SetBatch(*batch);
  envelopes_.SetBatch(*batch);
  if (index_.Build(batch->raw.bytes->view())) {
    DecodeIndexed();
  } else {
    for (size_t i = 0; i < batch->raw.records.size(); ++i) DecodeAlone(i);
  }
  index_.ReleaseExcess();
  record_index_.ReleaseExcess();
  envelopes_.ReleaseExcess();
  batch_ = nullptr;
  return batch;
}

RawBatch Decoder::Impl::Recycle(std::unique_ptr<EventBatch> batch) {
  RawBatch raw = std::move(batch->raw);
  raw.Clear();
  batch->raw = RawBatch();
  batch->events.clear();
  // One list of a million small items must not hold its memory for ever.
  if (batch->events.capacity() > kMostSpareEvents) batch->events = {};
  batch->rejected.clear();
  batch->arena.Clear();
  batch->salvaged_records = 0;
  batch->repaired_records = 0;
  batch->eventless_records = 0;
  spare_ = std::move(batch);
  return raw;
}

std::string_view Decoder::Impl::RecordText(size_t index) const {
  // substr() and its count keep a span of a faulty source inside the bytes.
  std::string_view bytes = batch_->raw.bytes->view();
  RecordSpan span = batch_->raw.records[index];
  return bytes.substr(std::min<size_t>(span.offset, bytes.size()), span.length);
}

Position Decoder::Impl::RecordPosition(size_t index) const {
  const std::vector<Position>& positions = batch_->raw.positions;
  return index < positions.size() ? positions[index] : Position{};
}

// The fast path: each record that is one clean document. Envelopes are found
// where a document is no event; all others go to DecodeAlone().
void Decoder::Impl::DecodeIndexed() {
  std::vector<AuditEvent>& events = batch_->events;
  const char* bytes = batch_->raw.bytes->data();
  const uint32_t* next = index_.begin();
  uint32_t behind_last = 0;
  for (size_t i = 0; i < batch_->raw.records.size(); ++i) {
    std::string_view text = RecordText(i);
    uint32_t offset = static_cast<uint32_t>(text.data() - bytes);
    if (offset < behind_last) {  // a source's records should be in order
      DecodeAlone(i);
      continue;
    }
    while (*next < offset) ++next;  // ends at a sentinel at the latest
    behind_last = offset + static_cast<uint32_t>(text.size());
    TokenCursor cursor(bytes, next, behind_last);
    size_t first = events.size();
    EventWalker::Others others;
    if (walker_.WalkDocument(cursor, others) && cursor.AtEnd() &&
        others.count == 0) {
      for (size_t k = first; k < events.size(); ++k) {
        events[k].position = RecordPosition(i);
      }
      next = cursor.next();
      continue;
    }
    events.resize(first);
    bool is_one_document = cursor.AtEnd() && others.count > 0;
    cursor = TokenCursor(bytes, next, behind_last);
    if (!is_one_document || !DecodeEnveloped(i, cursor)) DecodeAlone(i);
  }
}

// False, and nothing done, where the document at the cursor is no envelope.
bool Decoder::Impl::DecodeEnveloped(size_t index, TokenCursor& cursor) {
  Record record;
  record.position = RecordPosition(index);
  record.whole = record.trimmed = record.text = RecordText(index);
  record.first_event = batch_->events.size();
  envelopes_.BeginRecord(record.whole.size());
  if (!envelopes_.ReadDocument(cursor) || !cursor.AtEnd() ||
      envelopes_.result().envelope.empty()) {
    batch_->events.resize(record.first_event);
    return false;
  }
  Conclude(record, nullptr);
  return true;
}

void Decoder::Impl::DecodeAlone(size_t index) {
  Record record;
  record.position = RecordPosition(index);
  record.whole = RecordText(index);
  record.text = record.trimmed = TrimRecord(record.whole);
  record.first_event = batch_->events.size();
  if (record.text.empty()) {
    // A blank line holds nothing to judge; NUL bytes are lost events.
    if (record.whole.find('\0') != std::string_view::npos) {
      Reject(record, RejectReason::kNotJson, "only NUL bytes", record.whole);
    }
    return;
  }
  envelopes_.BeginRecord(record.whole.size());
  if (envelopes_.ReadPayload(record.whole)) return Conclude(record, nullptr);
  Failure failure;
  bool whole = Prepare(record) && WalkAll(record, failure);
  Conclude(record, whole ? nullptr : &failure);
}

// One Rejected for a record at most: they are counted as records.
void Decoder::Impl::Conclude(Record& record, const Failure* torn) {
  const EnvelopeReader::Result& inside = envelopes_.result();
  record.replaced |= inside.replaced;
  if (inside.salvaged) ++batch_->salvaged_records;
  if (torn != nullptr) {
    RejectTorn(record, *torn);
  } else if (inside.broken > 0) {
    std::string detail = inside.detail;
    if (inside.broken > 1) {
      absl::StrAppend(&detail, " (the first of ", inside.broken, ")");
    }
    Reject(record, inside.reason, std::move(detail),
           inside.sample.empty() ? record.trimmed : inside.sample);
  } else if (inside.others.count > 0) {
    RejectOthers(record, inside.others);
  } else if (!inside.envelope.empty() &&
             batch_->events.size() == record.first_event) {
    ++batch_->eventless_records;
  }
  if (record.replaced) ++batch_->repaired_records;
  StampEvents(record);
}

// Indexes the record, repaired where it needs to be.
bool Decoder::Impl::Prepare(Record& record) {
  if (record_index_.Build(record.text)) return true;
  RepairedRecord repaired = RepairRecord(record.text, batch_->arena);
  record.text = repaired.text;
  record.replaced |= repaired.replaced;
  record.closed_string = repaired.closed_string;
  return record_index_.Build(record.text);
}

// Walks the documents of an indexed record, mostly one. False where one is no
// JSON; the events before it stay.
bool Decoder::Impl::WalkAll(const Record& record, Failure& failure) {
  auto limit = static_cast<uint32_t>(record.text.size());
  TokenCursor cursor(record.text.data(), record_index_.begin(), limit);
  while (!cursor.AtEnd()) {
    failure.start = cursor.position();
    size_t first = batch_->events.size();
    TokenCursor again = cursor;
    EventWalker::Others others;
    if (walker_.WalkDocument(cursor, others) && others.count == 0) continue;
    batch_->events.resize(first);
    cursor = again;
    if (!envelopes_.ReadDocument(cursor)) {
      failure.position = cursor.error_position();
      failure.error = cursor.error();
      return false;
    }
  }
  return true;
}

// Rejects the part of the record that is no JSON, but for the events that are
// glued to its end.
void Decoder::Impl::RejectTorn(Record& record, const Failure& failure) {
  std::string_view torn = record.text.substr(failure.start);
  if (record.closed_string) torn.remove_suffix(1);
  size_t ends_at = failure.start + torn.size();
  std::string_view rejected = torn;
  for (std::string_view event : FindGluedEvents(torn)) {
    if (!WalkGlued(record, event)) continue;
    if (rejected.size() == torn.size()) {
      rejected =
          torn.substr(0, static_cast<size_t>(event.data() - torn.data()));
    }
  }
  // People want to see the bytes as they were.
  if (failure.start == 0 && rejected.size() == torn.size()) {
    rejected = record.trimmed;
  }
  bool saved = batch_->events.size() > record.first_event;
  if (saved) ++batch_->salvaged_records;
  bool begins = torn.starts_with('{') || torn.starts_with('[');
  size_t position = std::min(failure.position, ends_at);
  RejectReason reason = saved || (begins && position == ends_at)
                            ? RejectReason::kTorn
                            : RejectReason::kNotJson;
  std::string_view envelope = envelopes_.result().envelope;
  Reject(record, reason,
         absl::StrCat(A(envelope), envelope.empty() ? "" : ": ", failure.error,
                      " at byte ", position, " of the record"),
         rejected);
}

// Walks one event found behind a torn one. False if it is none after all.
bool Decoder::Impl::WalkGlued(Record& record, std::string_view text) {
  Record glued;
  glued.text = text;
  size_t first = batch_->events.size();
  EventWalker::Others others;
  bool whole = Prepare(glued);
  TokenCursor cursor(glued.text.data(), record_index_.begin(),
                     static_cast<uint32_t>(glued.text.size()));
  while (whole && !cursor.AtEnd()) {
    whole = walker_.WalkDocument(cursor, others) && others.count == 0;
  }
  record.replaced |= whole && glued.replaced;
  if (!whole) batch_->events.resize(first);
  return whole;
}

void Decoder::Impl::RejectOthers(const Record& record,
                                 const EventWalker::Others& others) {
  std::string detail = "is no audit event (audit.k8s.io, kind Event)";
  if (others.count > 1 || batch_->events.size() > record.first_event) {
    detail = absl::StrCat(others.count,
                          " values of the record are no audit events, the "
                          "first at byte ",
                          others.first_position);
  }
  Reject(record, RejectReason::kNotAuditEvent, std::move(detail),
         record.text.substr(others.first_position));
}

void Decoder::Impl::Reject(const Record& record, RejectReason reason,
                           std::string detail, std::string_view text) {
  Rejected rejected;
  rejected.position = record.position;
  rejected.reason = reason;
  rejected.detail = std::move(detail);
  rejected.sample = std::string(text.substr(0, Rejected::kSampleBytes));
  rejected.record_bytes = text.size();
  batch_->rejected.push_back(std::move(rejected));
}

void Decoder::Impl::StampEvents(const Record& record) {
  for (size_t i = record.first_event; i < batch_->events.size(); ++i) {
    batch_->events[i].position = record.position;
    batch_->events[i].repaired = record.replaced;
  }
}

Decoder::Decoder(Options options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
Decoder::~Decoder() = default;

std::unique_ptr<EventBatch> Decoder::Decode(RawBatch raw) {
  return impl_->Decode(std::move(raw));
}

RawBatch Decoder::Recycle(std::unique_ptr<EventBatch> batch) {
  return impl_->Recycle(std::move(batch));
}

}  // namespace oddverb
