#include "app/held_shares.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace oddverb {
namespace {

constexpr absl::Duration kFirstPause = absl::Seconds(1);
constexpr absl::Duration kLongestPause = absl::Seconds(30);
// Of outputs, while the group waits; what they do not have is in the state.
constexpr absl::Duration kDrain = absl::Seconds(1);

}  // namespace

HeldShares::HeldShares(Begin begin, Logger& logger)
    : begin_(std::move(begin)), logger_(logger) {}

HeldShares::~HeldShares() = default;

HeldShares::Slot* HeldShares::Find(int32_t number, State state) const {
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (slot->number == number && slot->state == state) return slot.get();
  }
  return nullptr;
}

void HeldShares::OnGiven(const std::vector<int32_t>& partitions) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (is_ending_) return;
  for (int32_t number : partitions) {
    if (Find(number, State::kHeld) != nullptr) continue;
    auto slot = std::make_unique<Slot>();
    slot->number = number;
    slot->pause = kFirstPause;
    slots_.push_back(std::move(slot));
  }
}

void HeldShares::OnTaken(const std::vector<int32_t>& partitions,
                         Ending ending) {
  std::vector<Slot*> leaving;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (int32_t number : partitions) {
      Slot* slot = Find(number, State::kHeld);
      if (slot == nullptr) continue;
      const bool is_lost = ending == Ending::kLost;
      slot->state = is_lost ? State::kLost : State::kHandingOver;
      if (slot->share != nullptr) {
        slot->share->Stop(is_lost ? GroupShare::Ending::kLost
                                  : GroupShare::Ending::kHandedOver,
                          kDrain);
      }
      if (!is_lost) leaving.push_back(slot);
    }
  }
  // Nobody else touches these.
  for (Slot* slot : leaving) {
    if (slot->share != nullptr) slot->share->Join();
  }
  std::lock_guard<std::mutex> lock(mutex_);
  for (Slot* slot : leaving) Retire(*slot);
}

void HeldShares::Retire(Slot& slot) {
  if (slot.share != nullptr) slot.share->AddTo(retired_);
  std::erase_if(slots_, [&](const auto& one) { return one.get() == &slot; });
}

void HeldShares::BeginAgain(Slot& slot, absl::Time now) {
  if (slot.share == nullptr) {
    if (now >= slot.next_try && !is_ending_) slot.share = begin_(slot.number);
    return;
  }
  if (!slot.share->has_ended()) return;
  slot.share->Join();
  slot.problem = std::string(slot.share->status().message());
  slot.share->AddTo(retired_);
  slot.share.reset();
  slot.next_try = now + slot.pause;
  logger_.Error("a share failed; it is begun again at its last checkpoint",
                {{"partition", absl::StrCat(slot.number)},
                 {"error", slot.problem},
                 {"in", absl::FormatDuration(slot.pause)}});
  slot.pause = std::min(2 * slot.pause, kLongestPause);
}

void HeldShares::TellUnkeyed(const Slot& slot) {
  if (has_told_unkeyed_ || slot.share == nullptr) return;
  if (!slot.share->has_unkeyed_messages()) return;
  has_told_unkeyed_ = true;
  logger_.Error(
      "messages of the topic have no key, so what one actor does is in several "
      "partitions, and what it makes up together is not seen; bring them to a "
      "topic that is keyed by actor with oddverb forward",
      {{"partition", absl::StrCat(slot.number)}});
}

void HeldShares::LookAfter(absl::Time now) {
  std::vector<std::unique_ptr<GroupShare>> gone;  // without the lock
  std::lock_guard<std::mutex> lock(mutex_);
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (slot->state != State::kHeld) continue;
    BeginAgain(*slot, now);
    TellUnkeyed(*slot);
  }
  std::erase_if(slots_, [&](const std::unique_ptr<Slot>& slot) {
    if (slot->state != State::kLost) return false;
    if (slot->share != nullptr && !slot->share->has_ended()) return false;
    if (slot->share != nullptr) {
      slot->share->AddTo(retired_);
      gone.push_back(std::move(slot->share));
    }
    return true;
  });
}

void HeldShares::HandOverAll(absl::Duration drain) {
  std::vector<Slot*> leaving;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    is_ending_ = true;
    for (const std::unique_ptr<Slot>& slot : slots_) {
      if (slot->state != State::kHeld) continue;
      slot->state = State::kHandingOver;
      if (slot->share == nullptr) continue;
      slot->share->Stop(GroupShare::Ending::kHandedOver, drain);
      leaving.push_back(slot.get());
    }
  }
  for (Slot* slot : leaving) slot->share->Join();
}

// Of one that is to begin.
absl::Status HeldShares::ProblemOf(const Slot& slot) {
  if (slot.problem.empty()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("share ", slot.number, ": ", slot.problem));
}

absl::Status HeldShares::health() const {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (slot->state != State::kHeld) continue;
    absl::Status status =
        slot->share != nullptr
            ? slot->share->health()
            : absl::UnavailableError(
                  absl::StrCat("share ", slot->number, ": ", slot->problem));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

bool HeldShares::IsAnyWedged(absl::Time now, absl::Duration patience) {
  std::lock_guard<std::mutex> lock(mutex_);
  bool is_wedged = false;
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (slot->state != State::kHeld || slot->share == nullptr) continue;
    is_wedged |= slot->share->IsWedged(now, patience);
  }
  return is_wedged;
}

size_t HeldShares::count() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<size_t>(std::count_if(
      slots_.begin(), slots_.end(),
      [](const auto& slot) { return slot->state == State::kHeld; }));
}

void HeldShares::AddTo(GroupTotals& totals) const {
  std::lock_guard<std::mutex> lock(mutex_);
  totals.Add(retired_);
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (slot->share != nullptr) slot->share->AddTo(totals);
  }
}

HttpResponse HeldShares::AnswerAlerts(std::string_view path,
                                      std::string_view query) const {
  std::lock_guard<std::mutex> lock(mutex_);
  HttpResponse all = {
      .status = 200, .content_type = "application/json", .body = "[]"};
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (slot->share == nullptr || slot->state != State::kHeld) continue;
    HttpResponse one = slot->share->AnswerAlerts(path, query);
    const bool is_list = one.status == 200 && one.body.starts_with('[');
    if (!is_list && !one.body.empty()) return one;
    const size_t end = one.body.rfind(']');
    if (!is_list || end < 2) continue;
    all.body.pop_back();
    absl::StrAppend(&all.body, all.body.size() > 1 ? "," : "",
                    one.body.substr(1, end - 1), "]");
  }
  return all;
}

void HeldShares::SetMinSeverities(const std::vector<OutputConfig>& outputs) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (slot->share != nullptr) slot->share->SetMinSeverities(outputs);
  }
}

}  // namespace oddverb
