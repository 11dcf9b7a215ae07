#include "detectors/credential_contact.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "base/ip_address.h"
#include "base/packed_text.h"

namespace oddverb {
namespace {

// Of all texts of a contact, above what they can be.
constexpr size_t kMaxTextBytes = 1024;
// Lengths are kept in a byte.
constexpr size_t kMaxIpBytes = 64;
constexpr size_t kMaxAuditIdBytes = 128;
constexpr size_t kMaxVerbBytes = 32;
static_assert(Contact::kMaxAgentBytes < 256 && Contact::kMaxUriBytes < 256 &&
              kMaxAuditIdBytes < 256);

void AppendPiece(std::string_view text, size_t max_bytes, std::string& out) {
  if (text.size() > max_bytes) {
    return AppendPiece(Bounded(text, max_bytes), max_bytes, out);
  }
  out += static_cast<char>(text.size());
  out += text;
}

// Without the spare room that a string keeps for growing.
std::string ExactCopy(const std::string& text) {
  std::string exact;
  exact.reserve(text.size());
  return exact.append(text);
}

// `kept` is `seen`, up to the cut.
bool SameUpToCut(std::string_view kept, std::string_view seen,
                 size_t max_bytes) {
  if (seen.size() <= max_bytes) return kept == seen;
  return kept == Bounded(seen, max_bytes);
}

// Requests of which the API server logs ResponseStarted and, minutes or hours
// later, ResponseComplete (kube-apiserver's BasicLongRunningRequestCheck).
bool IsLongRunning(const AuditEvent& event) {
  constexpr std::array<std::string_view, 5> kSubresources = {
      "attach", "exec", "log", "portforward", "proxy"};
  return event.verb == "watch" || event.verb == "proxy" ||
         std::find(kSubresources.begin(), kSubresources.end(),
                   event.object.subresource) != kSubresources.end();
}

// Pieces of a length and that many bytes; nullopt if they do not add up.
std::optional<size_t> CountPieces(std::string_view texts) {
  size_t count = 0;
  size_t at = 0;
  for (; at < texts.size(); ++count) {
    at += 1 + size_t{static_cast<unsigned char>(texts[at])};
  }
  if (at != texts.size()) return std::nullopt;
  return count;
}

// a - b, which wraps: what was wrapped comes back as it was.
int64_t WrappingDifference(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) -
                              static_cast<uint64_t>(b));
}

}  // namespace

Contact::Contact(const AuditEvent& event)
    : first_micros_(absl::ToUnixMicros(event.stage_time)),
      last_micros_(first_micros_),
      first_code_(static_cast<int16_t>(
          std::clamp(event.response_code, 0, int{INT16_MAX}))),
      flags_(IsPrivateAddress(event.source_ip) ? kPrivate : 0) {
  const std::pair<std::string_view, size_t> pieces[] = {
      {event.source_ip, kMaxIpBytes},
      {event.audit_id, kMaxAuditIdBytes},
      {event.verb, kMaxVerbBytes},
      {event.request_uri, kMaxUriBytes},
      {event.user_agent, kMaxAgentBytes}};
  size_t size = std::size(pieces);
  for (const auto& [text, most] : pieces) size += std::min(text.size(), most);
  texts_.reserve(size);  // exactly
  for (const auto& [text, most] : pieces) AppendPiece(text, most, texts_);
}

std::string_view Contact::Piece(size_t index) const {
  std::string_view rest = texts_;
  for (; index > 0 && !rest.empty(); --index) {
    rest.remove_prefix(1 + size_t{static_cast<unsigned char>(rest[0])});
  }
  if (rest.empty()) return {};
  return rest.substr(1, static_cast<unsigned char>(rest[0]));
}

size_t Contact::PieceCount() const { return CountPieces(texts_).value_or(0); }

std::vector<std::string_view> Contact::user_agents() const {
  std::vector<std::string_view> agents;
  for (size_t i = kAgents, n = PieceCount(); i < n; ++i) {
    agents.push_back(Piece(i));
  }
  return agents;
}

Evidence Contact::first_use() const {
  return {.audit_id = std::string(Piece(kAuditId)),
          .time = absl::FromUnixMicros(first_micros_),
          .verb = std::string(Piece(kVerb)),
          .uri = std::string(Piece(kUri)),
          .code = first_code_};
}

