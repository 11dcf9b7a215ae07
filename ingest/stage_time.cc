#include "ingest/stage_time.h"

#include <cstring>

namespace oddverb {
namespace {

constexpr std::string_view kPlainKey = "\"stageTimestamp\"";
constexpr std::string_view kEscapedKey = "\\\"stageTimestamp\\\"";
constexpr size_t kLongestTimeBytes = 64;

// What stands in the string behind `key` and a colon; empty if none does.
std::string_view ValueBehind(std::string_view text, std::string_view quote) {
  auto skip_blanks = [&text] {
    size_t first = text.find_first_not_of(" \t\r\n");
    text.remove_prefix(first == std::string_view::npos ? text.size() : first);
  };
  skip_blanks();
  if (!text.starts_with(':')) return {};
  text.remove_prefix(1);
  skip_blanks();
  if (!text.starts_with(quote)) return {};
  text.remove_prefix(quote.size());
  size_t end = text.substr(0, kLongestTimeBytes + quote.size()).find(quote);
  return end == std::string_view::npos ? std::string_view{}
                                       : text.substr(0, end);
}

// Where the last `key` starts whose T is before `end`; npos: nowhere. By its
// capital T, which is rare: rfind() would look at every byte, and this is asked
// for every record of a merge.
size_t FindLast(std::string_view record, std::string_view key, size_t end) {
  const size_t anchor = key.find('T');
  while (end > 0) {
    const void* found = ::memrchr(record.data(), 'T', end);
    if (found == nullptr) break;
    end = static_cast<size_t>(static_cast<const char*>(found) - record.data());
    if (end >= anchor && record.substr(end - anchor, key.size()) == key) {
      return end - anchor;
    }
  }
  return std::string_view::npos;
}

// The last `key` that is a key and has a time; the same word as a value is
// passed by, a few times at most (a record may be made of nothing else).
absl::Time FindTime(std::string_view record, std::string_view key,
                    std::string_view quote, TimestampReader& reader) {
  constexpr int kMostTries = 8;
  size_t at = FindLast(record, key, record.size());
  for (int i = 0; i < kMostTries && at != std::string_view::npos; ++i) {
    std::string_view value = ValueBehind(record.substr(at + key.size()), quote);
    absl::Time time = reader.Read(value);
    if (time != absl::InfinitePast()) return time;
    at = FindLast(record, key, at);
  }
  return absl::InfinitePast();
}

}  // namespace

absl::Time PeekStageTime(std::string_view record, TimestampReader& reader) {
  absl::Time time = FindTime(record, kPlainKey, "\"", reader);
  if (time != absl::InfinitePast()) return time;
  return FindTime(record, kEscapedKey, "\\\"", reader);
}

}  // namespace oddverb
