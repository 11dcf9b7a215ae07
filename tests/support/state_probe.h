// For tests of a checkpoint on disk: batches whose parts all say one number,
// the content as text, and code that runs in another process.
#ifndef ODDVERB_TESTS_SUPPORT_STATE_PROBE_H_
#define ODDVERB_TESTS_SUPPORT_STATE_PROBE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "pipeline/sqlite_checkpoint.h"

namespace oddverb {

class FixedClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);  // 20231114T221320Z
};

// State of several owners, a bookmark, a finding, a dead letter, all of `n`;
// judges the body of number n of "hook".
CheckpointBatch NumberedBatch(uint64_t n);
// The numbers that the parts of a checkpoint say; one number unless it is torn.
std::set<uint64_t> NumbersIn(const Restored& restored);

// Everything that the checkpoint holds, spool of `source` too, to be compared.
std::string ContentOf(SqliteCheckpoint& checkpoint, std::string_view source);
std::string TextOf(const std::optional<Restored>& restored);

// Opens with default limits; fails the test if that fails.
std::unique_ptr<SqliteCheckpoint> OpenState(const std::string& directory,
                                            const Clock& clock);

// Runs `work` in a child process without rights (as root: as user nobody) and
// returns what it returned.
std::string RunWithoutRights(const std::function<std::string()>& work);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_STATE_PROBE_H_
