// serviceaccount.used_by_hand of an account that was never used before: for a
// day and more kubelets have minted tokens of it for its pods, and no request
// came with one, so no program in them calls the API. Whoever does so now is
// somebody else.
//
// The correlator's part of service_account_use: kubelets mint, the account
// acts. State is by account, among the correlator's actors. One thread.
#ifndef ODDVERB_DETECTORS_SERVICE_ACCOUNT_DEBUT_H_
#define ODDVERB_DETECTORS_SERVICE_ACCOUNT_DEBUT_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "detectors/detector.h"
#include "detectors/keyed_cases.h"
#include "yaml/yaml_node.h"

namespace oddverb {

inline constexpr std::string_view kUsedByHandRule =
    "serviceaccount.used_by_hand";

class ServiceAccountDebut final : public CrossDetector {
 public:
  // Kubelets renew tokens every hour, at the latest every day: a program that
  // calls the API at all does so within it.
  static constexpr absl::Duration kDormant = absl::Hours(24);
  static constexpr double kDormantWeight = 3;
  static constexpr size_t kMaxCases = 64;
  // As ClusterMap has it.
  static constexpr uint8_t kGatewayPods = 3;

  void Observe(const Observation& observation, const ObservationIds& ids,
               Emit& out) override;
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  void Forget(EntityKind kind, EntityId id) override;
  bool CanRest(EntityKind kind, EntityId id) const override;
  void Save(EntityKind kind, EntityId id, StateWriter& out) const override;
  absl::Status Load(EntityKind kind, EntityId id, StateReader& in) override;
  void SaveShared(StateWriter& out) const override { out.PutTime(gap_); }
  absl::Status LoadShared(StateReader& in) override {
    gap_ = in.GetTime();
    return in.status();
  }

 private:
  static constexpr int64_t kNever = INT64_MAX;
  struct Account {
    int64_t minted_micros = kNever;  // by a kubelet, for the first time
    int64_t used_micros = kNever;    // first use
    // Since when it could have been used, at its first use; kNever = for less
    // than kDormant.
    int64_t dormant_micros = kNever;
  };

  Account& AccountOf(EntityId id);
  static KeyedCases::Limits Limits();
  void NoteUse(absl::Time now, Account& account) const;
  // Whose pods are seen behind it.
  bool IsGateway(EntityId address) const {
    return address < pods_at_.size() && pods_at_[address] >= kGatewayPods;
  }
  void Judge(const Observation& debut, const ObservationIds& ids, Emit& out);

  std::vector<Account> accounts_;  // by id
  // Pods whose tokens came from an address, by its id, up to kGatewayPods.
  std::vector<uint8_t> pods_at_;
  // What came before it may be missing from the log.
  absl::Time gap_ = absl::InfinitePast();
  KeyedCases cases_{Limits()};
};

absl::StatusOr<std::unique_ptr<CrossDetector>> MakeServiceAccountDebut(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_SERVICE_ACCOUNT_DEBUT_H_
