// A log of keys and values that keeps the last value of each key, and takes
// several of them, with findings and positions, as one transaction. What a
// LogCheckpoint keeps its state in.
#ifndef ODDVERB_PIPELINE_STATE_LOG_H_
#define ODDVERB_PIPELINE_STATE_LOG_H_

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "model/finding.h"
#include "pipeline/checkpoint.h"

namespace oddverb {

struct StateLogRecord {
  std::string key;
  std::optional<std::string> value;  // nullopt: the key goes
};

// One transaction.
struct StateLogWrite {
  std::vector<StateLogRecord> records;
  std::span<const Finding> findings = {};  // to be published
  std::span<const DeadLetterRow> dead_letters = {};
  std::span<const std::string> observations = {};  // for a correlator
  // By source name, as in CheckpointBatch: for whoever shows how far we are.
  std::map<std::string, std::string> bookmarks = {};
};

// One thread at a time.
class StateLog {
 public:
  virtual ~StateLog() = default;

  // Of every record that was committed, oldest first; a later one of the same
  // key counts. Stops with the status of `each` if that is not OK. The keys and
  // values die with the call. Aborted: what was given does not count; it may be
  // called once more.
  using Each = std::function<absl::Status(
      std::string_view key, std::optional<std::string_view> value)>;
  virtual absl::Status Read(const Each& each) = 0;

  // OK: all of it is there for ever. Unavailable: nothing of it is, and it may
  // be tried again as a whole; or is_undecided(), then Settle() comes next.
  // FailedPrecondition: another process has taken over, never again.
  virtual absl::Status Write(const StateLogWrite& write) = 0;
  // Whether it is not known what became of the last Write().
  virtual bool is_undecided() const = 0;
  // OK: it is there. Aborted: nothing of it is. Else as Write().
  virtual absl::Status Settle() = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_STATE_LOG_H_