bool Contact::IsAt(std::string_view source_ip) const {
  return SameUpToCut(ip(), source_ip, kMaxIpBytes);
}

bool Contact::SharesAgentWith(const Contact& other) const {
  std::vector<std::string_view> theirs = other.user_agents();
  std::vector<std::string_view> ours = user_agents();
  return std::any_of(ours.begin(), ours.end(), [&](std::string_view agent) {
    return std::find(theirs.begin(), theirs.end(), agent) != theirs.end();
  });
}

void Contact::NoteAgent(std::string_view agent) {
  size_t count = PieceCount();
  for (size_t i = kAgents; i < count; ++i) {
    if (SameUpToCut(Piece(i), agent, kMaxAgentBytes)) return;
  }
  if (count - kAgents >= kMaxAgents) return;
  std::string texts = texts_;
  AppendPiece(agent, kMaxAgentBytes, texts);
  texts_ = ExactCopy(texts);
}

bool Contact::Count(const AuditEvent& event) {
  last_micros_ = std::max(last_micros_, absl::ToUnixMicros(event.stage_time));
  // A policy may leave the first line out: believe in it once one was seen.
  if (event.stage == Stage::kResponseStarted) flags_ |= kStartsSeen;
  bool is_last_line = event.stage == Stage::kResponseComplete &&
                      (flags_ & kStartsSeen) != 0 && IsLongRunning(event);
  if (is_last_line) return false;
  if (uses_ < UINT32_MAX) ++uses_;
  return true;
}

// The agents, which most have in common, by themselves if it rests.
void Contact::SaveTexts(StateWriter& out) const {
  if (!out.rests()) return PutPackedText(texts_, out);
  size_t agents = 0;  // begin there
  for (size_t i = 0; i < kAgents; ++i) {
    const std::string_view piece = Piece(i);
    PutPackedText(piece, out);
    agents += 1 + piece.size();
  }
  out.PutCommonText(std::string_view(texts_).substr(agents));
}

void Contact::LoadTexts(StateReader& in) {
  std::string texts;
  if (in.rests()) {
    for (size_t i = 0; i < kAgents; ++i) {
      AppendPiece(GetPackedText(in, UINT8_MAX), UINT8_MAX, texts);
    }
    texts += in.GetCommonText(kMaxTextBytes);
  } else {
    texts = GetPackedText(in, kMaxTextBytes);
  }
  texts_ = ExactCopy(texts);
}

void Contact::Save(int64_t latest_micros, StateWriter& out) const {
  SaveTexts(out);
  out.PutNumbers({ZigzagOf(WrappingDifference(latest_micros, first_micros_)),
                  ZigzagOf(WrappingDifference(latest_micros, last_micros_)),
                  uses_, ZigzagOf(first_code_), flags_, reported});
}

void Contact::Load(uint64_t version, int64_t latest_micros, StateReader& in) {
  if (version == kOldestState) {
    texts_ = ExactCopy(std::string(in.GetString()));
  } else {
    LoadTexts(in);
  }
  const auto [first, last, uses, zigzag_code, flags, said] = in.GetNumbers<6>();
  const int64_t code = FromZigzag(zigzag_code);
  first_micros_ = FromZigzag(first);
  last_micros_ = FromZigzag(last);
  if (version != kOldestState) {
    first_micros_ = WrappingDifference(latest_micros, first_micros_);
    last_micros_ = WrappingDifference(latest_micros, last_micros_);
  }
  size_t pieces = PieceCount();
  bool is_sound = pieces > kAgents && pieces <= kAgents + kMaxAgents &&
                  uses <= UINT32_MAX && code >= 0 && code <= INT16_MAX &&
                  flags <= kAllFlags && said <= UINT8_MAX;
  if (!is_sound) {
    in.Fail();
    return;
  }
  uses_ = static_cast<uint32_t>(uses);
  first_code_ = static_cast<int16_t>(code);
  flags_ = static_cast<uint8_t>(flags);
  reported = static_cast<uint8_t>(said);
}

}  // namespace oddverb
