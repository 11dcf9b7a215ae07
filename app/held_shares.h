// The shares that a process has at present, as the group gives and takes them.
// One that fails is begun again, as long as it is ours. Thread-safe.
#ifndef ODDVERB_APP_HELD_SHARES_H_
#define ODDVERB_APP_HELD_SHARES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "app/group_share.h"
#include "app/group_totals.h"
#include "kafka/kafka_shares.h"
#include "net/http_message.h"
#include "telemetry/logging.h"

namespace oddverb {

class HeldShares final : public KafkaShares::Owner {
 public:
  // Begins a share; called by LookAfter().
  using Begin = std::function<std::unique_ptr<GroupShare>(int32_t number)>;

  // `logger` must outlive it.
  HeldShares(Begin begin, Logger& logger);
  ~HeldShares() override;

  void OnGiven(const std::vector<int32_t>& partitions) override;
  void OnTaken(const std::vector<int32_t>& partitions, Ending ending) override;

  // To be called every now and then: begins what was given, takes leave of what
  // has ended, and begins again what should not have.
  void LookAfter(absl::Time now);
  // All are handed over, and none is taken any more. Waits for it.
  void HandOverAll(absl::Duration drain);

  // OK, or the first one's problem.
  absl::Status health() const;
  bool IsAnyWedged(absl::Time now, absl::Duration patience);
  size_t count() const;
  void AddTo(GroupTotals& totals) const;
  // The lists of all in one.
  HttpResponse AnswerAlerts(std::string_view path,
                            std::string_view query) const;
  void SetMinSeverities(const std::vector<OutputConfig>& outputs);

 private:
  enum class State : uint8_t { kHeld, kHandingOver, kLost };
  struct Slot {
    int32_t number = 0;
    State state = State::kHeld;
    std::unique_ptr<GroupShare> share;  // null: it is to begin
    absl::Time next_try = absl::InfinitePast();
    absl::Duration pause;
    std::string problem;  // of the last try
  };
  static absl::Status ProblemOf(const Slot& slot);
  // All REQUIRE that mutex_ is held.
  Slot* Find(int32_t number, State state) const;
  void Retire(Slot& slot);
  void BeginAgain(Slot& slot, absl::Time now);
  void TellUnkeyed(const Slot& slot);

  const Begin begin_;
  Logger& logger_;
  mutable std::mutex mutex_;
  // Guarded by mutex_. A slot that is being handed over stays until it is.
  std::vector<std::unique_ptr<Slot>> slots_;
  GroupTotals retired_;
  bool is_ending_ = false;
  bool has_told_unkeyed_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_HELD_SHARES_H_
