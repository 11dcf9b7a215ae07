// Finds the use of decoys: identities and secrets that exist to be stolen, and
// that nobody has business with.
//
//   honeytoken.touched  a decoy acts, somebody acts as it or mints its token,
//                       or a decoy secret is read or written
//
// Which they are is configuration; without it, nothing is looked at. Needs no
// learning: one request is the finding, allowed or not. One thread.
#ifndef ODDVERB_DETECTORS_HONEYTOKEN_H_
#define ODDVERB_DETECTORS_HONEYTOKEN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "detectors/detector.h"
#include "detectors/keyed_cases.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class Honeytoken final : public Detector {
 public:
  using Names = std::set<std::string, std::less<>>;

  struct Options {
    static constexpr size_t kMaxNames = 1024;  // of each list

    Names users;            // user names, as the log has them
    Names serviceaccounts;  // NAMESPACE/NAME
    Names secrets;          // NAMESPACE/NAME
    // Users that look after the secrets: GitOps, backups.
    Names except;

    static absl::StatusOr<Options> FromYaml(const YamlNode& node);
  };

  static constexpr absl::Duration kQuiet = absl::Minutes(30);
  static constexpr size_t kMaxCasesPerActor = 8;
  static constexpr size_t kMaxCases = 256;

  Honeytoken(const DetectorContext& context, Options options);

  FieldSet fields() const override;
  void Observe(const AuditEvent& event, const EntityIds& ids,
               Emit& out) override;
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  void Forget(EntityKind kind, EntityId id) override;
  bool CanRest(EntityKind kind, EntityId id) const override;
  void Save(EntityKind kind, EntityId id, StateWriter& out) const override;
  absl::Status Load(EntityKind kind, EntityId id, StateReader& in) override;

 private:
  enum class Touch : uint8_t { kActs, kImpersonated, kMinted, kSecret };
  struct Sighting {
    Touch touch = Touch::kActs;
    std::string decoy;  // its name, for people
  };

  std::optional<Sighting> Look(const AuditEvent& event) const;
  Finding Write(const AuditEvent& event, const EntityIds& ids,
                const Sighting& sighting) const;

  const DetectorContext context_;
  Options options_;
  Names identities_;  // user names of both kinds
  KeyedCases cases_{{kQuiet, kMaxCasesPerActor, kMaxCases}};
};

absl::StatusOr<std::unique_ptr<Detector>> MakeHoneytoken(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_HONEYTOKEN_H_
