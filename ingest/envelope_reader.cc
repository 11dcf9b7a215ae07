#include "ingest/envelope_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/json_string.h"
#include "base/strings.h"
#include "ingest/cri_lines.h"
#include "ingest/payload_bytes.h"
#include "ingest/record_repair.h"

namespace oddverb {
namespace {

// What one record may unpack to. Audit logs shrink to a tenth in gzip, to a
// thirtieth where they repeat themselves; a bomb to a thousandth and less.
constexpr size_t kMostUnpackBytes = size_t{128} << 20;
constexpr size_t kMostUnpackRatio = 100;
constexpr size_t kFreeUnpackBytes = size_t{16} << 10;

constexpr std::string_view kNoEvent =
    "holds no audit event (audit.k8s.io, kind Event)";

// "[" alone may begin any line of a log.
bool StartsJson(std::string_view text) {
  if (text.starts_with('{')) return true;
  if (!text.starts_with('[')) return false;
  size_t next = text.find_first_not_of(" \t\r\n", 1);
  return next != text.npos && text[next] == '{';
}

}  // namespace

bool EnvelopeReader::IsPayload(std::string_view text) {
  std::string_view trimmed = TrimRecord(text);
  return StartsJson(trimmed) || CriLines::Accepts(trimmed) ||
         !CompressionOf(text).empty();
}

void EnvelopeReader::ReleaseExcess() {
  for (StructuralIndex& index : indexes_) index.ReleaseExcess();
}

void EnvelopeReader::BeginRecord(size_t record_bytes) {
  result_ = {};
  unpack_bytes_left_ = std::min(
      kMostUnpackBytes, kFreeUnpackBytes + kMostUnpackRatio * record_bytes);
}

bool EnvelopeReader::ReadDocument(TokenCursor& cursor) {
  return ReadValue(cursor, 0);
}

bool EnvelopeReader::ReadPayload(std::string_view record) {
  if (!CompressionOf(record).empty()) {
    ReadCompressed(record, 0);
    return true;
  }
  std::string_view trimmed = TrimRecord(record);
  if (!CriLines::Accepts(trimmed)) return false;
  ReadContainerLines(trimmed, 0);
  return true;
}

bool EnvelopeReader::ReadValue(TokenCursor& cursor, size_t layer) {
  char c = cursor.AtEnd() ? '\0' : cursor.Peek();
  if (c == '{') return ReadElement(cursor, layer);
  if (c != '[') return cursor.Fail("expected a JSON object");
  return cursor.ForEachElement([&] {
    if (cursor.Peek() == '{') return ReadElement(cursor, layer);
    NoteOthers({.count = 1, .first_position = cursor.position()}, cursor,
               layer);
    return cursor.SkipValue();
  });
}

bool EnvelopeReader::ReadElement(TokenCursor& cursor, size_t layer) {
  bool whole = false;
  EventWalker::Others others;
  if (ReadObject(cursor, layer, whole, others) == Found::kNo && whole) {
    NoteOthers(others, cursor, layer);
  }
  return whole;
}

// Passes an event, a list or an envelope. kNo: it is none of them, `others`
// tells of it.
EnvelopeReader::Found EnvelopeReader::ReadObject(TokenCursor& cursor,
                                                 size_t layer, bool& whole,
                                                 EventWalker::Others& others) {
  TokenCursor start = cursor;
  uint32_t position = start.position();
  size_t first = batch_->events.size();
  whole = walker_.WalkDocument(cursor, others);
  if (whole && others.count == 0) return Found::kYes;
  if (batch_->events.size() > first) {  // a list with other things in it
    NoteOthers(others, cursor, layer);
    return Found::kYes;
  }
  EnvelopeMembers members;
  members.Read(start);
  if (members.Has(EnvelopeKey::kAuditEvent)) return Found::kNo;
  std::string_view text;
  if (whole) text = cursor.TextSince(position);
  return Unwrap(members, text, layer) ? Found::kYes : Found::kNo;
}

std::string_view EnvelopeReader::Text(std::string_view raw) {
  return HasEscapePadded(raw) ? UnescapePadded(raw, batch_->arena) : raw;
}

void EnvelopeReader::ReadText(std::string_view text, size_t layer) {
  if (layer > kMostLayers) {
    return Break(layer, RejectReason::kNotAuditEvent,
                 absl::StrCat("more than ", kMostLayers,
                              " envelopes around one another"),
                 text);
  }
  if (!CompressionOf(text).empty()) return ReadCompressed(text, layer);
  std::string_view trimmed = TrimRecord(text);
  if (StartsJson(trimmed)) return ReadJson(trimmed, layer);
  if (CriLines::Accepts(trimmed)) return ReadContainerLines(trimmed, layer);
  // Other text: a line of another program, not for us.
}

void EnvelopeReader::ReadJson(std::string_view text, size_t layer) {
  StructuralIndex& index = indexes_[layer];
  bool closed_string = false;
  if (!index.Build(text)) {
    RepairedRecord repaired = RepairRecord(text, batch_->arena);
    text = repaired.text;
    closed_string = repaired.closed_string;
    result_.replaced |= repaired.replaced;
    if (!index.Build(text)) {
      return ReadTorn(text, {.start = 0, .position = 0, .error = "no JSON"},
                      layer);
    }
  }
  TokenCursor cursor(text.data(), index.begin(),
                     static_cast<uint32_t>(text.size()));
  while (!cursor.AtEnd()) {
    Failure failure{.start = cursor.position()};
    if (ReadValue(cursor, layer)) continue;
    if (closed_string) text.remove_suffix(1);
    failure.position = std::min<size_t>(cursor.error_position(), text.size());
    failure.error = cursor.error();
    return ReadTorn(text, failure, layer);
  }
}

// As the decoder does with a record: events that are glued to the torn part
// are saved.
void EnvelopeReader::ReadTorn(std::string_view text, const Failure& failure,
                              size_t layer) {
  std::string_view torn = text.substr(std::min(failure.start, text.size()));
  bool saved = false;
  for (std::string_view event : FindGluedEvents(torn)) {
    size_t first = batch_->events.size();
    EventWalker::Others others;
    if (!indexes_[layer].Build(event)) continue;
    TokenCursor at(event.data(), indexes_[layer].begin(),
                   static_cast<uint32_t>(event.size()));
    if (walker_.WalkDocument(at, others) && at.AtEnd() && others.count == 0) {
      saved = true;
    } else {
      batch_->events.resize(first);
    }
  }
  result_.salvaged |= saved;
  bool at_end = failure.position == text.size();
  Break(layer, saved || at_end ? RejectReason::kTorn : RejectReason::kNotJson,
        absl::StrCat(failure.error, " at byte ", failure.position), torn);
}

void EnvelopeReader::ReadCompressed(std::string_view stored, size_t layer) {
  Name(CompressionOf(stored), layer);
  Decompressed content = Decompress(stored, unpack_bytes_left_, batch_->arena);
  unpack_bytes_left_ -= content.text.size();
  if (!content.status.ok()) {
    Break(layer + 1,
          absl::IsResourceExhausted(content.status) ? RejectReason::kOversized
                                                    : RejectReason::kTorn,
          S(content.status.message()), stored);
  }
  if (content.status.ok() || !content.text.empty()) {
    ReadText(content.text, layer + 1);
  }
}

void EnvelopeReader::ReadContainerLines(std::string_view lines, size_t layer) {
  Name("container log", layer);
  RawBatch batch;
  for (std::string_view rest = lines; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    batch.records.push_back({static_cast<uint32_t>(batch.bytes->size()),
                             static_cast<uint32_t>(line.size())});
    batch.positions.emplace_back();
    batch.bytes->Append(line);
    batch.bytes->Append("\n");
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  CriLines joiner(lines.size());
  joiner.Join(batch);
  joiner.Abandon(batch);
  for (const RecordSpan& span : batch.records) {
    ReadText(CopyPadded(batch.bytes->view().substr(span.offset, span.length),
                        batch_->arena),
             layer + 1);
  }
  for (const Rejected& rejected : batch.rejected) {
    Break(layer + 1, rejected.reason, rejected.detail, lines);
  }
}

void EnvelopeReader::Name(std::string_view envelope, size_t layer) {
  names_[layer] = envelope;
  result_.envelope = names_[0];
}

void EnvelopeReader::Break(size_t layer, RejectReason reason,
                           std::string_view detail, std::string_view sample) {
  if (result_.broken++ > 0) return;
  result_.reason = reason;
  for (size_t i = 0; i < layer; ++i) {
    absl::StrAppend(&result_.detail, A(names_[i]), ": ");
  }
  absl::StrAppend(&result_.detail, A(detail));
  result_.sample = sample;
}

void EnvelopeReader::NoteOthers(const EventWalker::Others& others,
                                const TokenCursor& cursor, size_t layer) {
  if (others.count == 0) return;
  if (layer == 0) {
    EventWalker::Others& all = result_.others;
    if (all.count == 0) all.first_position = others.first_position;
    all.count += others.count;
    return;
  }
  const char* begin = cursor.at(others.first_position);
  const char* end = cursor.at(cursor.limit());
  Break(layer, RejectReason::kNotAuditEvent, kNoEvent,
        {begin, static_cast<size_t>(end - begin)});
}

}  // namespace oddverb
