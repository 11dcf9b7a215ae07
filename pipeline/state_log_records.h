// The keys of a StateLog, and rows as records. Keys are text, so that people
// can read them; the format is bound to StateLogKey::kFormat. Pure functions.
#ifndef ODDVERB_PIPELINE_STATE_LOG_RECORDS_H_
#define ODDVERB_PIPELINE_STATE_LOG_RECORDS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/checkpoint.h"
#include "pipeline/outbox.h"
#include "pipeline/state_log.h"

namespace oddverb {

// "row 3 1234 0 shard/07": kind, id and part of a state row, and its owner.
// "bookmark topic": of a source. "finding 17": in the outbox. "sink ndjson": a
// cursor. "totals". "origin": whose state this is.
struct StateLogKey {
  static constexpr uint64_t kFormat = 1;

  enum class Type : uint8_t {
    kRow,
    kBookmark,
    kFinding,
    kSink,
    kTotals,
    kOrigin,
  };
  Type type = Type::kTotals;
  std::string name = {};  // owner, source, sink
  uint8_t kind = 0;       // of a row
  uint32_t id = 0;        // of a row
  uint64_t number = 0;    // of a finding; the part of a row

  std::string ToText() const;
  static std::optional<StateLogKey> Parse(std::string_view text);
};

// Whose state a log holds, and the key of its hashes: the value of "origin".
struct StateOrigin {
  uint64_t format = StateLogKey::kFormat;
  std::string owner;
  std::string hash_key;  // hexadecimal digits
};
std::string OriginValue(const StateOrigin& origin);
// DataLoss: damaged.
absl::StatusOr<StateOrigin> ParseOriginValue(std::string_view value);

// Values of records stay below this, so that a topic with the usual
// max.message.bytes takes them.
inline constexpr size_t kMaxStateLogValue = 512 << 10;

// Appends a row, in parts if it is large. `parts_before`: how many it had.
// Returns how many it has.
uint64_t AppendRow(const StateRow& row, uint64_t parts_before,
                   std::vector<StateLogRecord>& out);

// Puts rows together again, from parts in any order.
class RowAssembly {
 public:
  // A later one of the same key replaces an earlier one.
  void Add(const StateLogKey& key, std::optional<std::string_view> value);
  // Sorted by (owner, kind, id). DataLoss: parts are missing. Empties it.
  absl::StatusOr<std::vector<StateRow>> Take();

 private:
  struct Part {
    uint32_t owner = 0;  // as numbers_ has it
    uint32_t id = 0;
    uint64_t number = 0;
    uint8_t kind = 0;

    bool operator==(const Part&) const = default;
    template <typename H>
    friend H AbslHashValue(H state, const Part& part) {
      return H::combine(std::move(state), part.owner, part.id, part.number,
                        part.kind);
    }
  };
  using Parts = absl::flat_hash_map<Part, std::string>;
  // Of millions of rows: all that is compared lies side by side, and owners, of
  // whom there are few, are numbers.
  struct Place {
    uint64_t row = 0;  // by owner, kind and id
    uint64_t number = 0;
    Parts::value_type* part = nullptr;
  };
  std::vector<Place> InOrder();

  std::map<std::string, uint32_t, std::less<>> numbers_;
  std::vector<std::string> owners_;
  Parts parts_;
};

// Number of parts that a row of these bytes has.
uint64_t PartsOf(const StateRow& row);

// DataLoss: damaged.
absl::StatusOr<OutboxEntry> StateLogEntry(uint64_t number,
                                          std::string_view bytes);

std::string SinkValue(const SinkCursor& cursor);
absl::StatusOr<SinkCursor> ParseSinkValue(const std::string& name,
                                          std::string_view value);

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_STATE_LOG_RECORDS_H_
